"""The transcript: what went over each client's wire, in order, with the time of each.

Reports are drawn from it and recordings are made of it; it judges nothing.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

NO_STATUS = 1005  # RFC 6455 §7.1.5: the close frame had no code
ABNORMAL = 1006  # and where the connection ended without one


class Direction(StrEnum):
    """Seen from the client."""

    SENT = "sent"
    RECEIVED = "received"


class Opcode(StrEnum):
    """What an entry is, and so what its payload holds."""

    OPEN = "open"  # the connection is open; the payload is JSON with its protocol, its url and any headers
    TEXT = "text"
    BINARY = "binary"
    PING = "ping"
    PONG = "pong"
    # RFC 6455 §5.5.1: two bytes of code, then a reason; nothing where TCP just ended. A client's own abort
    # and half close have the code 1006, which no frame has.
    CLOSE = "close"
    LINE = "line"  # without its end
    RAW = "raw"  # bytes that a scenario wrote past the framing
    REQUEST = "request"  # a whole HTTP request, head and body
    RESPONSE = "response"
    EVENT = "event"  # one server-sent event, as the lines that it came in


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that went over a client's wire, or that came over it; *at* is seconds of Unix time."""

    at: float
    client: str
    direction: Direction
    opcode: Opcode
    payload: bytes

    @property
    def text(self) -> str:
        """The payload for people: as text where it is UTF-8, as hex where it is not."""
        match self.opcode:
            case Opcode.CLOSE:
                code, reason = close_of(self.payload)
                return " ".join(filter(None, [str(code) if code else "", reason]))
            case Opcode.BINARY | Opcode.RAW:
                return self.payload.hex(" ")
        return self.payload.decode("utf-8", "backslashreplace")


# What a client's own abort and half close are written as, so that no goodbye is taken for one of them.
ABORTED = struct.pack("!H", ABNORMAL) + b"abort"
HALF_CLOSED = struct.pack("!H", ABNORMAL) + b"half close"

OnEntry = Callable[[Entry], None]


def close_payload(code: int | None, reason: str = "") -> bytes:
    """The payload of a close entry; see :attr:`Opcode.CLOSE`."""
    return b"" if code in {None, NO_STATUS, ABNORMAL} else struct.pack("!H", code) + reason.encode()


def close_of(payload: bytes) -> tuple[int | None, str]:
    """The code and the reason in a close entry; (None, "") where there were none."""
    if len(payload) < 2:
        return None, ""
    return struct.unpack("!H", payload[:2])[0], payload[2:].decode("utf-8", "backslashreplace")
