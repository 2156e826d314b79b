"""What was expected beside what was got, for people: as sentences, and as the lines of a diff.

Keys that nobody asked for are shown around the differences, not as differences. Nothing is compared here
again: what differs is what the comparison has found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice, pairwise
from typing import Any

from chateau.client.scenarios.excerpt import (
    as_json,
    excerpts,
    json_string,
    look_alike,
    shortened,
    visible,
)
from chateau.client.scenarios.matching import match
from chateau.client.scenarios.mismatch import ABSENT, Absent, Mismatch, below
from chateau.client.scenarios.operators import is_operators
from chateau.client.scenarios.schemas import Schemas

MOST_SENTENCES = 10
MOST_LINES = 60
MOST_LINES_IN_A_ROW = 24  # of one sign: a long value does not push the other one out
CONTEXT_LINES = 3
SHORT = 72  # characters of an array or an object that is written on one line
INDENT = "  "
SEE_THROUGH = {"$exact", "$capture", "$any"}  # beside $exact, these leave its operand to be shown


class Sign(StrEnum):
    EXPECTED = "-"
    GOT = "+"
    BOTH = " "


Line = tuple[Sign, str]


def explain(
    expected: Any, got: Any, mismatches: Sequence[Mismatch] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The differences as sentences, and the two beside each other as lines.

    A *got* that is a string is a frame that was read as text. *mismatches* is None where nothing was got.
    """
    if mismatches is None:
        got, mismatches = ABSENT, ()
    sentences = [mismatch.sentence for mismatch in mismatches]
    if len(sentences) > MOST_SENTENCES:
        sentences[MOST_SENTENCES:] = [f"… and {len(sentences) - MOST_SENTENCES} more"]
    try:
        lines = list(_lines(expected, got, mismatches))
    except RecursionError:
        lines = [(Sign.EXPECTED, as_json(expected)), (Sign.GOT, as_json(got))]
    return tuple(sentences), tuple(f"{sign}{text}" for sign, text in _shortened(lines))


def _lines(expected: Any, got: Any, mismatches: Sequence[Mismatch]) -> Iterator[Line]:
    match expected, got:
        case str(), Absent():
            return _text(Sign.EXPECTED, expected)
        case _, Absent():
            return _block(Sign.EXPECTED, expected, _TOP)
        case str(), str():
            return _texts(expected, got)
        case _, str() if not mismatches:
            return _text(Sign.BOTH, got)
        case _, str():
            return chain(_block(Sign.EXPECTED, expected, _TOP), _text(Sign.GOT, got))
        case str(), _:
            return chain(_text(Sign.EXPECTED, expected), _block(Sign.GOT, got, _TOP))
    return _Diff(mismatches).value(expected, got, "", _TOP)


@dataclass(frozen=True, slots=True)
class _Setting:
    """Where a value is written: how deep, after which key, and whether a comma follows."""

    depth: int = 0
    key: str | None = None
    comma: str = ""

    def line(self, text: str) -> str:
        return f"{INDENT * self.depth}{self.opening(text)}{self.comma}"

    def opening(self, text: str) -> str:
        return text if self.key is None else f"{json_string(shortened(self.key))}: {text}"

    def first(self, text: str) -> str:
        return f"{INDENT * self.depth}{self.opening(text)}"

    def last(self, text: str) -> str:
        return f"{INDENT * self.depth}{text}{self.comma}"

    def inside(self, key: str | None, *, is_last: bool) -> "_Setting":
        return _Setting(self.depth + 1, key, "" if is_last else ",")


_TOP = _Setting()


