"""The WebSocket framing, RFC 6455, by the sans-I/O half of the websockets library.

Pings are answered and fragments put together here. What a client may send is not checked beyond what a frame
can hold: scenarios break rules on purpose.
"""

import logging
from collections.abc import Iterator

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidURI, PayloadTooBig, ProtocolError
from websockets.frames import Frame
from websockets.frames import Opcode as Connection
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from chateau.client.transcript import Direction, Opcode, close_payload
from chateau.client.transports.errors import NotPossible, Refused, refusal, refusal_in
from chateau.client.transports.framing import Step, received, utf8_flaw
from chateau.client.transports.target import Target

LARGEST_MESSAGE_BYTES = 64 * 2**20
ON_THE_WIRE = {
    Opcode.TEXT: Connection.TEXT,
    Opcode.BINARY: Connection.BINARY,
    Opcode.PING: Connection.PING,
    Opcode.PONG: Connection.PONG,
}
AS_ENTRY = {wire: opcode for opcode, wire in ON_THE_WIRE.items()}
PROTOCOL_ERROR, NOT_UTF8, TOO_BIG = 1002, 1007, 1009

# The library's words for a broken rule, and a sentence with its place in RFC 6455.
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
_SILENT.disabled = True  # what the library would log becomes an error or a flaw


