"""Explain a mismatch: sentences, and a diff of what was expected and what was received.

Keys that the expectation does not mention are shown as context, not as differences. Nothing is compared
again: the mismatches of the comparison are the differences. Both sides become trees that are equal outside
of these, an operator that matched being replaced by the value that it matched, and are then written as JSON.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from chateau.client.scenarios.excerpts import (
    as_json,
    as_json_pair,
    excerpts,
    json_string,
    look_alike,
    shortened,
    visible,
)
from chateau.client.scenarios.match import ABSENT, below, is_operators, match
from chateau.client.scenarios.outcomes import Mismatch
from chateau.client.scenarios.schemas import Schemas

MAX_SENTENCES = 10
MAX_LINES = 60
MAX_LINES_IN_A_ROW = 24  # of one sign, so that a long value does not displace the other
CONTEXT_LINES = 3
SHORT = 72  # maximum width of an array or an object on one line
INDENT = "  "
TRANSPARENT = {"$exact", "$capture", "$any"}  # an object of these is shown as the operand of its $exact
EXPECTED, GOT, BOTH = "-", "+", " "

Line = tuple[str, str]  # sign, text


@dataclass(frozen=True, slots=True)
class _Differs:
    """A value, or JSON *written* already, that the other side does not have."""

    value: Any
    written: str | None = None


@dataclass(frozen=True, slots=True)
class _Parent:
    """An object or array with a difference in it; an item of an array has no key."""

    brackets: str
    items: Sequence[tuple[str | None, Any]]


def explain(
    expected: Any, got: Any, mismatches: Sequence[Mismatch] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the differences as sentences, and as the lines of a diff.

    A string *got* is a frame that was read as text. *mismatches* is None where nothing was received.
    """
    if mismatches is None:
        got, mismatches = ABSENT, ()
    sentences = [mismatch.sentence for mismatch in mismatches]
    if len(sentences) > MAX_SENTENCES:
        sentences[MAX_SENTENCES:] = [f"… and {len(sentences) - MAX_SENTENCES} more"]
    try:
        lines = list(_lines(expected, got, mismatches))
    except RecursionError:
        lines = [(EXPECTED, as_json(expected)), (GOT, as_json(got))]
    return tuple(sentences), tuple(f"{sign}{text}" for sign, text in _truncated(lines))


def _lines(expected: Any, got: Any, mismatches: Sequence[Mismatch]) -> Iterator[Line]:
    if isinstance(expected, str) and isinstance(got, str):
        yield from _texts(expected, got)
    elif isinstance(got, str) and not mismatches:
        yield from _text(BOTH, got)
    elif isinstance(expected, str) or isinstance(got, str) or got is ABSENT:
        for sign, value in ((EXPECTED, expected), (GOT, got)):
            if isinstance(value, str):
                yield from _text(sign, value)
            elif value is not ABSENT:
                yield from ((sign, text) for _, text in _written(_Differs(value)))
    else:
        left, right = _Sides(mismatches).of(expected, got, "")
        yield from _merged(list(_written(left)), list(_written(right)))


class _Sides:
    """Makes the two trees, in which only what *mismatches* point at is marked as different."""

    def __init__(self, mismatches: Sequence[Mismatch]) -> None:
        self._at = {mismatch.path for mismatch in mismatches}
        self._above = {path for mismatch in mismatches for path in _ancestors(mismatch.path)}

    def of(self, expected: Any, got: Any, path: str) -> tuple[Any, Any]:
        while is_operators(expected) and "$exact" in expected and expected.keys() <= TRANSPARENT:
            expected = expected["$exact"]
        if path not in self._at and path not in self._above:
            return got, got
        match expected, got:
            case dict(), dict() if not is_operators(expected) and path not in self._at:
                return self._objects(expected, got, path)
            case list(), list() if path not in self._at:
                items = enumerate(zip(expected, got, strict=True))
                pairs = [self.of(one, other, below(path, index)) for index, (one, other) in items]
                return _array([left for left, _ in pairs]), _array([right for _, right in pairs])
            case list(), list():
                return _arrays(expected, got)
            case str(), str():
                left, right = as_json_pair(expected, got)
                return _Differs(expected, left), _Differs(got, right)
        return _Differs(expected), _Differs(got)

    def _objects(self, expected: dict[str, Any], got: dict[str, Any], path: str) -> tuple[Any, Any]:
        left: list[tuple[str | None, Any]] = []
        right: list[tuple[str | None, Any]] = []
        for key in [*expected, *(key for key in got if key not in expected)]:
            at = below(path, key)
            if key in expected and key in got:
                one, other = self.of(expected[key], got[key], at)
                left.append((key, one))
                right.append((key, other))
            elif key in got:
                differs = at in self._at
                left += [] if differs else [(key, got[key])]
                right.append((key, _Differs(got[key]) if differs else got[key]))
            elif at in self._at:
                left.append((key, _Differs(expected[key])))
        return _Parent("{}", left), _Parent("{}", right)