class _Diff:
    """One comparison, as lines; *mismatches* say where the two differ."""

    def __init__(self, mismatches: Sequence[Mismatch]) -> None:
        self._at = {mismatch.path for mismatch in mismatches}
        self._above = {path for mismatch in mismatches for path in _ancestors(mismatch.path)}

    def value(self, expected: Any, got: Any, path: str, setting: _Setting) -> Iterator[Line]:
        expected = _seen_through(expected)
        if path not in self._at and path not in self._above:
            return _block(Sign.BOTH, got, setting)
        match expected, got:
            case dict(), dict() if not is_operators(expected) and path not in self._at:
                return self._object(expected, got, path, setting)
            case list(), list() if path not in self._at:
                return self._array(expected, got, path, setting)
            case list(), list():
                return _arrays(expected, got, setting)
            case str(), str():
                return _strings(expected, got, setting)
        return chain(_block(Sign.EXPECTED, expected, setting), _block(Sign.GOT, got, setting))

    def _object(
        self, expected: dict[str, Any], got: dict[str, Any], path: str, setting: _Setting
    ) -> Iterator[Line]:
        keys = [key for key in expected if key in got or below(path, key) in self._at]
        keys += [key for key in got if key not in expected]
        yield Sign.BOTH, setting.first("{")
        for index, key in enumerate(keys):
            inside = setting.inside(key, is_last=index == len(keys) - 1)
            place = below(path, key)
            if key in expected:
                yield from self.value(expected[key], got.get(key, ABSENT), place, inside)
            else:
                yield from _block(Sign.GOT if place in self._at else Sign.BOTH, got[key], inside)
        yield Sign.BOTH, setting.last("}")

    def _array(self, expected: list[Any], got: list[Any], path: str, setting: _Setting) -> Iterator[Line]:
        yield Sign.BOTH, setting.first("[")
        for index, (one, other) in enumerate(zip(expected, got, strict=True)):
            inside = setting.inside(None, is_last=index == len(got) - 1)
            yield from self.value(one, other, below(path, index), inside)
        yield Sign.BOTH, setting.last("]")


def _seen_through(expected: Any) -> Any:
    """What ``$exact`` holds, since the mismatches inside it are those of the value."""
    while is_operators(expected) and "$exact" in expected and expected.keys() <= SEE_THROUGH:
        expected = expected["$exact"]
    return expected


