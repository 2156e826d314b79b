"""The WebSocket framing, RFC 6455, with the sans-I/O part of the websockets library.

It responds to pings and joins fragments. Frames of the client are checked only for the size that fits into a
frame: scenarios break rules on purpose.
"""

import logging
from collections.abc import Iterator

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidURI, PayloadTooBig, ProtocolError
from websockets.frames import Frame
from websockets.frames import Opcode as FrameOpcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from chateau.client.transcript import Direction, Opcode, close_payload
from chateau.client.transports.framing import Framing, Step, received, utf8_error
from chateau.client.transports.target import NotPossible, Refused, Target, closed_early, rejected, rejected_by

MAX_MESSAGE_BYTES = 64 * 2**20
FRAME_OPCODES = {
    opcode: FrameOpcode[opcode.name] for opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG)
}
ENTRY_OPCODES = {frame: opcode for opcode, frame in FRAME_OPCODES.items()}
PROTOCOL_ERROR, NOT_UTF8, TOO_BIG = 1002, 1007, 1009

# The library's message for a broken rule, and a sentence with the section of RFC 6455.
RULES = {
    "invalid opcode": "sent a frame with an opcode that is not defined (RFC 6455 §5.2)",
    "incorrect masking": "masked a frame, which only a client does (RFC 6455 §5.1)",
    "reserved bits must be 0": "set a reserved bit, though no extension was agreed on (RFC 6455 §5.2)",
    "control frame too long": "sent a control frame of more than 125 bytes (RFC 6455 §5.5)",
    "fragmented control frame": "sent a control frame in fragments (RFC 6455 §5.5)",
    "expected a continuation frame": "began a message in the middle of another (RFC 6455 §5.4)",
    "unexpected continuation frame": "continued a message that it had not begun (RFC 6455 §5.4)",
    "incomplete fragmented message": "closed in the middle of a message (RFC 6455 §5.4)",
    "close frame too short": "sent a close frame with half a code (RFC 6455 §5.5.1)",
    "invalid status code": "closed with a code that must not be sent (RFC 6455 §7.4)",
}

_SILENT = logging.getLogger("chateau.client.transports")
_SILENT.disabled = True  # the errors of the library are reported, not logged


