"""Packages as publishers send them: what may go out as text, as JSON and as bytes, and many in one body.

What is checked is not rewritten: a text and a JSON package go out byte for byte as they came, and the
JSON values in a bulk body as they stand there, however their numbers are written and whatever keys they
have twice.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from chateau.hub.errors import HubError, quoted
from chateau.protocols.errors import InvalidJson, NotAnObject, UnknownType
from chateau.protocols.json_text import json_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chateau.hub.events import PayloadKind
    from chateau.protocols.schemas import SchemaSet

BULK_SCHEMA = "broadcast-request"


class InvalidText(HubError):
    code = "invalid_message"

    def __init__(self) -> None:
        super().__init__("A text package is UTF-8; this was not.")


class ChannelPublication(NamedTuple):
    """One package on its way to *channel*, which is written as the publisher wrote it."""

    channel: str
    kind: PayloadKind
    payload: bytes


def publication_kind(header: str | None) -> PayloadKind:
    """The kind that the header ``Package-Type`` names: ``text`` where there is none.

    Raises:
        UnknownType: there is no such kind.
    """
    if header is None:
        return "text"
    kind = _KINDS.get(header.strip().lower())
    if kind is None:
        raise UnknownType(f"{quoted(header)} is no type of package; it is text, json or bytes.")
    return kind


def check_payload(kind: PayloadKind, payload: bytes) -> None:
    """Refuse what is not what its *kind* says.

    Raises:
        InvalidText, InvalidJson.
    """
    _CHECKS[kind](payload)


def read_bulk(body: bytes, schemas: SchemaSet) -> list[ChannelPublication]:
    """All packages in *body*, JSON as in ``{channel: [{kind: value}, …], …}``, in the order in it.

    Raises:
        InvalidJson, NotAnObject.
        InvalidMessage: the schema says no.
    """
    value = parsed(body)
    if value.__class__ is not dict:
        raise NotAnObject(json_type(value))
    text = body.decode()
    if not schemas.validator(BULK_SCHEMA)(value):
        raise schemas.validation_error(BULK_SCHEMA, value, text)
    try:
        return list(_publications(text))
    except RecursionError as exc:  # json gives up some levels before orjson does
        raise InvalidJson("nested too deeply") from exc


def channels_of(body: bytes) -> list[str]:
    """The channels that *body* names, those without packages too; :func:`read_bulk` has read it."""
    return list(orjson.loads(body))


def parsed(payload: bytes) -> Any:
    """The value that *payload* is as JSON.

    Raises:
        InvalidJson.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as exc:
        reason = exc.msg.partition(": line ")[0]
        raise InvalidJson(f"{reason} at line {exc.lineno}, column {exc.colno}") from exc


def _check_text(payload: bytes) -> None:
    try:
        payload.decode()
    except UnicodeDecodeError as exc:
        raise InvalidText from exc


def _check_bytes(payload: bytes) -> None:
    """Any bytes will do."""


_KINDS: dict[str, PayloadKind] = {"text": "text", "json": "json", "bytes": "bytes"}

_CHECKS: dict[PayloadKind, Callable[[bytes], object]] = {
    "text": _check_text,
    "json": parsed,
    "bytes": _check_bytes,
}

# Where things stand in a bulk body, which is known to keep to its schema

_SPACE = re.compile(r"[ \t\n\r]*")
_find_end = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode  # numbers stay what they are


class _Place(NamedTuple):
    """A member of an object, or an item of an array, whose key is empty: its value is ``text[start:end]``."""

    key: str
    start: int
    end: int


def _publications(text: str) -> Iterator[ChannelPublication]:
    for channel in _distinct(_places(text, _after_space(text, 0))):
        for item in _places(text, channel.start):
            ((key, start, end),) = _distinct(_places(text, item.start))
            kind = _KINDS[key]
            yield ChannelPublication(channel.key, kind, _PAYLOADS[kind](text[start:end]))


def _distinct(places: Iterator[_Place]) -> list[_Place]:
    """*places*, of an object that has no key twice: readers would not agree on which one counts."""
    listed = list(places)
    keys = set()
    for place in listed:
        if place.key in keys:
            raise InvalidJson(f"duplicate key {quoted(place.key)}")
        keys.add(place.key)
    return listed


def _places(text: str, at: int) -> Iterator[_Place]:
    """What is in the object or array that begins at *at*."""
    closing = "}" if text[at] == "{" else "]"
    at = _after_space(text, at + 1)
    while text[at] != closing:
        key = ""
        if closing == "}":
            key, at = _find_end(text, at)
            at = _after_space(text, _after_space(text, at) + 1)  # over the colon
        _, end = _find_end(text, at)
        yield _Place(key, at, end)
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None, "it matches nothing, too"
    return match.end()


_PAYLOADS: dict[PayloadKind, Callable[[str], bytes]] = {
    "text": lambda written: json.loads(written).encode(),
    "json": str.encode,
    "bytes": lambda written: json.loads(written).encode("latin-1"),
}
