"""JSON for the protocols.

Decoding is strict: a duplicate key is an error, because two parsers could otherwise read two different
messages (RFC 8259, section 4). orjson rejects NaN, lone surrogates, numbers beyond a double and nesting
beyond 1,024 levels.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from chateau.hub.errors import HubError, quoted
from chateau.protocols.errors import InvalidJson, NotAnObject

encode = orjson.dumps
"""Encode a value as JSON: UTF-8, no white space."""

Fragment = orjson.Fragment
"""JSON that is encoded already, to be inserted as it is."""

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
    """Return the JSON object *text*.

    Raises:
        InvalidJson: it is not JSON, or an object in it has a duplicate key.
        NotAnObject: it is another JSON value.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise InvalidJson(f"{_first_part(exc.msg)} at line {exc.lineno}, column {exc.colno}") from exc
    if value.__class__ is not dict:
        raise NotAnObject(json_type(value))
    # Each key has a colon. Only a text with more colons than the object has keys can have a duplicate key
    # or another object inside; parsing it again takes 2 µs, counting 0.1.
    if text.count(":") != len(value):
        _refuse_repeated_keys(text)
    return value


def try_decode(text: str) -> dict[str, Any]:
    """Return the JSON object *text*, or an empty one if it cannot be read."""
    try:
        return decode(text)
    except HubError:
        return {}


def json_type(value: object) -> str:
    """Return the JSON type of *value*, in words."""
    return _KINDS[type(value)]


def is_scalar(value: object) -> bool:
    """Return whether *value* is neither an array nor an object, so that encoding it cannot fail."""
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


def fitting(texts: list[bytes], budget: int, separator_bytes: int = 1) -> list[bytes]:
    """Return the first of *texts* that fit into *budget* bytes, each with a separator."""
    for number, text in enumerate(texts):
        budget -= len(text) + separator_bytes
        if budget < 0:
            return texts[:number]
    return texts
