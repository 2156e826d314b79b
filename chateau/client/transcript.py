"""The transcript: the entries of each client's connection, in order, with their times.

Reports and recordings are made of it.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

NO_STATUS = 1005  # RFC 6455 §7.1.5: the close frame had no code
ABNORMAL = 1006  # the connection ended without a close frame


class Direction(StrEnum):
    """The direction of a frame, seen from the client."""

    SENT = "sent"
    RECEIVED = "received"


class Opcode(StrEnum):
    """The kind of an entry, which defines its payload."""

    OPEN = "open"  # the connection is open; the payload is JSON with its protocol, its url and any headers
    TEXT = "text"
    BINARY = "binary"
    PING = "ping"
    PONG = "pong"
    # RFC 6455 §5.5.1: two bytes of code, then a reason; empty if TCP ended without a close frame. An abort
    # and a half close of the client have the code 1006, which no frame has.
    CLOSE = "close"
    LINE = "line"  # without its end
    RAW = "raw"  # bytes that a scenario wrote without framing
    REQUEST = "request"  # a whole HTTP request, head and body
    RESPONSE = "response"
    EVENT = "event"  # the lines of one server-sent event


@dataclass(frozen=True, slots=True)
class Entry:
    """One frame or event of a client's connection; *at* is seconds of Unix time."""

    at: float
    client: str
    direction: Direction
    opcode: Opcode
    payload: bytes

    @property
    def text(self) -> str:
        """Return the payload for people: as text if it is UTF-8, else as hex."""
        return payload_text(self.opcode, self.payload)


# The payloads of an abort and a half close of the client; no close frame can have them.
ABORTED = struct.pack("!H", ABNORMAL) + b"abort"
HALF_CLOSED = struct.pack("!H", ABNORMAL) + b"half close"

OnEntry = Callable[[Entry], None]


def utf8(payload: bytes) -> str | None:
    """Return *payload* as text; None if it is not UTF-8."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None


def close_payload(code: int | None, reason: str = "") -> bytes:
    """Return the payload of a close entry; see :attr:`Opcode.CLOSE`."""
    return b"" if code in {None, NO_STATUS, ABNORMAL} else struct.pack("!H", code) + reason.encode()


def close_of(payload: bytes) -> tuple[int | None, str]:
    """Return the code and the reason in a close entry; (None, "") if there are none."""
    if len(payload) < 2:
        return None, ""
    return struct.unpack("!H", payload[:2])[0], payload[2:].decode("utf-8", "backslashreplace")


def payload_text(opcode: str, payload: bytes) -> str:
    """Return the payload of an entry for people: as text if it is UTF-8, else as hex."""
    match opcode:
        case Opcode.CLOSE:
            code, reason = close_of(payload)
            return " ".join(filter(None, [str(code) if code else "", reason]))
        case Opcode.BINARY | Opcode.RAW:
            return payload.hex(" ")
    return payload.decode("utf-8", "backslashreplace")