def _ancestors(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def _arrays(expected: list[Any], got: list[Any], setting: _Setting) -> Iterator[Line]:
    """Two arrays of different length: what they begin and end with alike stands around what differs."""
    schemas = Schemas()
    start, end = _alike(expected, got, lambda one, other: match(one, other, schemas=schemas).matches)
    yield Sign.BOTH, setting.first("[")
    for sign, items, part in (
        (Sign.BOTH, got, slice(0, start)),
        (Sign.EXPECTED, expected, slice(start, len(expected) - end)),
        (Sign.GOT, got, slice(start, len(got) - end)),
        (Sign.BOTH, got, slice(len(got) - end, None)),
    ):
        for index in range(*part.indices(len(items))):
            yield from _block(sign, items[index], setting.inside(None, is_last=index == len(items) - 1))
    yield Sign.BOTH, setting.last("]")


def _alike(expected: Sequence[Any], got: Sequence[Any], fits: Any) -> tuple[int, int]:
    """How many items at the beginning, and how many of the others at the end, are alike."""
    shorter = min(len(expected), len(got))
    start = next((index for index in range(shorter) if not fits(expected[index], got[index])), shorter)
    left = range(1, shorter - start + 1)
    end = next((back - 1 for back in left if not fits(expected[-back], got[-back])), shorter - start)
    return start, end


def _strings(expected: str, got: str, setting: _Setting) -> Iterator[Line]:
    parts = excerpts(expected, got)
    only_ascii = look_alike(*parts)
    for sign, part in zip((Sign.EXPECTED, Sign.GOT), parts, strict=True):
        yield sign, setting.line(json_string(part, only_ascii=only_ascii))


def _texts(expected: str, got: str) -> Iterator[Line]:
    """Two texts, line by line."""
    wanted, came = _rows(expected), _rows(got)
    start, end = _alike(wanted, came, str.__eq__)
    middle = wanted[start : len(wanted) - end], came[start : len(came) - end]
    for line in came[:start]:
        yield Sign.BOTH, _shown(line)
    yield from _changed(*middle)
    for line in came[len(came) - end :]:
        yield Sign.BOTH, _shown(line)


def _changed(wanted: Sequence[str], came: Sequence[str]) -> Iterator[Line]:
    if len(wanted) == len(came):
        pairs = [excerpts(one, other) for one, other in zip(wanted, came, strict=True)]
        wanted, came = [one for one, _ in pairs], [other for _, other in pairs]
    only_ascii = look_alike("".join(wanted), "".join(came))
    for sign, lines in ((Sign.EXPECTED, wanted), (Sign.GOT, came)):
        for line in lines:
            yield sign, _shown(line, only_ascii=only_ascii)


def _text(sign: Sign, text: str) -> Iterator[Line]:
    for line in _rows(text):
        yield sign, _shown(shortened(line))


def _rows(text: str) -> list[str]:
    return text.splitlines(keepends=True) or [""]


def _shown(line: str, *, only_ascii: bool = False) -> str:
    """One line of a text; its end, and the blanks ahead of that, are written as escapes."""
    text = line.rstrip("\r\n")
    blanks = len(text) - len(text.rstrip(" "))
    seen = visible(text.rstrip(" ").replace("\\", r"\\"), only_ascii=only_ascii)
    return seen + r"\u0020" * blanks + visible(line[len(text) :])


def _block(sign: Sign, value: Any, setting: _Setting) -> Iterator[Line]:
    """*value* with one sign all along; of a long one, not more than would be shown."""
    if value is ABSENT:
        return
    lines = _pretty(value, setting)
    if sign is Sign.BOTH:
        yield from ((sign, line) for line in lines)
        return
    shown = list(islice(lines, MOST_LINES_IN_A_ROW + 1))
    if len(shown) > MOST_LINES_IN_A_ROW:
        shown[-1] = f"{INDENT * setting.depth}…"
    yield from ((sign, line) for line in shown)


def _pretty(value: Any, setting: _Setting) -> Iterator[str]:
    match value:
        case dict() | list() if not value or _fits_on_one_line(value):
            yield setting.line(as_json(value))
        case dict():
            yield setting.first("{")
            for index, key in enumerate(value):
                yield from _pretty(value[key], setting.inside(key, is_last=index == len(value) - 1))
            yield setting.last("}")
        case list():
            yield setting.first("[")
            for index, item in enumerate(value):
                yield from _pretty(item, setting.inside(None, is_last=index == len(value) - 1))
            yield setting.last("]")
        case _:
            yield setting.line(as_json(value))


def _fits_on_one_line(value: dict[str, Any] | list[Any]) -> bool:
    items = value.values() if isinstance(value, dict) else value
    is_flat = not any(isinstance(item, dict | list) and item for item in items)
    return len(value) <= SHORT and (is_flat or is_operators(value)) and len(as_json(value)) <= SHORT


def _shortened(lines: list[Line]) -> list[Line]:
    """What differs with a few lines around it, where the whole would be too long."""
    if len(lines) <= MOST_LINES:
        return lines
    near = {
        index + step
        for index, (sign, _) in enumerate(lines)
        if sign is not Sign.BOTH
        for step in range(-CONTEXT_LINES, CONTEXT_LINES + 1)
    }
    kept = [index for index in range(len(lines)) if index in near] or list(range(MOST_LINES - 1))
    shown: list[Line] = [(Sign.BOTH, "…")] if kept[0] > 0 else []
    for index, following in pairwise([*kept, len(lines)]):
        shown.append(lines[index])
        if following > index + 1:
            shown.append((Sign.BOTH, "…"))
    return shown if len(shown) <= MOST_LINES else [*shown[: MOST_LINES - 1], (Sign.BOTH, "…")]
