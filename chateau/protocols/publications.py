"""Publications: checking payloads of text, JSON and bytes, and reading many of them from one body.

Payloads are checked, not rewritten: text and JSON are delivered byte for byte as they came, and so are the
JSON values in a bulk body, whatever the format of their numbers and with their duplicate keys.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from chateau.hub.errors import HubError, quoted
from chateau.protocols.errors import InvalidJson, NotAnObject, UnknownType
from chateau.protocols.json_text import COUNTED_LENGTH, json_type

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
    """One publication to *channel*, whose name is as the publisher wrote it."""

    channel: str
    kind: PayloadKind
    payload: bytes


def publication_kind(header: str | None) -> PayloadKind:
    """Return the kind in the header ``Package-Type``: ``text`` if it is missing.

    Raises:
        UnknownType: the kind is unknown.
    """
    if header is None:
        return "text"
    kind = _KINDS.get(header.strip().lower())
    if kind is None:
        raise UnknownType(f"{quoted(header)} is no type of package; it is text, json or bytes.")
    return kind


def check_payload(kind: PayloadKind, payload: bytes) -> None:
    """Check that *payload* is valid for its *kind*.

    Raises:
        InvalidText, InvalidJson.
    """
    _CHECKS[kind](payload)


def read_bulk(body: bytes, schemas: SchemaSet) -> list[ChannelPublication]:
    """Return all publications in *body*, JSON as in ``{channel: [{kind: value}, …], …}``, in their order.

    Raises:
        InvalidJson, NotAnObject.
        InvalidMessage: it violates the schema.
    """
    if len(body) > COUNTED_LENGTH and body[:COUNTED_LENGTH].lstrip().startswith(b"["):
        raise NotAnObject(json_type([]))  # without its values, which take 30 ms per megabyte
    value = parsed(body)
    if value.__class__ is not dict:
        raise NotAnObject(json_type(value))
    text = body.decode()
    schemas.check(BULK_SCHEMA, value)
    try:
        return list(_publications(text))
    except RecursionError as exc:  # json gives up some levels before orjson does
        raise InvalidJson("nested too deeply") from exc


def channels_of(body: bytes) -> list[str]:
    """Return the channels in *body*, which :func:`read_bulk` has checked, with or without publications."""
    return list(orjson.loads(body))


def parsed(payload: bytes) -> Any:
    """Return the JSON value *payload*.

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
    """Accept any bytes."""


_KINDS: dict[str, PayloadKind] = {"text": "text", "json": "json", "bytes": "bytes"}

_CHECKS: dict[PayloadKind, Callable[[bytes], object]] = {
    "text": _check_text,
    "json": parsed,
    "bytes": _check_bytes,
}

# Positions in a bulk body, which is known to be valid

_SPACE = re.compile(r"[ \t\n\r]*")
_find_end = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode  # numbers are not converted


class _Place(NamedTuple):
    """A member of an object, or an item of an array (with an empty key); its value is ``text[start:end]``."""

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
    """Return *places*, the members of an object; raise InvalidJson if it has a duplicate key."""
    listed = list(places)
    keys = set()
    for place in listed:
        if place.key in keys:
            raise InvalidJson(f"duplicate key {quoted(place.key)}")
        keys.add(place.key)
    return listed


def _places(text: str, at: int) -> Iterator[_Place]:
    """Yield the members of the object or array that begins at *at*."""
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
    assert match is not None, "it matches the empty string, too"
    return match.end()


_PAYLOADS: dict[PayloadKind, Callable[[str], bytes]] = {
    "text": lambda written: json.loads(written).encode(),
    "json": str.encode,
    "bytes": lambda written: json.loads(written).encode("latin-1"),
}