class WebSocketFraming(Framing):
    """A WebSocket, from the client's side."""

    response_name = "the server's response to the handshake"

    def __init__(self, target: Target) -> None:
        """Raises :class:`Refused` if the URL is not a WebSocket URL."""
        try:
            uri = parse_uri(target.url)
        except (InvalidURI, UnicodeError) as exc:
            raise Refused(str(exc)) from exc
        self._protocol = ClientProtocol(
            uri,
            subprotocols=_offered(target.headers),
            max_size=MAX_MESSAGE_BYTES,
            logger=_SILENT,
        )
        self._headers = target.headers
        self._fragments: list[bytes] = []
        self._kind = Opcode.TEXT
        self._is_closed = False

    def opening(self) -> bytes:
        request = self._protocol.connect()
        _replace(request.headers, self._headers)
        self._protocol.key = request.headers["Sec-WebSocket-Key"]
        self._protocol.send_request(request)
        return b"".join(self._protocol.data_to_send())

    def feed(self, data: bytes) -> list[Step]:
        self._protocol.receive_data(data)
        return self._steps()

    def end(self) -> list[Step]:
        self._protocol.receive_eof()
        return self._steps()

    def frame(self, opcode: Opcode, payload: bytes) -> bytes:
        if opcode not in FRAME_OPCODES:
            raise NotPossible(f"a WebSocket has no frame for a {opcode}")
        try:
            return Frame(FRAME_OPCODES[opcode], payload).serialize(mask=True)
        except ProtocolError as exc:
            raise NotPossible(f"a {opcode} has room for 125 bytes, not {len(payload)}") from exc

    def close(self, code: int | None, reason: str) -> Step:
        if code is not None and not 0 <= code <= 0xFFFF:
            raise NotPossible(f"a close code is a number up to 65535, not {code}")
        payload = close_payload(code, reason)
        try:
            data = Frame(FrameOpcode.CLOSE, payload).serialize(mask=True)
        except ProtocolError as exc:
            raise NotPossible("the reason of a close has room for 123 bytes") from exc
        self._is_closed = True
        return Step(Direction.SENT, Opcode.CLOSE, payload, data)

    def _steps(self) -> list[Step]:
        if not self.is_ready:
            self._check_handshake()
        steps: list[Step] = []
        responses = filter(None, self._protocol.data_to_send())
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and not self.is_over:
                steps += self._take(event, responses)
        if self._protocol.parser_exc is not None and not self.is_over:
            steps += self._broken(self._protocol.parser_exc)
        return steps

    def _check_handshake(self) -> None:
        if (error := self._protocol.handshake_exc) is not None:
            raise self._handshake_error(error) from error
        self.is_ready = any(isinstance(event, Response) for event in self._protocol.events)
        if self.is_ready:
            self._received = b""

    def _handshake_error(self, error: Exception) -> Refused:
        for event in self._protocol.events_received():
            if isinstance(event, Response) and event.status_code != 101:
                return rejected(event.status_code, bytes(event.body))
        if found := rejected_by(self._received):
            return found
        if not self._received:
            return Refused(closed_early(has_begun=False))
        cause = error if isinstance(error, InvalidHandshake) and error.__cause__ is None else error.__cause__
        return Refused(f"the server's response to the handshake is wrong: {cause} (RFC 6455 §4.1)")

    def _take(self, frame: Frame, responses: Iterator[bytes]) -> Iterator[Step]:
        payload = bytes(frame.data)
        match frame.opcode:
            case FrameOpcode.PING:
                yield received(Opcode.PING, payload)
                yield Step(Direction.SENT, Opcode.PONG, payload, next(responses, b""))
            case FrameOpcode.PONG:
                yield received(Opcode.PONG, payload)
            case FrameOpcode.CLOSE:
                self.is_over = True
                yield received(Opcode.CLOSE, payload)
                if not self._is_closed:
                    yield Step(Direction.SENT, Opcode.CLOSE, payload, next(responses, b""))
            case _:
                yield from self._take_data(frame, payload)

    def _take_data(self, frame: Frame, payload: bytes) -> Iterator[Step]:
        if frame.opcode is not FrameOpcode.CONT:
            self._kind = ENTRY_OPCODES[frame.opcode]
        self._fragments.append(payload)
        if not frame.fin:
            return
        payload = b"".join(self._fragments)
        self._fragments.clear()
        if self._kind is Opcode.TEXT and (error := utf8_error(payload, "a text message")):
            yield from self._fail(NOT_UTF8, f"{error} (RFC 6455 §8.1)")
        else:
            yield received(self._kind, payload)

    def _broken(self, error: Exception) -> list[Step]:
        match error:
            case EOFError():
                return self._cut_off(str(error))
            case PayloadTooBig():
                return self._fail(TOO_BIG, "the server sent a message of more than 64 MiB")
            case UnicodeDecodeError():
                return self._fail(NOT_UTF8, "the reason of the server's close is not UTF-8 (RFC 6455 §5.5.1)")
        rule = RULES.get(str(error), f"broke the framing: {error} (RFC 6455)")
        return self._fail(PROTOCOL_ERROR, f"the server {rule}")

    def _cut_off(self, words: str) -> list[Step]:
        """Handle an end without a close frame; inside a frame or a message it is a protocol error."""
        self.is_over = True
        if words.startswith("stream ends"):
            self.protocol_error = "the connection ended in the middle of a frame (RFC 6455 §5.2)"
        elif self._fragments:
            self.protocol_error = "the connection ended in the middle of a message (RFC 6455 §5.4)"
        return []

    def _fail(self, code: int, error: str) -> list[Step]:
        """Send a close frame with the reason and read no more (RFC 6455 §7.1.7)."""
        self.fail(error)
        return [] if self._is_closed else [self.close(code, "")]


def _offered(headers: tuple[tuple[str, str], ...]) -> list[Subprotocol] | None:
    names = [value for name, value in headers if name.lower() == "sec-websocket-protocol"]
    return [Subprotocol(word.strip()) for value in names for word in value.split(",")] or None


def _replace(headers: Headers, given: tuple[tuple[str, str], ...]) -> None:
    """Replace the headers of the library by the headers given."""
    for name in {name for name, _ in given if name in headers}:
        del headers[name]
    for name, value in given:
        headers[name] = value
