"""Framing: the bytes of one direction in, whole frames out.

Every byte comes out again, in its order, in the ``raw`` of some frame: what cannot be read as a frame does so
as :attr:`Kind.BYTES`. Nothing is kept beyond one frame of at most :data:`LONGEST_FRAME` bytes.
"""

from collections.abc import Generator
from typing import Protocol

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Close, Opcode
from websockets.frames import Frame as WireFrame
from websockets.streams import StreamReader

from chateau.client.proxy.frame import Frame, Kind, Speech, Way

LONGEST_FRAME = 16 * 1024 * 1024
LONGEST_LINES = {
    Way.TO_SERVER: 16 * 1024,
    Way.TO_CLIENT: 1024 * 1024,
}  # a command is not longer, an answer may be

_KINDS = {
    Opcode.CONT: Kind.CONTINUATION,
    Opcode.TEXT: Kind.TEXT,
    Opcode.BINARY: Kind.BINARY,
    Opcode.CLOSE: Kind.CLOSE,
    Opcode.PING: Kind.PING,
    Opcode.PONG: Kind.PONG,
}


class Framing(Protocol):
    """One direction of one connection."""

    @property
    def flaw(self) -> str | None:
        """Why there are no more frames, only bytes; None while there are."""

    def feed(self, received: bytes) -> list[Frame]:
        """The frames that *received* completes."""

    def end(self) -> list[Frame]:
        """What is left at the end of the bytes, and never became a frame."""


class WebSocketFraming:
    """Frames of RFC 6455. One that breaks its rules, and all that follows it, is passed as bytes."""

    def __init__(self, *, masked: bool) -> None:
        self.flaw: str | None = None
        self._masked = masked
        self._stream = StreamReader()
        self._raw = bytearray()
        self._found: list[Frame] = []
        self._parser = self._parse()

    def feed(self, received: bytes) -> list[Frame]:
        self._stream.feed_data(received)
        if self.flaw:
            return self.end()
        try:
            next(self._parser)
        except ProtocolError as exc:
            self.flaw = str(exc)
        except PayloadTooBig:
            self.flaw = f"a frame of more than {LONGEST_FRAME} bytes"
        found, self._found = self._found, []
        return found + self.end() if self.flaw else found

    def end(self) -> list[Frame]:
        left = bytes(self._raw + self._stream.buffer)
        self._raw.clear()
        self._stream.discard()
        return [piece(left)] if left else []

    def _parse(self) -> Generator[None, None, None]:
        while True:
            wire = yield from WireFrame.parse(self._read, mask=self._masked, max_size=LONGEST_FRAME)
            frame = Frame(_KINDS[wire.opcode], bytes(wire.data), bytes(self._raw), is_final=wire.fin)
            self._raw.clear()
            self._found.append(frame)

    def _read(self, length: int) -> Generator[None, None, bytearray | bytes]:
        """What the parser reads, remembered, for it keeps neither the mask nor how the length was written."""
        read = yield from self._stream.read_exact(length)
        self._raw += read
        return read


class LineFraming:
    """Lines, ended by LF or CR LF. One of more than *longest* bytes is passed as bytes."""

    flaw = None

    def __init__(self, longest: int) -> None:
        self._longest = longest + len(b"\r\n")
        self._buffer = bytearray()
        self._inside_long = False

    def feed(self, received: bytes) -> list[Frame]:
        searched = len(self._buffer)
        self._buffer += received
        found = []
        while (end := self._buffer.find(b"\n", searched) + 1) > 0:
            found.append(self._line(end))
            searched = 0
        if self._inside_long or len(self._buffer) > self._longest:
            found += self.end()
            self._inside_long = True
        return found

    def end(self) -> list[Frame]:
        left = bytes(self._buffer)
        self._buffer.clear()
        return [piece(left)] if left else []

    def _line(self, end: int) -> Frame:
        raw = bytes(self._buffer[:end])
        del self._buffer[:end]
        if self._inside_long:
            self._inside_long = False
            return piece(raw)
        return Frame(Kind.LINE, raw[:-1].removesuffix(b"\r"), raw)


class NoFraming:
    """Bytes, in the pieces that they came in."""

    flaw = None

    def feed(self, received: bytes) -> list[Frame]:
        return [piece(received)]

    def end(self) -> list[Frame]:
        return []


def framing_of(speech: Speech, way: Way) -> Framing:
    match speech:
        case Speech.WEBSOCKET:
            return WebSocketFraming(masked=way is Way.TO_SERVER)
        case Speech.LINES:
            return LineFraming(LONGEST_LINES[way])
    return NoFraming()


def piece(raw: bytes) -> Frame:
    return Frame(Kind.BYTES, raw, raw)


def close_frame(code: int, way: Way) -> Frame:
    """A close frame of the proxy's own; only a client masks its frames."""
    payload = Close(code, "").serialize()
    raw = WireFrame(Opcode.CLOSE, payload).serialize(mask=way is Way.TO_SERVER)
    return Frame(Kind.CLOSE, payload, raw)
