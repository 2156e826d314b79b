"""The chateau protocol: JSON text frames with a numeric ``type``, at ``/ws``.

A request is checked against its schema in schemas/chateau/, then its row in ``REQUESTS`` calls the hub.
An answer has the request's ``type`` and ``ref``; a push has a ``sender`` or an ``event``, an answer
never. What the frames hold is told in docs/protocols/chateau.md, and by the schemas themselves.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chateau.hub.errors import Banned, HubError, NotRegistered, Unavailable, UnknownRecipient, cut
from chateau.hub.events import (
    DirectMessage,
    Event,
    Joined,
    JoinRecord,
    Left,
    MemberCount,
    Publication,
    RoomMessage,
    RoomState,
    Shutdown,
    StoredRecord,
    TapChanged,
)
from chateau.protocols.answers import Answers
from chateau.protocols.errors import (
    BinaryFrame,
    Internal,
    InvalidMessage,
    RateLimited,
    TooLarge,
    UnknownType,
)
from chateau.protocols.json_text import Fragment, decode, encode, is_scalar, kind_of, readable
from chateau.protocols.rate import Bucket
from chateau.protocols.spec import EndpointSpec, ProtocolSpec
from chateau.protocols.transport import RELAY_BYTES
from chateau.times import parse_lower_bound, parse_upper_bound

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chateau.hub.hub import Hub
    from chateau.hub.ports import Clock, Commit
    from chateau.hub.session import Session
    from chateau.protocols.error_catalog import ErrorCatalog
    from chateau.protocols.schemas import SchemaSet
    from chateau.protocols.spec import ProtocolContext
    from chateau.protocols.transport import Broadcast, Outbox

log = logging.getLogger(__name__)

Frame = dict[str, Any]

HISTORY_BYTES = 768
"""What a history answer may have around its messages."""

GROWTH = 33
"""Bytes that a frame has for a character of its request at most: a name of one may be shown with 128."""

HISTORY_LIMIT = 100
"""Messages that a history request without a ``limit`` gets."""


class ChateauProtocol:
    """The protocol, once a server: it opens a peer for each client and tells all of them of events."""

    name: Final = "chateau"

    def __init__(
        self,
        hub: Hub,
        schemas: SchemaSet,
        *,
        broadcast: Broadcast,
        clock: Clock,
        max_rate: float = 0,
        max_frame: int = 1_048_576,
    ) -> None:
        """*max_rate* is in messages a second and connection, 0 for no limit; *max_frame* in bytes."""
        self.hub = hub
        self.schemas = schemas
        self.clock = clock
        self.max_rate = max_rate
        self.relay_limit = max_frame - RELAY_BYTES
        self.history_limit = max_frame - HISTORY_BYTES
        self.requests: dict[int | None, tuple[Request, Callable[[object], bool]]] = {
            type_: (row, schemas.validator(row.schema)) for type_, row in REQUESTS.items()
        }
        self._broadcast = broadcast

    def open(self, outbox: Outbox, address: str, port: int) -> ChateauPeer:
        """A client at *address* and *port* has connected."""
        return ChateauPeer(self, outbox, address, port)

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        """Push *event* to *sessions*."""
        if isinstance(event, (Joined, Left)):  # who comes or goes is told by the answer
            sessions = [session for session in sessions if session.id != event.session_id]
        payload = encode(PUSHES[event.__class__](event))
        if len(sessions) == 1:  # most messages have one recipient
            for session in sessions:
                session.outbox.send(payload)
        else:
            self._broadcast(payload, [session.outbox for session in sessions])


class ChateauPeer:
    """One client that speaks this protocol."""

    __slots__ = ("_answers", "_bucket", "protocol", "session")

    def __init__(self, protocol: ChateauProtocol, outbox: Outbox, address: str, port: int) -> None:
        self.protocol = protocol
        self.session = protocol.hub.connect(protocol, outbox=outbox, address=address, port=port)
        self._answers = Answers(outbox)
        self._bucket = Bucket(protocol.max_rate, protocol.clock) if protocol.max_rate else None

    def on_text(self, text: str) -> None:
        """Do what *text* asks, and answer it."""
        request: Frame = {}
        try:
            # As in on_binary: a call here costs every request 0.07 µs.
            if self.session.banned or (self._bucket is not None and not self._bucket.take()):
                request = readable(text)
                raise self._reason_to_refuse()
            request = decode(text)
            answer, commit = self._perform(request, text)
        except HubError as error:
            self._answers.put(encode(refusal(error, request)))
            return
        except Exception:
            log.exception("session %s: a request failed", self.session.id)
            self._answers.put(encode(refusal(Internal(), request)))
            return
        if "ref" in request:
            answer["ref"] = request["ref"]
        if commit is None:
            self._answers.put(encode(answer))
        else:
            self._answers.put_late(commit, lambda failure: settled(answer, request, failure))

    def on_binary(self, payload: bytes) -> None:
        """Refuse a binary frame."""
        refused = self.session.banned or (self._bucket is not None and not self._bucket.take())
        error = self._reason_to_refuse() if refused else BinaryFrame()
        self._answers.put(encode(refusal(error, {})))

    def on_close(self) -> None:
        """End the session."""
        self.protocol.hub.disconnect(self.session)

    def _reason_to_refuse(self) -> HubError:
        return Banned() if self.session.banned else RateLimited(self.protocol.max_rate)

    def _perform(self, request: Frame, text: str) -> Done:
        type_ = request.get("type")
        known = self.protocol.requests.get(type_ if type_.__class__ is int else type_of(request))
        if known is None:
            raise no_such_type(request)
        row, is_valid = known
        if not is_valid(request):
            raise self.protocol.schemas.validation_error(row.schema, request, text)
        if row.needs_username and self.session.username is None:
            raise NotRegistered
        if row.relayed and len(text) * GROWTH > self.protocol.relay_limit:
            self._check_size(text, request.get("clients", []))
        return row.perform(self, request)

    def _check_size(self, text: str, clients: list[str]) -> None:
        limit = self.protocol.relay_limit
        shown = "".join(self.protocol.hub.recipients(clients))
        if len(text.encode()) + len(shown.encode()) - len("".join(clients).encode()) > limit:
            raise TooLarge(f"A message that is passed on may have {limit} bytes in all.")


Done = tuple[Frame, "Commit | None"]
"""An answer, and what it has to wait for."""


def _register(peer: ChateauPeer, request: Frame) -> Done:
    peer.protocol.hub.register(peer.session, request["username"])
    return {"type": 1, "status": 200}, None


def _unregister(peer: ChateauPeer, request: Frame) -> Done:  # noqa: ARG001 - it asks nothing more
    peer.protocol.hub.unregister(peer.session)
    return {"type": 2, "status": 200}, None


def _message(peer: ChateauPeer, request: Frame) -> Done:
    message = peer.protocol.hub.message(peer.session, request["clients"], request["content"])
    return {"type": 3, "status": 200, "id": message.id, "time": message.time}, None


def _list(peer: ChateauPeer, request: Frame) -> Done:
    hub = peer.protocol.hub
    usernames = hub.usernames(peer.session)
    answer: Frame = {"type": 4, "status": 200, "clients": usernames}
    if request.get("protocols"):
        answer["protocols"] = hub.protocols(usernames, peer.session)
    return answer, None


def _join(peer: ChateauPeer, request: Frame) -> Done:
    room = peer.protocol.hub.join(peer.session, request["room"], password=request.get("password"))
    return {"type": 5, "status": 200, "room": room.name, "members": room.member_names()}, None


def _leave(peer: ChateauPeer, request: Frame) -> Done:
    room = peer.protocol.hub.leave(peer.session, request["room"])
    return {"type": 6, "status": 200, "room": room.name}, None


def _publish(peer: ChateauPeer, request: Frame) -> Done:
    room, content, key = request["room"], request["content"], request.get("key")
    message, commit = peer.protocol.hub.publish(peer.session, room, content, key=key)
    answer = {"type": 7, "status": 200, "room": message.room, "seq": message.seq}
    return answer | {"id": message.id, "time": message.time}, commit


def _history(peer: ChateauPeer, request: Frame) -> Done:
    since = request.get("since")
    start = _instant(peer, request, "from", parse_lower_bound)
    end = _instant(peer, request, "to", parse_upper_bound)
    limit = int(request.get("limit", HISTORY_LIMIT))
    room, page = peer.protocol.hub.history(
        peer.session, request["room"], since=since, start=start, end=end, limit=limit
    )
    from_the_front = since is not None or start is not None
    budget = peer.protocol.history_limit
    messages = fitting([encode(_kept(message)) for message in page.messages], budget, from_the_front)
    complete = page.complete and len(messages) == len(page.messages)
    answer = {"type": 8, "status": 200, "room": room.name, "messages": messages, "complete": complete}
    return answer, None


def _rooms(peer: ChateauPeer, request: Frame) -> Done:  # noqa: ARG001 - it asks nothing more
    rooms = [summary._asdict() for summary in peer.protocol.hub.room_summaries()]
    return {"type": 9, "status": 200, "rooms": rooms}, None


class Request(NamedTuple):
    """How one type of request is dealt with."""

    schema: str
    perform: Callable[[ChateauPeer, Frame], Done]
    needs_username: bool = True
    relayed: bool = False  # what it says goes out to others


REQUESTS: dict[int, Request] = {
    1: Request("register-request", _register, needs_username=False),
    2: Request("unregister-request", _unregister),
    3: Request("message-request", _message, relayed=True),
    4: Request("list-request", _list),
    5: Request("join-request", _join),
    6: Request("leave-request", _leave),
    7: Request("publish-request", _publish, relayed=True),
    8: Request("history-request", _history),
    9: Request("rooms-request", _rooms),
}


def no_such_type(request: Frame) -> UnknownType:
    """The refusal of *request*, whose type is missing, no integer, or none of those in ``REQUESTS``."""
    if "type" not in request:
        return UnknownType('"type" is missing; it is an integer from 1 to 9.')
    type_ = request["type"]
    shown = cut(encode(type_).decode()) if is_scalar(type_) else kind_of(type_)
    return UnknownType(f"{shown} is no type; it is an integer from 1 to 9.")


def type_of(request: Frame) -> int | None:
    """The request's type, where it can be read: 3.0 is 3, as JSON Schema has it."""
    return _integer(request.get("type"))


