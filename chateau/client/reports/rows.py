"""What a sequence diagram tells, row by row: the frames in their order, what is left out, where it failed.

How a row is drawn is told in :mod:`chateau.client.reports.diagram`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chateau.client.reports.telling import around_the_failure, elapsed, is_cut, words
from chateau.client.scenarios.model import Failure, Result, Verdict
from chateau.client.text_safety import shortened, wrapped
from chateau.client.transcript import Entry, Opcode

MOST_FRAMES = 200
MOST_DIFFERENCES = 6
LINE_HEIGHT = 15.0
LABEL_CHARACTERS = 2_000  # what is further behind does not come into a label

_WORDS = {
    Opcode.OPEN: "opens",
    Opcode.CLOSE: "closes",
    Opcode.PING: "ping",
    Opcode.PONG: "pong",
    Opcode.BINARY: "binary",
    Opcode.RAW: "raw",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """An arrow for *entry*, under one or two lines that say what it carries."""

    entry: Entry
    time: str
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        return LINE_HEIGHT * len(self.lines) + 19


@dataclass(frozen=True, slots=True)
class LeftOut:
    """In place of *entries*, for which there is no room."""

    entries: tuple[Entry, ...]
    height: float = 34.0


@dataclass(frozen=True, slots=True)
class Broken:
    """Where the scenario failed: a mark on the lifeline of the client, and a box with *lines* below."""

    verdict: Verdict
    failure: Failure
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        return LINE_HEIGHT * len(self.lines) + 66


Row = Frame | LeftOut | Broken


def rows_of(result: Result, *, lane_cells: int, box_cells: int) -> list[Row]:
    """The rows for *result*, from the first to the last."""
    before, after = around_the_failure(result)
    broken = [_broken(result.verdict, result.failure, box_cells)] if result.failure else []
    return [*_frames(result, before, lane_cells), *broken, *_frames(result, after, lane_cells)]


def _frames(result: Result, entries: Sequence[Entry], lane_cells: int) -> Iterable[Row]:
    def frame(entry: Entry) -> Frame:
        return Frame(entry, elapsed(result, entry), _label(entry, lane_cells))

    if len(entries) <= MOST_FRAMES:
        return map(frame, entries)
    half = MOST_FRAMES // 2
    left_out = LeftOut(tuple(entries[half:-half]))
    return [*map(frame, entries[:half]), left_out, *map(frame, entries[-half:])]


def _label(entry: Entry, width: int) -> tuple[str, ...]:
    carried = words(entry, LABEL_CHARACTERS)
    if entry.opcode in {Opcode.REQUEST, Opcode.RESPONSE}:
        return _http_label(carried, width)
    word = "" if is_cut(entry) else _WORDS.get(entry.opcode, "")
    return tuple(wrapped(" ".join(filter(None, (word, carried))) or "(empty)", width, 2))


def _http_label(text: str, width: int) -> tuple[str, ...]:
    """The first line, and the body where there is one."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    lines = head.split("\n", 1)[0], body
    return tuple(shortened(line, width) for line in lines if line)


def _broken(verdict: Verdict, failure: Failure, width: int) -> Broken:
    """What was expected and what came, in the words of *failure*."""
    told = failure.differences[:MOST_DIFFERENCES]
    more = len(failure.differences) - len(told)
    lines = [
        *wrapped(f"✗ {verdict}, line {failure.location.line}: {failure.step}", width, 2),
        *wrapped(failure.sentence, width, 3),
        *(line for difference in told for line in wrapped(difference, width, 2)),
        *([f"… and {more} more"] if more else []),
    ]
    return Broken(verdict, failure, tuple(lines))
