"""Codec: the bytes of one direction of a connection in, whole frames out.

Every byte comes out again, in order, in the ``raw`` of some frame; bytes that cannot be read as frames come
out as :attr:`Kind.BYTES`. A codec buffers at most one frame of :data:`MAX_FRAME_BYTES`. The protocol of a
connection is detected from the client's first bytes. This module does no I/O.
"""

import re
from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum

from websockets import frames as rfc6455
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.streams import StreamReader

from chateau.client.transcript import Direction

MAX_FRAME_BYTES = 16 * 1024 * 1024
# A command is shorter than a response can be.
MAX_LINE_BYTES = {Direction.SENT: 16 * 1024, Direction.RECEIVED: 1024 * 1024}
MAX_HEAD_BYTES = 64 * 1024
HEAD_END = b"\r\n\r\n"
TLS_HANDSHAKE, TLS_MAJOR_VERSION = 0x16, 3  # the first two bytes of a TLS connection

DIRECTION_NAMES = {Direction.SENT: "to-server", Direction.RECEIVED: "to-client"}
"""The names of the directions in flags, rules and the output."""


class WireProtocol(StrEnum):
    """The protocol of a connection, as far as it is known."""

    WEBSOCKET = "websocket"
    LINES = "lines"
    HTTP = "http"  # requests and responses without an upgrade; passed on as bytes
    BYTES = "bytes"  # TLS: nothing can be read


class Kind(StrEnum):
    """The kind of a frame."""

    TEXT = "text"
    BINARY = "binary"
    CONTINUATION = "continuation"
    PING = "ping"
    PONG = "pong"
    CLOSE = "close"
    LINE = "line"
    BYTES = "bytes"  # a piece of a stream that cannot be read as frames


CONTROL = frozenset({Kind.PING, Kind.PONG, Kind.CLOSE})
DATA = frozenset(Kind) - CONTROL

_KINDS = {opcode: Kind.__members__.get(opcode.name, Kind.CONTINUATION) for opcode in rfc6455.Opcode}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its payload, and its bytes on the wire, which are passed on unchanged."""

    kind: Kind
    payload: bytes
    raw: bytes
    is_final: bool = True

    @property
    def is_control(self) -> bool:
        return self.kind in CONTROL

    @property
    def payload_start(self) -> int:
        """Return the offset of the payload in ``raw``."""
        return 0 if self.kind is Kind.LINE else len(self.raw) - len(self.payload)


def raw_frame(raw: bytes) -> Frame:
    """Return *raw* as a frame of :attr:`Kind.BYTES`."""
    return Frame(Kind.BYTES, raw, raw)


def close_frame(code: int, direction: Direction) -> Frame:
    """Return a close frame that the proxy sends itself; only frames to the server are masked."""
    payload = rfc6455.Close(code, "").serialize()
    frame = rfc6455.Frame(rfc6455.Opcode.CLOSE, payload)
    return Frame(Kind.CLOSE, payload, frame.serialize(mask=direction is Direction.SENT))


class Codec:
    """The codec of one direction of one connection. This one makes frames of the pieces that arrive."""

    protocol_error: str | None = None
    """Why the rest of the stream comes out as bytes; None while frames can be read."""

    def feed(self, received: bytes) -> list[Frame]:
        """Return the frames that *received* completes."""
        return [raw_frame(received)]

    def end(self) -> list[Frame]:
        """Return what is left at the end of the stream and did not become a frame."""
        return []


class WebSocketCodec(Codec):
    """Frames of RFC 6455. A frame that breaks its rules, and everything after it, comes out as bytes."""

    def __init__(self, *, masked: bool) -> None:
        self._masked = masked
        self._stream = StreamReader()
        self._raw = bytearray()
        self._found: list[Frame] = []
        self._parser = self._parse()

    def feed(self, received: bytes) -> list[Frame]:
        self._stream.feed_data(received)
        if self.protocol_error:
            return self.end()
        try:
            next(self._parser)
        except ProtocolError as exc:
            self.protocol_error = str(exc)
        except PayloadTooBig:
            self.protocol_error = f"a frame of more than {MAX_FRAME_BYTES} bytes"
        found, self._found = self._found, []
        return found + self.end() if self.protocol_error else found

    def end(self) -> list[Frame]:
        left = bytes(self._raw + self._stream.buffer)
        self._raw.clear()
        self._stream.discard()
        return [raw_frame(left)] if left else []

    def _parse(self) -> Generator[None, None, None]:
        while True:
            parsed = yield from rfc6455.Frame.parse(self._read, mask=self._masked, max_size=MAX_FRAME_BYTES)
            self._found.append(
                Frame(_KINDS[parsed.opcode], bytes(parsed.data), bytes(self._raw), is_final=parsed.fin)
            )
            self._raw.clear()

    def _read(self, length: int) -> Generator[None, None, bytearray | bytes]:
        """Read for the parser and store the bytes: it drops the mask and the encoding of the length."""
        read = yield from self._stream.read_exact(length)
        self._raw += read
        return read


class LineCodec(Codec):
    """Lines that end with LF or CR LF. A line of more than *max_bytes* comes out as bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes + len(b"\r\n")
        self._buffer = bytearray()
        self._is_inside_long_line = False

    def feed(self, received: bytes) -> list[Frame]:
        searched = len(self._buffer)
        self._buffer += received
        found = []
        while (end := self._buffer.find(b"\n", searched) + 1) > 0:
            found.append(self._line(end))
            searched = 0
        if self._is_inside_long_line or len(self._buffer) > self._max_bytes:
            found += self.end()
            self._is_inside_long_line = True
        return found

    def end(self) -> list[Frame]:
        left = bytes(self._buffer)
        self._buffer.clear()
        return [raw_frame(left)] if left else []

    def _line(self, end: int) -> Frame:
        raw = bytes(self._buffer[:end])
        del self._buffer[:end]
        if self._is_inside_long_line:
            self._is_inside_long_line = False
            return raw_frame(raw)
        return Frame(Kind.LINE, raw[:-1].removesuffix(b"\r"), raw)


