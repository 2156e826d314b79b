"""Schedule: the order and the time in which the frames of one direction are written.

:class:`Backlog` holds frames that were read until they are due. :class:`WriteScheduler` makes writes of
frames and their fault decisions: there, frames overtake each other, wait for others to be written together,
and are cut. :mod:`chateau.client.proxy.pipe` decides how long a frame waits before
:meth:`WriteScheduler.flush`.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

from chateau.client.proxy.codec import Frame, Kind
from chateau.client.proxy.faults import NO_FAULT, Ending, FaultDecision

MAX_BACKLOG_BYTES = 1024 * 1024
FRAME_OVERHEAD_BYTES = 256  # memory that a frame takes in addition to its payload


@dataclass(frozen=True, slots=True)
class QueuedFrame:
    """A frame, its decision, and the loop time at which it is due; without a frame, the end."""

    due: float
    frame: Frame | None = None
    decision: FaultDecision = NO_FAULT


class Backlog:
    """Frames between the task that reads and the task that writes.

    It is bounded: the reader waits for :attr:`room`. The order never changes; a frame that is delayed delays
    those behind it.
    """

    def __init__(self) -> None:
        self._queue: deque[QueuedFrame] = deque()
        self._bytes = 0
        self._last_due = 0.0
        self._failure: Exception | None = None
        self._filled = asyncio.Event()
        self.room = asyncio.Event()  # there is room
        self.room.set()

    def put(self, frame: Frame | None, decision: FaultDecision) -> None:
        now = asyncio.get_running_loop().time()
        self._last_due = max(self._last_due, now + decision.delay_seconds)
        self._queue.append(QueuedFrame(self._last_due, frame, decision))
        self._count(len(frame.raw) + FRAME_OVERHEAD_BYTES if frame else 0)
        self._filled.set()

    def fail(self, failure: Exception) -> None:
        """Raise *failure* from :meth:`next`, before any frame that is queued."""
        self._failure = failure
        self._filled.set()

    async def next(self, deadline: float | None) -> QueuedFrame | None:
        """Wait for the next frame and return it once it is due; return None if none is due at the *deadline*.

        Raises:
            Exception: the failure of the reader.
        """
        clock = asyncio.get_running_loop().time
        while True:
            if self._failure:
                raise self._failure
            now, head = clock(), self._queue[0] if self._queue else None
            if head and head.due <= now:
                return self._take()
            if deadline is not None and deadline <= now:
                return None
            times = [time for time in (head.due if head else None, deadline) if time is not None]
            self._filled.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(times, default=None)):
                    await self._filled.wait()

    def clear(self) -> list[Frame]:
        """Remove and return all frames."""
        queued = [self._take() for _ in range(len(self._queue))]
        return [one.frame for one in queued if one.frame]

    def _take(self) -> QueuedFrame:
        taken = self._queue.popleft()
        self._count(-len(taken.frame.raw) - FRAME_OVERHEAD_BYTES if taken.frame else 0)
        return taken

    def _count(self, change: int) -> None:
        self._bytes += change
        if self._bytes < MAX_BACKLOG_BYTES:
            self.room.set()
        else:
            self.room.clear()


@dataclass(frozen=True, slots=True)
class Passed:
    """A frame, the number of its copies in the write (0: it was dropped), and the faults done to it."""

    frame: Frame
    copies: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes to write in these *pieces*, and how the direction ends after them, if it does."""

    passed: tuple[Passed, ...] = ()
    pieces: tuple[bytes, ...] = ()
    ending: Ending | None = None
    code: int = 1000


class WriteScheduler:
    """The writes of one direction of one connection."""

    def __init__(self) -> None:
        self._overtaken: list[tuple[Frame, FaultDecision, int]] = []  # with how many may still pass first
        self._joined: list[tuple[Frame, FaultDecision]] = []
        self._join_count = 1

    @property
    def is_holding(self) -> bool:
        """Return whether a frame waits for others."""
        return bool(self._overtaken or self._joined)

    def put(self, frame: Frame, decision: FaultDecision) -> list[Write]:
        """Return the writes that are due once *frame* has arrived."""
        if decision.ending or frame.kind is Kind.CLOSE:
            ending = [Write(ending=decision.ending, code=decision.code)] if decision.ending else []
            return [*self.flush(), _write_of([(frame, decision)]), *ending]
        if decision.is_dropped:
            return [_write_of([(frame, decision)])]
        if decision.overtaken_by and not frame.is_control:
            self._overtaken.append((frame, decision, decision.overtaken_by))
            return []
        return [*self._pass(frame, decision), *self._release_overtaken(frame)]

    def flush(self) -> list[Write]:
        """Return the writes of all frames that wait."""
        overtaken, self._overtaken = self._overtaken, []
        writes = [write for frame, decision, _ in overtaken for write in self._pass(frame, decision)]
        return writes + self._write_joined()

    def _release_overtaken(self, frame: Frame) -> list[Write]:
        """Write the frames that *frame* was the last to overtake. Control frames are not counted."""
        if frame.is_control:
            return []
        counted = [(held, decision, left - 1) for held, decision, left in self._overtaken]
        self._overtaken = [one for one in counted if one[2] > 0]
        return [write for held, decision, left in counted if not left for write in self._pass(held, decision)]

    def _pass(self, frame: Frame, decision: FaultDecision) -> list[Write]:
        if not self._joined and decision.joined <= 1:
            return [_write_of([(frame, decision)])]
        self._join_count = max(self._join_count, decision.joined)
        self._joined.append((frame, decision))
        complete = sum(not one.is_control for one, _ in self._joined) >= self._join_count
        return self._write_joined() if complete else []

    def _write_joined(self) -> list[Write]:
        joined, self._joined, self._join_count = self._joined, [], 1
        return [_write_of(joined)] if joined else []


def describe(decision: FaultDecision) -> tuple[str, ...]:
    """Return *decision* in words."""
    delayed = f"delayed {decision.delay_seconds * 1000:.0f} ms" if decision.delay_seconds else ""
    if decision.is_dropped:
        return tuple(filter(None, ("dropped", delayed)))
    copies, cuts = decision.copies, decision.cuts
    words = (
        delayed,
        "" if copies == 1 else "duplicated" if copies == 2 else f"passed {copies} times",
        "reordered" if decision.overtaken_by else "",
        f"cut into {len(cuts) + 1} pieces" if len(cuts) > 3 else "",
        f"cut at {', '.join(map(str, cuts))}" if 0 < len(cuts) <= 3 else "",
    )
    return tuple(filter(None, words))


def _write_of(frames: list[tuple[Frame, FaultDecision]]) -> Write:
    """Return one write of all *frames*, cut according to their decisions."""
    joined = (f"joined with {len(frames) - 1} more",) if len(frames) > 1 else ()
    content, cuts, passed = bytearray(), [0], []
    for frame, decision in frames:
        copies = 0 if decision.is_dropped else decision.copies
        passed.append(Passed(frame, copies, describe(decision) + joined))
        for _ in range(copies):
            cuts += [len(content) + cut for cut in decision.cuts]
            content += frame.raw
    pieces = (bytes(content[start:end]) for start, end in pairwise([*cuts, len(content)]))
    return Write(tuple(passed), tuple(filter(None, pieces)))
