"""Short, visible renderings of JSON values, for error messages and diffs."""

import json
from typing import Any
from unicodedata import normalize

LONGEST_STRING = 120
LONGEST_VALUE = 240
BEFORE_THE_DIFFERENCE = 40  # characters of a long string that are shown before its first difference


def as_json(value: Any) -> str:
    """Return *value* as one line of JSON; long strings, and a long result, are truncated."""
    try:
        text = json.dumps(_with_short_strings(value), ensure_ascii=False, default=str)
    except RecursionError:
        return "a value that is nested too deeply to show"
    return shortened(visible(text), LONGEST_VALUE)


def as_json_pair(expected: Any, got: Any) -> tuple[str, str]:
    """Return both as JSON; of two long strings, the part around their first difference."""
    if not (isinstance(expected, str) and isinstance(got, str)):
        return as_json(expected), as_json(got)
    first, second = excerpts(expected, got)
    only_ascii = look_alike(first, second)
    return json_string(first, only_ascii=only_ascii), json_string(second, only_ascii=only_ascii)


def json_string(text: str, *, only_ascii: bool = False) -> str:
    return visible(json.dumps(text, ensure_ascii=False), only_ascii=only_ascii)


def excerpts(expected: str, got: str) -> tuple[str, str]:
    """Return two strings, or if one is long, the part of each around their first difference."""
    if len(expected) <= LONGEST_STRING and len(got) <= LONGEST_STRING:
        return expected, got
    start = max(0, _first_difference(expected, got) - BEFORE_THE_DIFFERENCE)
    return _excerpt(expected, start), _excerpt(got, start)


def look_alike(expected: str, got: str) -> bool:
    """Return whether the two differ only in how their characters are composed."""
    return expected != got and normalize("NFKC", expected) == normalize("NFKC", got)


def visible(text: str, *, only_ascii: bool = False) -> str:
    """Return *text* with invisible (or all non-ASCII) characters escaped as in JSON."""
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
    """Return the length of the common prefix, by bisection."""
    alike, end = 0, min(len(one), len(other))
    while alike < end:
        middle = (alike + end + 1) // 2
        if one[alike:middle] == other[alike:middle]:
            alike = middle
        else:
            end = middle - 1
    return alike
