"""The framing of server-sent events: an HTTP answer that goes on, by h11, and the events in it.

https://html.spec.whatwg.org/multipage/server-sent-events.html is the format's specification.
"""

import h11

from chateau.client.transcript import Opcode
from chateau.client.transports.errors import NotPossible, Refused, excerpt, refusal, refusal_in
from chateau.client.transports.framing import LONGEST_BYTES, Step, received, utf8_flaw
from chateau.client.transports.http import head_of
from chateau.client.transports.target import Target, address_of

TYPE = "text/event-stream"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FIELDS = frozenset({"data", "id", "event"})


class EventStreamFraming:
    """A stream of events, from the client's side. It takes nothing but the request that opens it."""

    __slots__ = (
        "_body",
        "_events",
        "_has_ended",
        "_head",
        "_heard",
        "_protocol",
        "_said_goodbye",
        "_status",
        "flaw",
        "is_over",
        "is_ready",
    )

    def __init__(self, target: Target) -> None:
        headers = target.headers
        if "accept" not in {name.lower() for name, _ in headers}:
            headers = (("Accept", TYPE), *headers)
        self._head = head_of("GET", address_of(target.url), headers, b"")
        self._protocol = h11.Connection(h11.CLIENT)
        self._protocol.send(h11.Request(method="GET", target="/", headers=[("Host", "server")]))
        self._protocol.send(h11.EndOfMessage())
        self._events = Events()
        self._heard = b""  # before the stream began
        self._has_ended = False
        self._said_goodbye = False  # from then on the server may end the stream anywhere
        self._status: int | None = None  # with which the server refused
        self._body = b""  # and what it said then
        self.is_ready = False
        self.is_over = False
        self.flaw: str | None = None

    def opening(self) -> bytes:
        return self._head

    def receive(self, data: bytes) -> list[Step]:
        if not self.is_ready:
            self._heard += data
        self._protocol.receive_data(data)
        return self._steps()

    def end(self) -> list[Step]:
        self._has_ended = True
        self._protocol.receive_data(b"")
        steps = self._steps()
        self.is_over = True
        if self.flaw is None and self._events.rest and not self._said_goodbye:
            self.flaw = f"the stream ended in the middle of an event: {excerpt(self._events.rest)}"
        return steps

    def frame(self, opcode: Opcode, payload: bytes) -> bytes:
        raise NotPossible("a stream of events takes nothing from the client")

    def goodbye(self, code: int | None, reason: str) -> None:
        self._said_goodbye = True

    def unanswered(self) -> str:
        if refused := refusal_in(self._heard):
            raise refused
        return "the server's answer is not complete" if self._heard else "the server says nothing"

    def _steps(self) -> list[Step]:
        steps: list[Step] = []
        try:
            while not self.is_over and self._take(self._protocol.next_event(), steps):
                continue
        except h11.RemoteProtocolError as exc:
            if not self.is_ready:
                raise self._refusal(exc) from exc
            self.is_over = True
            if not self._said_goodbye:
                self.flaw = f"the server broke HTTP: {exc}"
        return steps

    def _refusal(self, error: h11.RemoteProtocolError) -> Refused:
        if refused := refusal_in(self._heard):
            return refused
        if self._has_ended:
            how = "before its answer was complete" if self._heard else "without an answer"
            return Refused(f"the server closed the connection {how}")
        return Refused(f"the server's answer is not HTTP: {error}")

    def _take(self, event: object, steps: list[Step]) -> bool:
        """Whether there may be more."""
        match event:
            case h11.InformationalResponse():
                return True
            case h11.Response():
                self._begin(event)
                return True
            case h11.Data(data=data) if self._status is not None:
                self._body += bytes(data)
                return True
            case h11.Data(data=data):
                self._take_data(bytes(data), steps)
                return True
            case h11.EndOfMessage() if self._status is not None:
                raise refusal(self._status, self._body)
            case h11.EndOfMessage():
                self.is_over = True
        return False

    def _begin(self, response: h11.Response) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        kind = headers.get("content-type", "")
        if response.status_code != 200:
            self._status = response.status_code
        elif kind.partition(";")[0].strip().lower() != TYPE:
            raise Refused(f"the server's answer is {kind or 'of no type'}, not {TYPE}")
        else:
            self.is_ready, self._heard = True, b""

    def _take_data(self, data: bytes, steps: list[Step]) -> None:
        for event in self._events.feed(data):
            if flaw := utf8_flaw(event, "an event"):
                self.flaw, self.is_over = flaw, True
                return
            steps.append(received(Opcode.EVENT, event))
        if self._events.waiting_bytes > LONGEST_BYTES:
            self.flaw, self.is_over = "the server sent an event of more than 16 MiB", True


class Events:
    """Cuts a stream into events; ``rest`` is the beginning of one that is not complete."""

    __slots__ = ("_after_return", "_has_begun", "_lines", "_lines_bytes", "_partial")

    def __init__(self) -> None:
        self._has_begun = False
        self._after_return = False  # the last byte was \r, so that a \n belongs to the same line end
        self._lines: list[bytes] = []
        self._partial = bytearray()
        self._lines_bytes = 0

    @property
    def waiting_bytes(self) -> int:
        return self._lines_bytes + len(self._partial)

    @property
    def rest(self) -> bytes:
        return b"\n".join([*self._lines, bytes(self._partial)]).strip(b"\n")

    def feed(self, data: bytes) -> list[bytes]:
        """The events that *data* completes, each as its lines; comments alone are none."""
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
            self._has_begun, line = True, line.removeprefix(BYTE_ORDER_MARK)
        if line:
            self._lines.append(line)
            self._lines_bytes += len(line) + 1
            return None
        lines, self._lines, self._lines_bytes = self._lines, [], 0
        has_data = any(one == b"data" or one.startswith(b"data:") for one in lines)
        return b"\n".join(lines) if has_data else None


def event_fields(payload: bytes) -> dict[str, str]:
    """What an event says: its ``data``, and ``id`` and ``event`` where it has them."""
    fields: dict[str, str] = {}
    for line in payload.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition(":")
        if name not in FIELDS:
            continue
        value = value.removeprefix(" ")
        fields[name] = f"{fields[name]}\n{value}" if name == "data" and "data" in fields else value
    return fields
