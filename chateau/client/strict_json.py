"""JSON as RFC 8259 defines it, where Python's parser is more liberal; the lines of values, and paths to them.

Every error is a :class:`json.JSONDecodeError`, which has the line and the column.
"""

import json
import re
from bisect import bisect
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

COMMENT = "//"  # a key: one object of a document may have several
MAX_DEPTH = 128  # of a document: the functions that walk its value are recursive

# Python reads these three as numbers. The first alternative skips those inside strings.
_NOT_NUMBERS = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)')
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s{}\[\],:"]+')  # without commas and colons

Keys = tuple[str | int, ...]  # and indices: the path to a value


def decode(text: str) -> Any:
    """Return the value of *text*.

    Raises:
        json.JSONDecodeError: *text* is not JSON, or exceeds what Python can represent.
    """

    def reject(word: str) -> None:
        found = (match.start(1) for match in _NOT_NUMBERS.finditer(text) if match.group(1))
        raise json.JSONDecodeError(f"{word} is not JSON", text, next(found, 0))

    try:
        return json.loads(text, parse_constant=reject)
    except json.JSONDecodeError:
        raise
    except RecursionError as exc:
        raise json.JSONDecodeError("Nested too deeply", text, 0) from exc
    except ValueError as exc:  # an integer of thousands of digits
        raise json.JSONDecodeError(str(exc), text, 0) from exc


def decode_document(text: str) -> tuple[Any, dict[Keys, int]]:
    """Return the value of the JSON *text*, and the lines, from 1, on which the values in it begin.

    A line is found by the keys and indices of its value; of several comments in one object, by the last.

    Raises:
        json.JSONDecodeError: *text* is not JSON, has a duplicate key other than ``"//"``, or nests values
            more than 128 levels deep.
    """
    value = decode(text)
    tokens = _TOKENS.finditer(text)
    line_ends = [found.start() for found in re.finditer("\n", text)]
    lines: dict[Keys, int] = {}

    def visit(token: re.Match[str], keys: Keys) -> None:
        """Find the lines of the value that begins with *token*."""
        if len(keys) > MAX_DEPTH:
            raise json.JSONDecodeError(f"Nested more than {MAX_DEPTH} levels deep", text, token.start())
        lines[keys] = bisect(line_ends, token.start()) + 1
        if token[0] == "{":
            while (key_token := next(tokens))[0] != "}":
                key = json.loads(key_token[0])
                if (*keys, key) in lines and key != COMMENT:
                    raise json.JSONDecodeError(f'Duplicate key "{key}"', text, key_token.start())
                visit(next(tokens), (*keys, key))
        elif token[0] == "[":
            for index in count():
                if (item := next(tokens))[0] == "]":
                    return
                visit(item, (*keys, index))

    visit(next(tokens), ())
    return value, lines


def items_of(value: Any, keys: Keys) -> Iterator[tuple[Keys, Any]]:
    """Return the path and the value of each item of *value*, which is at *keys*; none if it is a scalar."""
    items: Iterable[tuple[str | int, Any]] = ()
    match value:
        case list():
            items = enumerate(value)
        case dict():
            items = value.items()
    return (((*keys, key), item) for key, item in items)


def pointer(keys: Iterable[Any]) -> str:
    """Return the JSON Pointer (RFC 6901) of *keys*; the whole document is the empty string."""
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in keys)
