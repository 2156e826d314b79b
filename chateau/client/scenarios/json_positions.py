"""JSON with line numbers, and with unique keys.

The ``"//"`` keys are comments: one object may have several.
"""

import json
import re
from bisect import bisect
from itertools import count
from typing import Any

from chateau.client import strict_json

COMMENT = "//"
MAX_DEPTH = 128  # the functions that walk the value later are recursive
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]|[^\s{}\[\],:"]+')  # without commas and colons

Path = tuple[str | int, ...]


def decode_document(text: str) -> tuple[Any, dict[Path, int]]:
    """Return the value of the JSON *text*, and the lines, from 1, on which the values in it begin.

    A line is found by the keys and indices of its value; of several comments in one object, by the last.

    Raises:
        json.JSONDecodeError: *text* is not JSON, has a duplicate key other than ``"//"``, or nests values
            more than 128 levels deep.
    """
    value = strict_json.decode(text)
    tokens = _TOKENS.finditer(text)
    line_ends = [found.start() for found in re.finditer("\n", text)]
    lines: dict[Path, int] = {}

    def visit(token: re.Match[str], path: Path) -> None:
        """Find the lines of the value that begins with *token*."""
        if len(path) > MAX_DEPTH:
            raise json.JSONDecodeError(f"Nested more than {MAX_DEPTH} levels deep", text, token.start())
        lines[path] = bisect(line_ends, token.start()) + 1
        if token[0] == "{":
            while (key_token := next(tokens))[0] != "}":
                key = json.loads(key_token[0])
                if (*path, key) in lines and key != COMMENT:
                    raise json.JSONDecodeError(f'Duplicate key "{key}"', text, key_token.start())
                visit(next(tokens), (*path, key))
        elif token[0] == "[":
            for index in count():
                if (item := next(tokens))[0] == "]":
                    return
                visit(item, (*path, index))

    visit(next(tokens), ())
    return value, lines
