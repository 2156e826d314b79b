"""Framings: the meaning of the bytes of a connection, without I/O.

The interface that WebSocket, lines and event streams implement (:mod:`chateau.client.transports.connection`
moves the bytes), the line framing, and the parser of server-sent events.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

from chateau.client.transcript import Direction, Opcode
from chateau.client.transports.target import NotPossible, excerpt, rejected_by

MAX_BYTES = 16 * 2**20  # of a line or an event
LINE_END = b"\r\n"  # which every server accepts, those of a Telnet kind too
EVENT_STREAM_TYPE = "text/event-stream"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FIELDS = frozenset({"data", "id", "event"})


class Step(NamedTuple):
    """A frame that was received, or one that the framing sends by itself as ``data``."""

    direction: Direction
    opcode: Opcode
    payload: bytes
    data: bytes = b""


class Framing(ABC):
    """The framing of one connection. It raises :class:`Refused` only, and only before it is ready."""

    is_ready = False  # the handshake is done
    is_over = False  # the server closed, or broke the framing: nothing after it counts
    protocol_error: str | None = None  # how the server broke the framing
    response_name = "the server's response"
    _received = b""  # of the handshake, while it is not done

    def opening(self) -> bytes:
        """Return the first bytes of the client."""
        return b""

    def receive(self, data: bytes) -> list[Step]:
        """Return the frames in *data*. Raises :class:`Refused`."""
        if not self.is_ready:
            self._received += data
        return self.feed(data)

    @abstractmethod
    def feed(self, data: bytes) -> list[Step]:
        """Do the work of :meth:`receive`."""

    @abstractmethod
    def end(self) -> list[Step]:
        """Return the frames that the end of the connection completes. Raises :class:`Refused`."""

    @abstractmethod
    def frame(self, opcode: Opcode, payload: bytes) -> bytes:
        """Return the bytes of a frame. Raises :class:`NotPossible`."""

    def close(self, code: int | None, reason: str) -> Step | None:
        """Return the close frame; None if closing the sending side is enough."""
        return None

    def handshake_status(self) -> str:
        """Return why the handshake is not complete. Raises :class:`Refused` if it was rejected."""
        if error := rejected_by(self._received):
            raise error
        return f"{self.response_name} is not complete" if self._received else "the server sends nothing"

    def fail(self, error: str) -> None:
        """End the connection because the server broke the framing."""
        self.protocol_error, self.is_over = error, True


def received(opcode: Opcode, payload: bytes) -> Step:
    return Step(Direction.RECEIVED, opcode, payload)


def utf8_error(payload: bytes, what: str) -> str | None:
    """Return why *payload*, described by *what*, is not UTF-8; None if it is."""
    try:
        payload.decode()
    except UnicodeDecodeError as exc:
        around = payload[max(0, exc.start - 8) : exc.start + 8].hex(" ")
        return f"the server sent {what} that is not UTF-8, at byte {exc.start} (… {around} …)"
    return None


class LineFraming(Framing):
    """Lines over TCP, each ended by ``\\n`` or ``\\r\\n``."""

    def __init__(self, end: str | None = None) -> None:
        """Accept only *end* as the end of a line of the server; by default, accept both."""
        self._end = end
        self._rest = bytearray()  # the beginning of a line
        self.is_ready = True

    def feed(self, data: bytes) -> list[Step]:
        steps: list[Step] = []
        self._rest += data
        if b"\n" in data:
            *lines, self._rest = self._rest.split(b"\n")
            for line in lines:
                self._take(bytes(line), steps)
                if self.is_over:
                    return steps
        if len(self._rest) > MAX_BYTES:
            self.fail("the server sent a line of more than 16 MiB")
        return steps

    def end(self) -> list[Step]:
        self.is_over = True
        if self._rest:
            rest = excerpt(bytes(self._rest))
            self.protocol_error = f"the connection ended in the middle of a line: {rest}"
        return []

    def frame(self, opcode: Opcode, payload: bytes) -> bytes:
        if opcode is not Opcode.LINE:
            raise NotPossible(f"a connection of lines has no frame for a {opcode}")
        return payload + LINE_END

    def _take(self, raw: bytes, steps: list[Step]) -> None:
        line = raw.removesuffix(b"\r")
        end = "\n" if line == raw else "\r\n"
        if self._end not in {None, end}:
            self.fail(f"a line of the server ends with {end!r}, not with {self._end!r}: {excerpt(line)}")
        elif error := utf8_error(line, "a line"):
            self.fail(error)
        else:
            steps.append(received(Opcode.LINE, line))


class EventParser:
    """Parses a stream of server-sent events; ``rest`` is the beginning of an incomplete one.

    https://html.spec.whatwg.org/multipage/server-sent-events.html is the specification.
    """

    def __init__(self) -> None:
        self._has_begun = False
        self._after_return = False  # the last byte was \r, so that a \n belongs to the same end of line
        self._lines: list[bytes] = []
        self._partial = bytearray()
        self._lines_bytes = 0

    @property
    def buffered_bytes(self) -> int:
        return self._lines_bytes + len(self._partial)

    @property
    def rest(self) -> bytes:
        return b"\n".join([*self._lines, bytes(self._partial)]).strip(b"\n")

    def feed(self, data: bytes) -> list[bytes]:
        """Return the events that *data* completes, each as its lines, without those that have no data."""
        if self._after_return:
            data = data.removeprefix(b"\n")
        self._after_return = data.endswith(b"\r")
        *lines, partial = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if not lines:
            self._partial += partial
            return []
        lines[0] = bytes(self._partial) + lines[0]
        self._partial = bytearray(partial)
        return [event for line in lines if (event := self._take(line))]

    def _take(self, line: bytes) -> bytes | None:
        if not self._has_begun:
            self._has_begun, line = True, line.removeprefix(_BYTE_ORDER_MARK)
        if line:
            self._lines.append(line)
            self._lines_bytes += len(line) + 1
            return None
        lines, self._lines, self._lines_bytes = self._lines, [], 0
        has_data = any(one == b"data" or one.startswith(b"data:") for one in lines)
        return b"\n".join(lines) if has_data else None


def event_fields(payload: bytes) -> dict[str, str]:
    """Return the fields of an event: its ``data``, and ``id`` and ``event`` if it has them."""
    fields: dict[str, str] = {}
    for line in payload.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition(":")
        if name not in _FIELDS:
            continue
        value = value.removeprefix(" ")
        fields[name] = f"{fields[name]}\n{value}" if name == "data" and "data" in fields else value
    return fields
