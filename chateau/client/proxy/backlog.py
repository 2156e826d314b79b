"""The backlog of one direction: frames that were read, and wait for the time at which they may go on.

It is bounded: whoever fills it waits for room. The order never changes; a frame that is delayed holds those
behind it.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

from chateau.client.proxy.faults import NOTHING, Fate
from chateau.client.proxy.frame import Frame

MOST_BYTES = 1024 * 1024
FRAME_BYTES = 256  # what a frame costs besides its payload


@dataclass(frozen=True, slots=True)
class Waiting:
    """A frame with its fate, and when it may go, by the loop's clock; without a frame, the end."""

    due: float
    frame: Frame | None = None
    fate: Fate = NOTHING


class Backlog:
    """Filled by the one who reads, emptied by the one who writes."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._bytes = 0
        self._last_due = 0.0
        self._failure: Exception | None = None
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def put(self, frame: Frame | None, fate: Fate) -> None:
        now = asyncio.get_running_loop().time()
        self._last_due = max(self._last_due, now + fate.delay_seconds)
        self._waiting.append(Waiting(self._last_due, frame, fate))
        self._count(len(frame.raw) + FRAME_BYTES if frame else 0)
        self._filled.set()

    def fail(self, failure: Exception) -> None:
        """Have *failure* raised to the one who takes, before anything that waits."""
        self._failure = failure
        self._filled.set()

    async def room(self) -> None:
        """Wait until there is room."""
        await self._room.wait()

    async def next(self, deadline: float | None) -> Waiting | None:
        """What is due next, once it is due; None where nothing is by the *deadline*.

        Raises:
            Exception: what the reader failed by.
        """
        clock = asyncio.get_running_loop().time
        while True:
            if self._failure:
                raise self._failure
            now, head = clock(), self._waiting[0] if self._waiting else None
            if head and head.due <= now:
                return self._taken()
            if deadline is not None and deadline <= now:
                return None
            await self._filled_or(min((time for time in (head and head.due, deadline) if time), default=None))

    def rest(self) -> list[Frame]:
        """All that waits, taken out."""
        frames = []
        while self._waiting:
            if frame := self._taken().frame:
                frames.append(frame)
        return frames

    def _taken(self) -> Waiting:
        taken = self._waiting.popleft()
        self._count(-len(taken.frame.raw) - FRAME_BYTES if taken.frame else 0)
        return taken

    def _count(self, change: int) -> None:
        self._bytes += change
        if self._bytes < MOST_BYTES:
            self._room.set()
        else:
            self._room.clear()

    async def _filled_or(self, deadline: float | None) -> None:
        self._filled.clear()
        try:
            async with asyncio.timeout_at(deadline):
                await self._filled.wait()
        except TimeoutError:
            return
