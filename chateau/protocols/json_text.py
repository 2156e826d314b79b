"""JSON as the protocols read and write it.

Reading is stricter than most: a key given twice is refused, since two readers of one text would
otherwise see two messages (RFC 8259, section 4). NaN, lone surrogates, numbers beyond a double and
nesting beyond 1,024 levels are refused by orjson itself.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from chateau.hub.errors import HubError, quoted
from chateau.protocols.errors import InvalidJson, NotAnObject

encode = orjson.dumps
"""A value as JSON: UTF-8, no white space."""

Fragment = orjson.Fragment
"""JSON that is encoded already, to be put in as it is."""

_KINDS = {
    dict: "an object",
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


def decode(text: str) -> dict[str, Any]:
    """The JSON object that *text* is.

    Raises:
        InvalidJson: it is not JSON, or an object in it has a key twice.
        NotAnObject: it is another JSON value.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise InvalidJson(f"{_first_part(exc.msg)} at line {exc.lineno}, column {exc.colno}") from exc
    if value.__class__ is not dict:
        raise NotAnObject(json_type(value))
    # Each key brings a colon. Only a text with more colons than the object has keys can hold one twice
    # or hold another object; reading it again takes 2 µs, counting 0.1.
    if text.count(":") != len(value):
        _refuse_repeated_keys(text)
    return value


def try_decode(text: str) -> dict[str, Any]:
    """What *text* asks, so that its refusal can name it; nothing where it cannot be read."""
    try:
        return decode(text)
    except HubError:
        return {}


def json_type(value: object) -> str:
    """What kind of JSON value *value* is, in words."""
    return _KINDS[type(value)]


def is_scalar(value: object) -> bool:
    """Whether nothing is inside *value*, so that it can be written however deep the text was."""
    return not isinstance(value, dict | list)


def _first_part(message: str) -> str:
    return message.partition(": line ")[0]


def _refuse_repeated_keys(text: str) -> None:
    try:
        json.loads(text, object_pairs_hook=_distinct)
    except RecursionError as exc:  # json gives up some levels before orjson does
        raise InvalidJson("nested too deeply") from exc


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    keys = set()
    for key, _ in pairs:
        if key in keys:
            raise InvalidJson(f"duplicate key {quoted(key)}")
        keys.add(key)
