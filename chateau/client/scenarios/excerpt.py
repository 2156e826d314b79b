"""Values as people read them: on one line, not too long, and with everything in them visible."""

import json
import unicodedata
from typing import Any

LONGEST_STRING = 120
LONGEST_VALUE = 240
BEFORE_THE_DIFFERENCE = 40  # characters of a long string that are shown ahead of where it differs


def as_json(value: Any) -> str:
    """*value* on one line of JSON; long strings, and what is long as a whole, are cut."""
    try:
        text = json.dumps(_with_short_strings(value), ensure_ascii=False, default=str)
    except RecursionError:
        return "a value that is nested too deeply to show"
    return shortened(visible(text), LONGEST_VALUE)


def as_json_pair(expected: Any, got: Any) -> tuple[str, str]:
    """Both as JSON; of two long strings, that part in which they begin to differ."""
    if not (isinstance(expected, str) and isinstance(got, str)):
        return as_json(expected), as_json(got)
    first, second = excerpts(expected, got)
    only_ascii = look_alike(first, second)
    return json_string(first, only_ascii=only_ascii), json_string(second, only_ascii=only_ascii)


def json_string(text: str, *, only_ascii: bool = False) -> str:
    return visible(json.dumps(text, ensure_ascii=False), only_ascii=only_ascii)


def excerpts(expected: str, got: str) -> tuple[str, str]:
    """Two strings, or where they are long, that part of both in which they begin to differ."""
    if len(expected) <= LONGEST_STRING and len(got) <= LONGEST_STRING:
        return expected, got
    start = max(0, _first_difference(expected, got) - BEFORE_THE_DIFFERENCE)
    return _excerpt(expected, start), _excerpt(got, start)


def look_alike(expected: str, got: str) -> bool:
    """Whether the two differ, but only in how their characters are composed."""
    return expected != got and _composed(expected) == _composed(got)


def visible(text: str, *, only_ascii: bool = False) -> str:
    """*text* with its invisible characters, or all that are not ASCII, written as JSON would write them."""
    if text.isprintable() and (text.isascii() or not only_ascii):
        return text
    return "".join(
        char if char.isprintable() and (char.isascii() or not only_ascii) else json.dumps(char)[1:-1]
        for char in text
    )


def shortened(text: str, longest: int = LONGEST_STRING) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _with_short_strings(value: Any) -> Any:
    match value:
        case str():
            return shortened(value)
        case list():
            return [_with_short_strings(item) for item in value]
        case dict():
            return {shortened(key): _with_short_strings(item) for key, item in value.items()}
    return value


def _excerpt(text: str, start: int) -> str:
    end = start + LONGEST_STRING
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


def _first_difference(one: str, other: str) -> int:
    """How many characters the two have in common at their beginning, by halving."""
    alike, end = 0, min(len(one), len(other))
    while alike < end:
        middle = (alike + end + 1) // 2
        if one[alike:middle] == other[alike:middle]:
            alike = middle
        else:
            end = middle - 1
    return alike


def _composed(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
