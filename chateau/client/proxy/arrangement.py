"""Arrangement: frames and their fates in, writes out, in the order in which they are to be written.

Here frames overtake each other, wait for others to be written with, and are cut. A frame that waits does so
until :meth:`Arrangement.flush`; for how long, :mod:`chateau.client.proxy.flow` says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from chateau.client.proxy.faults import Fate
from chateau.client.proxy.frame import Frame, Kind
from chateau.client.proxy.rule import Ending


@dataclass(frozen=True, slots=True)
class Passed:
    """A frame, how often it is in the write (0: it was dropped), and what was done to it."""

    frame: Frame
    copies: int
    done: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes to be written in these *pieces*, and how the direction ends after them, if it does."""

    passed: tuple[Passed, ...] = ()
    pieces: tuple[bytes, ...] = ()
    ending: Ending | None = None
    code: int = 1000


class Arrangement:
    """One direction of one connection."""

    def __init__(self) -> None:
        self._overtaken: list[tuple[Frame, Fate, int]] = []  # the last: how many may still go first
        self._gathered: list[tuple[Frame, Fate]] = []
        self._wanted = 1

    @property
    def is_holding(self) -> bool:
        """Whether a frame waits for others."""
        return bool(self._overtaken or self._gathered)

    def put(self, frame: Frame, fate: Fate) -> list[Write]:
        """What is to be written now that *frame* has come."""
        if fate.ending or frame.kind is Kind.CLOSE:
            return [*self.flush(), *self._ended(frame, fate)]
        if fate.is_dropped:
            return [_written([(frame, fate)])]
        if fate.overtaken_by and not frame.is_control:
            self._overtaken.append((frame, fate, fate.overtaken_by))
            return []
        return [*self._pass(frame, fate), *self._let_follow(frame)]

    def flush(self) -> list[Write]:
        """What waits, written without waiting any longer."""
        overtaken, self._overtaken = self._overtaken, []
        writes = [write for frame, fate, _ in overtaken for write in self._pass(frame, fate)]
        return writes + self._write_gathered()

    def _ended(self, frame: Frame, fate: Fate) -> Iterator[Write]:
        yield _written([(frame, fate)])
        if fate.ending:
            yield Write(ending=fate.ending, code=fate.code)

    def _let_follow(self, frame: Frame) -> list[Write]:
        """The frames that *frame* was the last to overtake. Control frames overtake without being counted."""
        if frame.is_control:
            return []
        counted = [(held, fate, left - 1) for held, fate, left in self._overtaken]
        self._overtaken = [one for one in counted if one[2] > 0]
        return [write for held, fate, left in counted if not left for write in self._pass(held, fate)]

    def _pass(self, frame: Frame, fate: Fate) -> list[Write]:
        if not self._gathered and fate.joined <= 1:
            return [_written([(frame, fate)])]
        self._wanted = max(self._wanted, fate.joined)
        self._gathered.append((frame, fate))
        complete = sum(not one.is_control for one, _ in self._gathered) >= self._wanted
        return self._write_gathered() if complete else []

    def _write_gathered(self) -> list[Write]:
        gathered, self._gathered, self._wanted = self._gathered, [], 1
        return [_written(gathered)] if gathered else []


def done(fate: Fate) -> tuple[str, ...]:
    """*fate* in words."""
    delayed = f"delayed {fate.delay_seconds * 1000:.0f} ms" if fate.delay_seconds else ""
    if fate.is_dropped:
        return tuple(filter(None, ("dropped", delayed)))
    words = (
        delayed,
        "" if fate.copies == 1 else "duplicated" if fate.copies == 2 else f"passed {fate.copies} times",
        "reordered" if fate.overtaken_by else "",
        _cut_in_words(fate.cuts),
    )
    return tuple(filter(None, words))


def _cut_in_words(cuts: tuple[int, ...]) -> str:
    if len(cuts) > 3:
        return f"cut into {len(cuts) + 1} pieces"
    return f"cut at {', '.join(map(str, cuts))}" if cuts else ""


def _written(frames: list[tuple[Frame, Fate]]) -> Write:
    """All of *frames* in one write, cut where each of them is."""
    joined = (f"joined with {len(frames) - 1} more",) if len(frames) > 1 else ()
    content, cuts, passed = bytearray(), [0], []
    for frame, fate in frames:
        copies = 0 if fate.is_dropped else fate.copies
        passed.append(Passed(frame, copies, done(fate) + joined))
        for _ in range(copies):
            cuts += [len(content) + cut for cut in fate.cuts]
            content += frame.raw
    pieces = (bytes(content[start:end]) for start, end in pairwise([*cuts, len(content)]))
    return Write(tuple(passed), tuple(filter(None, pieces)))
