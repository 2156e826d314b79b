"""Encode the value of a step as the bytes to send: JSON, text, hex, base64."""

import base64
import binascii
import json
from typing import Any

from chateau.client.scenarios.variables import expand_repeats
from chateau.client.transcript import Opcode

JSON_TYPE = "application/json"
TEXT_TYPE = "text/plain; charset=utf-8"
FRAME_KINDS = {"json": Opcode.TEXT, "text": Opcode.TEXT, "ping": Opcode.PING, "pong": Opcode.PONG}


class BadContent(Exception):
    """A value cannot be encoded; the text explains why."""


def frame_of(value: Any, send_as: str | None, protocol: str) -> tuple[Opcode, bytes]:
    """Return the opcode and the payload of the frame, or of the line, for *value*."""
    value = _expanded(value)
    kind = send_as or ("text" if isinstance(value, str) else "json")
    if kind == "binary":
        return Opcode.BINARY, bytes_of(value)
    if kind != "json" and not isinstance(value, str):
        raise BadContent(f"a value sent as {kind} has to be a string")
    payload = _encoded(value if kind != "json" else json_text(value))
    return (Opcode.LINE if protocol == "lines" else FRAME_KINDS[kind]), payload


def body_of(value: Any) -> tuple[bytes, str | None]:
    """Return the body of an HTTP request for *value*, and its content type."""
    value = _expanded(value)
    if value is None:
        return b"", None
    if isinstance(value, str):
        return _encoded(value), TEXT_TYPE
    if isinstance(value, dict) and set(value) <= {"$hex", "$base64"} and value:
        return bytes_of(value), None
    return _encoded(json_text(value)), JSON_TYPE


def bytes_of(value: Any) -> bytes:
    """Return the bytes of hex, ``{"$hex": …}``, ``{"$base64": …}`` or ``{"$text": …}``."""
    value = _expanded(value)
    match value:
        case str() | {"$hex": str()}:
            return _from_hex(value if isinstance(value, str) else value["$hex"])
        case {"$base64": str(text)}:
            return _from_base64(text)
        case {"$text": text}:
            return _encoded(_expanded(text))
    raise BadContent('invalid bytes; expected hex, {"$base64": …} or {"$text": …}')


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _expanded(value: Any) -> Any:
    try:
        return expand_repeats(value)
    except ValueError as exc:
        raise BadContent(str(exc)) from exc


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as exc:
        raise BadContent("a lone surrogate has no UTF-8 encoding; use send_raw to send its bytes") from exc


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as exc:
        raise BadContent(f"not hex: {text[:60]!r}") from exc


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise BadContent(f"not base64: {text[:60]!r}") from exc