def _integer(value: Any) -> int | None:
    if value.__class__ is int:
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return None


def _instant(peer: ChateauPeer, request: Frame, key: str, read: Callable[[str], str]) -> str | None:
    if key not in request:
        return None
    try:
        return read(request[key])
    except ValueError as exc:
        sentence = f'"{key}" is no time: {exc}.'
        raise peer.protocol.schemas.validation_error_at("history-request", [key], sentence) from exc


def fitting(messages: list[bytes], budget: int, from_the_front: bool) -> list[Fragment]:
    """As many of *messages*, JSON texts, as have room in *budget* bytes, the first or else the last ones."""
    kept: list[Fragment] = []
    for message in messages if from_the_front else reversed(messages):
        budget -= len(message) + 1
        if budget < 0:
            break
        kept.append(Fragment(message))
    return kept if from_the_front else kept[::-1]


def refusal(error: HubError, request: Frame) -> Frame:
    """The answer to *request*, refused with *error*; *request* is empty where it could not be read."""
    answer: Frame = {"status": 400, "code": error.code, "error": str(error)}
    type_ = type_of(request)
    if type_ is not None:
        answer = {"type": type_} | answer
    match error:
        case InvalidMessage():
            answer |= {"path": error.path, "schema": error.schema}
        case UnknownRecipient():
            answer["unknown"] = error.unknown
    if _is_ref(request.get("ref")):
        answer["ref"] = request["ref"]
    return answer