def codec_for(protocol: WireProtocol, direction: Direction) -> Codec:
    if protocol is WireProtocol.WEBSOCKET:
        return WebSocketCodec(masked=direction is Direction.SENT)
    return LineCodec(MAX_LINE_BYTES[direction]) if protocol is WireProtocol.LINES else Codec()


# How a connection begins

_REQUEST_LINE = re.compile(rb"[A-Z]{1,20} [^ \r\n]{1,16384} HTTP/1\.[01]\r?\n")
_REQUEST_LINE_SO_FAR = re.compile(
    rb"[A-Z]{1,20}(?: (?:[^ \r\n]{1,16384}(?: (?:H(?:T(?:T(?:P(?:/(?:1(?:\.(?:[01]\r?)?)?)?)?)?)?)?)?)?)?)?"
)
_EXTENSIONS = re.compile(
    rb"^sec-websocket-extensions[ \t]*:.*\r?\n(?:[ \t].*\r?\n)*", re.IGNORECASE | re.MULTILINE
)
_UPGRADE = re.compile(rb"^upgrade[ \t]*:[^\r\n]*\bwebsocket\b", re.IGNORECASE | re.MULTILINE)


def detect_protocol(first: bytes) -> WireProtocol | None:
    """Return the protocol of a client whose *first* bytes these are; None if more bytes are needed."""
    if first[:1] == bytes([TLS_HANDSHAKE]):
        if len(first) == 1:
            return None
        return WireProtocol.BYTES if first[1] == TLS_MAJOR_VERSION else WireProtocol.LINES
    if _REQUEST_LINE.match(first):
        return WireProtocol.HTTP
    return None if not first or _REQUEST_LINE_SO_FAR.fullmatch(first) else WireProtocol.LINES


@dataclass(frozen=True, slots=True)
class Handshake:
    """The request of a WebSocket handshake: its head without the extensions, and its path."""

    head: bytes
    path: str


def parse_handshake(head: bytes) -> Handshake | None:
    """Return the WebSocket handshake in *head*; None if it is another request.

    The extensions are removed, so that frames are not compressed and stay readable.
    """
    if not _UPGRADE.search(head):
        return None
    path = head.split(b" ", 2)[1].decode("ascii", "backslashreplace")
    return Handshake(_EXTENSIONS.sub(b"", head), path)


def is_switching(head: bytes) -> bool:
    """Return whether the head of a response has the status 101."""
    return re.match(rb"HTTP/1\.1 101\b", head) is not None


def bad_gateway(sentence: str) -> bytes:
    """Return the response to a request whose server cannot be reached."""
    body = f"{sentence}\n".encode()
    head = (
        "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