class WebSocketFraming:
    """One WebSocket, from the client's side."""

    __slots__ = (
        "_fragments",
        "_headers",
        "_heard",
        "_kind",
        "_protocol",
        "_said_goodbye",
        "flaw",
        "is_over",
        "is_ready",
    )

    def __init__(self, target: Target) -> None:
        """Raises :class:`Refused` where the URL is no WebSocket's."""
        try:
            uri = parse_uri(target.url)
        except (InvalidURI, UnicodeError) as exc:
            raise Refused(str(exc)) from exc
        self._protocol = ClientProtocol(
            uri,
            subprotocols=_offered(target.headers),
            max_size=LARGEST_MESSAGE_BYTES,
            logger=_SILENT,
        )
        self._headers = target.headers
        self._heard = b""  # of the handshake
        self._fragments: list[bytes] = []
        self._kind = Opcode.TEXT
        self._said_goodbye = False
        self.is_ready = False
        self.is_over = False
        self.flaw: str | None = None

    def opening(self) -> bytes:
        request = self._protocol.connect()
        _replace(request.headers, self._headers)
        self._protocol.key = request.headers["Sec-WebSocket-Key"]
        self._protocol.send_request(request)
        return b"".join(self._protocol.data_to_send())

    def receive(self, data: bytes) -> list[Step]:
        if not self.is_ready:
            self._heard += data
        self._protocol.receive_data(data)
        return self._steps()

    def end(self) -> list[Step]:
        self._protocol.receive_eof()
        return self._steps()

    def frame(self, opcode: Opcode, payload: bytes) -> bytes:
        if opcode not in ON_THE_WIRE:
            raise NotPossible(f"a WebSocket has no frame for a {opcode}")
        try:
            return Frame(ON_THE_WIRE[opcode], payload).serialize(mask=True)
        except ProtocolError as exc:
            raise NotPossible(f"a {opcode} has room for 125 bytes, not {len(payload)}") from exc

    def goodbye(self, code: int | None, reason: str) -> Step:
        if code is not None and not 0 <= code <= 0xFFFF:
            raise NotPossible(f"a close code is a number up to 65535, not {code}")
        payload = close_payload(code, reason)
        try:
            data = Frame(Connection.CLOSE, payload).serialize(mask=True)
        except ProtocolError as exc:
            raise NotPossible("the reason of a close has room for 123 bytes") from exc
        self._said_goodbye = True
        return Step(Direction.SENT, Opcode.CLOSE, payload, data)

    def unanswered(self) -> str:
        if refused := refusal_in(self._heard):
            raise refused
        return (
            "the server's answer to the handshake is not complete"
            if self._heard
            else "the server says nothing"
        )

    def _steps(self) -> list[Step]:
        if not self.is_ready:
            self._check_handshake()
        steps: list[Step] = []
        answers = filter(None, self._protocol.data_to_send())
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and not self.is_over:
                self._take(event, answers, steps)
        if self._protocol.parser_exc is not None and not self.is_over:
            steps += self._broken(self._protocol.parser_exc)
        return steps

    def _check_handshake(self) -> None:
        if (error := self._protocol.handshake_exc) is not None:
            raise self._refusal(error) from error
        self.is_ready = any(isinstance(event, Response) for event in self._protocol.events)
        if self.is_ready:
            self._heard = b""

    def _refusal(self, error: Exception) -> Refused:
        for event in self._protocol.events_received():
            if isinstance(event, Response) and event.status_code != 101:
                return refusal(event.status_code, bytes(event.body))
        if refused := refusal_in(self._heard):
            return refused
        if not self._heard:
            return Refused("the server closed the connection without an answer")
        cause = error if isinstance(error, InvalidHandshake) and error.__cause__ is None else error.__cause__
        return Refused(f"the server's answer to the handshake is wrong: {cause} (RFC 6455 §4.1)")

    def _take(self, frame: Frame, answers: Iterator[bytes], steps: list[Step]) -> None:
        payload = bytes(frame.data)
        match frame.opcode:
            case Connection.TEXT | Connection.BINARY | Connection.CONT:
                self._take_data(frame, payload, steps)
            case Connection.PING:
                steps.append(received(Opcode.PING, payload))
                steps.append(Step(Direction.SENT, Opcode.PONG, payload, next(answers, b"")))
            case Connection.PONG:
                steps.append(received(Opcode.PONG, payload))
            case Connection.CLOSE:
                self._take_goodbye(payload, next(answers, b""), steps)

    def _take_data(self, frame: Frame, payload: bytes, steps: list[Step]) -> None:
        if frame.opcode is not Connection.CONT:
            self._kind = AS_ENTRY[frame.opcode]
        if not frame.fin or self._fragments:
            self._fragments.append(payload)
            if not frame.fin:
                return
            payload = b"".join(self._fragments)
            self._fragments.clear()
        if self._kind is Opcode.TEXT and (flaw := utf8_flaw(payload, "a text message")):
            steps += self._fail(NOT_UTF8, f"{flaw} (RFC 6455 §8.1)")
        else:
            steps.append(received(self._kind, payload))

    def _take_goodbye(self, payload: bytes, echo: bytes, steps: list[Step]) -> None:
        self.is_over = True
        steps.append(received(Opcode.CLOSE, payload))
        if not self._said_goodbye:
            steps.append(Step(Direction.SENT, Opcode.CLOSE, payload, echo))

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
        """The connection ended without a close frame; inside a frame or a message, that is a flaw as well."""
        self.is_over = True
        if words.startswith("stream ends"):
            self.flaw = "the connection ended in the middle of a frame (RFC 6455 §5.2)"
        elif self._fragments:
            self.flaw = "the connection ended in the middle of a message (RFC 6455 §5.4)"
        return []

    def _fail(self, code: int, flaw: str) -> list[Step]:
        """RFC 6455 §7.1.7: say why, and listen no more."""
        self.flaw, self.is_over = flaw, True
        return [] if self._said_goodbye else [self.goodbye(code, "")]


def _offered(headers: tuple[tuple[str, str], ...]) -> list[Subprotocol] | None:
    names = [value for name, value in headers if name.lower() == "sec-websocket-protocol"]
    return [Subprotocol(word.strip()) for value in names for word in value.split(",")] or None


def _replace(headers: Headers, given: tuple[tuple[str, str], ...]) -> None:
    """A header that is given takes the place of the library's own."""
    for name in {name for name, _ in given if name in headers}:
        del headers[name]
    for name, value in given:
        headers[name] = value