def _is_ref(ref: object) -> bool:
    if isinstance(ref, str):
        return len(ref) <= 64
    number = _integer(ref)
    return number is not None and abs(number) < 2**53


def settled(answer: Frame, request: Frame, failure: BaseException | None) -> bytes:
    """*answer* as it stands once its commit is done, or the refusal where that failed."""
    if failure is None:
        return encode(answer)
    return encode(refusal(Unavailable("The message was passed on, but it could not be kept."), request))


def _kept(record: StoredRecord) -> Frame:
    assert not isinstance(record, JoinRecord), "arrivals were not asked for"
    message = record.as_message() if isinstance(record, Publication) else record
    return message._asdict()


def _push_direct_message(event: DirectMessage) -> Frame:
    return {
        "type": 3,
        "status": 200,
        "sender": event.sender,
        "clients": event.recipients,
        "content": event.content,
        "id": event.id,
        "time": event.time,
    }


def _push_room_message(event: RoomMessage) -> Frame:
    return {
        "type": 7,
        "status": 200,
        "sender": event.sender,
        "room": event.room,
        "content": event.content,
        "seq": event.seq,
        "id": event.id,
        "time": event.time,
    }


def _push_package(event: Publication) -> Frame:
    return _push_room_message(event.as_message())


def _push_joined(event: Joined) -> Frame:
    return {"type": 5, "status": 200, "event": "joined", "room": event.room, "username": event.username}