def _ancestors(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def _array(items: Sequence[Any]) -> _Parent:
    return _Parent("[]", [(None, item) for item in items])


def _arrays(expected: list[Any], got: list[Any]) -> tuple[_Parent, _Parent]:
    """Mark what differs between two arrays of different length: all but their common ends."""
    schemas = Schemas()
    start, end = _common_ends(expected, got, lambda one, other: match(one, other, schemas=schemas).matches)

    def marked(items: list[Any]) -> _Parent:
        middle = map(_Differs, items[start : len(items) - end])
        return _array([*got[:start], *middle, *got[len(got) - end :]])

    return marked(expected), marked(got)


Fits = Callable[[Any, Any], bool]


def _common_ends(one: Sequence[Any], other: Sequence[Any], fits: Fits) -> tuple[int, int]:
    """Return how many items match at the beginning, and how many of the others at the end."""
    shorter = min(len(one), len(other))
    start = next((index for index in range(shorter) if not fits(one[index], other[index])), shorter)
    rest = range(1, shorter - start + 1)
    end = next((back - 1 for back in rest if not fits(one[-back], other[-back])), shorter - start)
    return start, end


def _written(node: Any, head: str = "", tail: str = "", depth: int = 0) -> Iterator[tuple[bool, str]]:
    """Yield the lines of a tree as JSON, each with whether it is a difference."""
    indent = INDENT * depth
    match node:
        case _Differs(written=str(text)):
            yield True, f"{indent}{head}{text}{tail}"
        case _Differs(value=value):
            lines = list(islice(_written(value, head, tail, depth), MAX_LINES_IN_A_ROW + 1))
            if len(lines) > MAX_LINES_IN_A_ROW:
                lines[-1] = (True, f"{indent}…")
            yield from ((True, text) for _, text in lines)
        case _Parent(brackets=brackets, items=items):
            yield False, f"{indent}{head}{brackets[0]}"
            for index, (key, item) in enumerate(items):
                name = "" if key is None else f"{json_string(shortened(key))}: "
                yield from _written(item, name, "," if index < len(items) - 1 else "", depth + 1)
            yield False, f"{indent}{brackets[1]}{tail}"
        case dict() if node and not _fits_on_one_line(node):
            yield from _written(_Parent("{}", list(node.items())), head, tail, depth)
        case list() if node and not _fits_on_one_line(node):
            yield from _written(_array(node), head, tail, depth)
        case _:
            yield False, f"{indent}{head}{as_json(node)}{tail}"


def _fits_on_one_line(value: dict[str, Any] | list[Any]) -> bool:
    items = value.values() if isinstance(value, dict) else value
    is_flat = not any(isinstance(item, dict | list) and item for item in items)
    return len(value) <= SHORT and (is_flat or is_operators(value)) and len(as_json(value)) <= SHORT


def _merged(left: Sequence[tuple[bool, str]], right: Sequence[tuple[bool, str]]) -> Iterator[Line]:
    """Merge the lines of two trees, which have the lines without a difference in common."""
    waiting = deque(left)
    for differs, line in right:
        while waiting and waiting[0][0]:
            yield EXPECTED, waiting.popleft()[1]
        if not differs:
            waiting.popleft()
        yield GOT if differs else BOTH, line
    yield from ((EXPECTED, text) for _, text in waiting)


def _texts(expected: str, got: str) -> Iterator[Line]:
    """Compare two texts line by line."""
    wanted, came = _rows(expected), _rows(got)
    start, end = _common_ends(wanted, came, str.__eq__)
    yield from ((BOTH, _shown(line)) for line in came[:start])
    yield from _changed(wanted[start : len(wanted) - end], came[start : len(came) - end])
    yield from ((BOTH, _shown(line)) for line in came[len(came) - end :])


def _changed(wanted: Sequence[str], came: Sequence[str]) -> Iterator[Line]:
    if len(wanted) == len(came):
        pairs = [excerpts(one, other) for one, other in zip(wanted, came, strict=True)]
        wanted, came = [one for one, _ in pairs], [other for _, other in pairs]
    only_ascii = look_alike("".join(wanted), "".join(came))
    for sign, lines in ((EXPECTED, wanted), (GOT, came)):
        yield from ((sign, _shown(line, only_ascii=only_ascii)) for line in lines)


def _text(sign: str, text: str) -> Iterator[Line]:
    yield from ((sign, _shown(shortened(line))) for line in _rows(text))


def _rows(text: str) -> list[str]:
    return text.splitlines(keepends=True) or [""]


def _shown(line: str, *, only_ascii: bool = False) -> str:
    """Return a line of a text with its line end, and the spaces before it, as escapes."""
    text = line.rstrip("\r\n")
    spaces = len(text) - len(text.rstrip(" "))
    seen = visible(text.rstrip(" ").replace("\\", r"\\"), only_ascii=only_ascii)
    return seen + r"\u0020" * spaces + visible(line[len(text) :])


def _truncated(lines: list[Line]) -> list[Line]:
    """Reduce a long diff to the differences with a few lines of context."""
    if len(lines) <= MAX_LINES:
        return lines
    near = {
        index + step
        for index, (sign, _) in enumerate(lines)
        if sign != BOTH
        for step in range(-CONTEXT_LINES, CONTEXT_LINES + 1)
    }
    shown_lines = [index for index in range(len(lines)) if index in near] or list(range(MAX_LINES - 1))
    shown: list[Line] = [(BOTH, "…")] if shown_lines[0] > 0 else []
    for index, following in pairwise([*shown_lines, len(lines)]):
        shown.append(lines[index])
        if following > index + 1:
            shown.append((BOTH, "…"))
    return shown if len(shown) <= MAX_LINES else [*shown[: MAX_LINES - 1], (BOTH, "…")]
