"""What has gone out, read back: the server's own frames, lines and events, out of the bytes written.

Only taps need this. Bytes come as they were written, in pieces that end anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from chateau.net import frames
from chateau.net.frames import Binary, Close, Ping, Pong, Received, Violation
from chateau.net.framing import EVENT_STREAM, LINES, WEBSOCKET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chateau.net.framing import Framing


class Heard(NamedTuple):
    """Something that came or went: its *kind*, its *size* on the wire, and its *content* as it is shown."""

    kind: str
    size: int
    content: bytes


class Reader(Protocol):
    """Reads one connection's."""

    def feed(self, written: bytes) -> Iterator[Heard]:
        """What is whole now that *written* has gone out, too."""


KINDS = {
    frames.TEXT: "text",
    frames.BINARY: "binary",
    frames.CLOSE: "close",
    frames.PING: "ping",
    frames.PONG: "pong",
}


class FrameReader:
    """WebSocket frames, as :mod:`chateau.net.frames` writes them: whole, and not masked."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, written: bytes) -> Iterator[Heard]:
        rest = self._rest
        rest += written
        while (found := _frame_in(rest)) is not None:
            body, end = found
            opcode, payload = rest[0] & 0xF, bytes(rest[body:end])
            del rest[:end]
            content = _close_content(payload).rstrip() if opcode == frames.CLOSE else payload
            yield Heard(KINDS[opcode], len(payload), content)


class BlockReader:
    """Texts that end with *end*; comments of event streams are pings."""

    __slots__ = ("_end", "_rest")

    def __init__(self, end: bytes) -> None:
        self._end = end
        self._rest = b""

    def feed(self, written: bytes) -> Iterator[Heard]:
        *blocks, self._rest = (self._rest + written).split(self._end)
        for block in blocks:
            yield Heard("ping" if block.startswith(b":") else "text", len(block), block)


READERS: dict[Framing, Callable[[], Reader]] = {
    WEBSOCKET: FrameReader,
    LINES: lambda: BlockReader(b"\r\n"),
    EVENT_STREAM: lambda: BlockReader(b"\n\n"),
}


def heard_of(received: Received) -> Heard:
    """What the decoder has *received*, in the same words."""
    match received:
        case str():
            content = received.encode()
            return Heard("text", len(content), content)
        case Binary(payload):
            return Heard("binary", len(payload), payload)
        case Ping(payload):
            return Heard("ping", len(payload), payload)
        case Pong(payload):
            return Heard("pong", len(payload), payload)
        case Close(None, _):
            return Heard("close", 0, b"")
        case Close(code, reason):
            return Heard("close", 2 + len(reason.encode()), f"{code} {reason}".rstrip().encode())
        case Violation(code, reason):
            return Heard("violation", 0, f"{code} {reason}".encode())


def _frame_in(data: bytearray) -> tuple[int, int] | None:
    """Where the payload of the frame that *data* begins with is; None while it is not whole."""
    if len(data) < 2:
        return None
    length, body = data[1], 2
    if length >= 126:
        body = 4 if length == 126 else 10
        length = int.from_bytes(data[2:body])
    end = body + length
    return (body, end) if body <= len(data) and end <= len(data) else None


def _close_content(payload: bytes) -> bytes:
    """The code and the reason, as people write them."""
    return b"%d %b" % (int.from_bytes(payload[:2]), payload[2:]) if payload else b""