def _push_left(event: Left) -> Frame:
    return {"type": 6, "status": 200, "event": "left", "room": event.room, "username": event.username}


def _push_count(event: MemberCount) -> Frame:
    return {"type": 9, "status": 200, "event": "members", "room": event.room, "count": event.count}


def _push_state(event: RoomState) -> Frame:
    state = {"room": event.room, "available": event.available, "reason": event.reason}
    return {"type": 9, "status": 200, "event": "state"} | state


def _push_shutdown(event: Shutdown) -> Frame:
    return {"type": 0, "status": 503, "event": "shutdown", "reason": event.reason}


def _push_tapped(event: TapChanged) -> Frame:
    return {"type": 0, "status": 200, "event": "tapped", "active": event.active}


PUSHES: dict[type, Callable[[Any], Frame]] = {
    DirectMessage: _push_direct_message,
    RoomMessage: _push_room_message,
    Publication: _push_package,
    Joined: _push_joined,
    Left: _push_left,
    MemberCount: _push_count,
    RoomState: _push_state,
    Shutdown: _push_shutdown,
    TapChanged: _push_tapped,
}


def _load_errors() -> ErrorCatalog:
    from chateau.protocols.chateau_errors import ERRORS

    return ERRORS


def _make(context: ProtocolContext) -> ChateauProtocol:
    return ChateauProtocol(
        context.hub,
        context.schemas,
        broadcast=context.broadcast,
        clock=context.clock,
        max_rate=context.max_rate,
        max_frame=context.max_frame,
    )


SPEC = ProtocolSpec(
    name="chateau",
    title="The chateau protocol",
    about="A WebSocket with numeric types: responses, errors, rooms and history.",
    lead=(
        "JSON in text frames, each an object with an integer `type`. A request gets one response, in the "
        "order of the requests, with the same `type` and, if it had one, the same `ref`; its `status` is "
        "200, or 400 for an error. A push has a `sender` or an `event`; a response has neither."
    ),
    endpoints=(
        EndpointSpec(
            name="chateau",
            address="/ws",
            title="The chateau protocol",
            description="JSON in text frames, with numeric types.",
        ),
    ),
    requests=tuple(row.schema for row in REQUESTS.values()),
    make=_make,
    load_errors=_load_errors,
    encode_error=refusal,
    opening='{"type": 1, "username": "reader-NNN"}',
)
