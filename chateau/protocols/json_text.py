"""JSON for the protocols.

Decoding is strict: a duplicate key is an error, because two parsers could otherwise read two different
messages (RFC 8259, section 4). orjson rejects NaN, lone surrogates, numbers beyond a double and nesting
beyond 1,024 levels.

Decoding costs time by the number of values: a text of 1 MB can consist of 330,000 lists, which take 60 ms. No
request needs so many, so those of a long text are counted before they are created.
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

COUNTED_LENGTH = 32_768
"""Length of a text beyond which its values are counted."""

VALUES_LIMIT = 4_096
"""Maximum number of opening brackets and commas in such a text, strings excluded."""

QUOTES_LIMIT = 4 * VALUES_LIMIT + 4
"""More quotation marks than such a text can have: a bracket or a comma precedes two strings at most."""

REF_LENGTH = 4_096
"""Maximum length of a rejected text that is decoded only for its ``ref`` or ``callback``."""

KEYS_COMPARED = 1_000
"""Maximum number of colons and commas in a text whose duplicate key is named."""

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
        InvalidJson: it is not JSON, an object in it has a duplicate key, or it has too many values.
        NotAnObject: it is another JSON value.
    """
    if len(text) > COUNTED_LENGTH:
        _check_number_of_values(text)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise InvalidJson(f"{_first_part(exc.msg)} at line {exc.lineno}, column {exc.colno}") from exc
    if value.__class__ is not dict:
        raise NotAnObject(json_type(value))
    # Each key has a colon. Only a text with more colons than the object has keys can have a duplicate key
    # or another object inside.
    if text.count(":") != len(value):
        _check_keys(value, text)
    return value


def try_decode(text: str) -> dict[str, Any]:
    """Return the JSON object *text*, or an empty one if it cannot be read or is long."""
    try:
        return decode(text) if len(text) <= REF_LENGTH else {}
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


def _check_number_of_values(text: str) -> None:
    """Raise NotAnObject for a list in *text*, and InvalidJson for an object, that has too many values."""
    if "\\" in text:
        if _structure(text) <= VALUES_LIMIT:  # with what is in strings
            return
        text = text.replace("\\\\", "").replace('\\"', "")  # every quotation mark then is one end of a string
    parts = text.split('"', QUOTES_LIMIT)
    outside = "".join(parts[::2])
    if len(parts) <= QUOTES_LIMIT and _structure(outside) <= VALUES_LIMIT:
        return
    if "," not in outside:
        raise InvalidJson("nested too deeply")
    if outside.lstrip().startswith("["):
        raise NotAnObject(_KINDS[list])
    raise InvalidJson(
        f"too many values; a text of more than {COUNTED_LENGTH} characters may have {VALUES_LIMIT} commas "
        "and opening brackets"
    )


def _structure(text: str) -> int:
    return text.count("[") + text.count("{") + text.count(",")


def _check_keys(value: dict[str, Any], text: str) -> None:
    """Raise InvalidJson if an object in *text*, which is decoded as *value*, has a key twice.

    Only the last one of them is in *value*, so that the encoded *value* has fewer colons than *text*. All
    others are there: those of other keys, and those in strings, where an escaped colon becomes a plain one.
    """
    try:
        encoded = encode(value)
    except TypeError:  # it has more than 254 levels
        _parse_again(text)
        return
    colons = text.count(":") + text.count(r"\u003a") + text.count(r"\u003A")
    # The encoded value has an escaped colon only behind an escaped backslash, as in the text.
    if colons != encoded.count(b":") + encoded.count(rb"\u003a") + encoded.count(rb"\u003A"):
        if text.count(":") + text.count(",") <= KEYS_COMPARED:
            _parse_again(text)
        raise InvalidJson("an object has the same key twice")


def _parse_again(text: str) -> None:
    """Raise InvalidJson with the key that an object in *text* has twice, if there is one."""
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
