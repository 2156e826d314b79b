"""The chateau protocol: JSON text frames with a numeric ``type``, at ``/ws``.

A request is checked against its schema in schemas/chateau/, then the function in its row of ``REQUESTS``
calls the hub. A response has the request's ``type`` and ``ref``; a push has a ``sender`` or an ``event``,
which a response never has. The frames are described in docs/protocols/chateau.md and in the schemas.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from chateau.hub.errors import HubError, Unavailable, UnknownRecipient
from chateau.hub.events import (
    DirectMessage,
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
from chateau.protocols import costs
from chateau.protocols.json_peer import (
    JsonPeer,
    JsonProtocol,
    Request,
    fault_of,
    is_actor,
    relayed_too_large,
)
from chateau.protocols.json_text import Fragment, encode, fitting
from chateau.protocols.spec import EndpointSpec, ProtocolSpec
from chateau.times import parse_lower_bound, parse_upper_bound

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from chateau.hub.ports import Commit
    from chateau.protocols.spec import ProtocolContext

Frame = dict[str, Any]

HISTORY_OVERHEAD_BYTES = 768
"""Maximum size of a history response without its messages."""

GROWTH = 33
"""Maximum number of bytes in a frame per character of its request: a name of one may be shown with 128."""

HISTORY_LIMIT = 100
"""Messages returned by a history request without a ``limit``."""

Reply = tuple[Frame, "Commit | None"]
"""A response, and the commit that it has to wait for."""


class ChateauPeer(JsonPeer):
    """One client of the chateau protocol."""

    __slots__ = ()

    protocol: ChateauProtocol

    def respond(self, request: Frame, reply: Reply) -> None:
        """Send the response with the request's ``ref``, as soon as its commit is done."""
        response, commit = reply
        if "ref" in request:
            response["ref"] = request["ref"]
        if commit is None:
            self.responses.put(encode(response))
        else:
            self.responses.put_late(commit, lambda failure: ack_frame(response, request, failure))

    def check_size(self, text: str, request: Frame) -> None:
        """Count the recipients' names as they are shown, which may be longer than they were sent."""
        limit, clients = self.protocol.relay_limit, request.get("clients", [])
        shown = "".join(self.protocol.hub.recipients(clients))
        if len(text.encode()) + len(shown.encode()) - len("".join(clients).encode()) > limit:
            raise relayed_too_large(limit)


# Requests


def _register(peer: ChateauPeer, request: Frame) -> Reply:
    peer.protocol.hub.register(peer.session, request["username"])
    return {"type": 1, "status": 200}, None


def _unregister(peer: ChateauPeer, request: Frame) -> Reply:  # noqa: ARG001 - it has no fields
    peer.protocol.hub.unregister(peer.session)
    return {"type": 2, "status": 200}, None


def _message(peer: ChateauPeer, request: Frame) -> Reply:
    message = peer.protocol.hub.message(peer.session, request["clients"], request["content"])
    return {"type": 3, "status": 200, "id": message.id, "time": message.time}, None


def _list(peer: ChateauPeer, request: Frame) -> Reply:
    hub = peer.protocol.hub
    usernames = hub.usernames(peer.session)
    response: Frame = {"type": 4, "status": 200, "clients": usernames}
    if request.get("protocols"):
        response["protocols"] = hub.protocols(usernames, peer.session)
    return response, None


def _join(peer: ChateauPeer, request: Frame) -> Reply:
    room = peer.protocol.hub.join(peer.session, request["room"], password=request.get("password"))
    return {"type": 5, "status": 200, "room": room.name, "members": room.member_names()}, None


def _leave(peer: ChateauPeer, request: Frame) -> Reply:
    room = peer.protocol.hub.leave(peer.session, request["room"])
    return {"type": 6, "status": 200, "room": room.name}, None


def _publish(peer: ChateauPeer, request: Frame) -> Reply:
    room, content, key = request["room"], request["content"], request.get("key")
    message, commit = peer.protocol.hub.publish(peer.session, room, content, key=key)
    response = {"type": 7, "status": 200, "room": message.room, "seq": message.seq}
    return response | {"id": message.id, "time": message.time}, commit


def _history(peer: ChateauPeer, request: Frame) -> Generator[None, None, Reply]:
    since = request.get("since")
    start = _instant(peer, request, "from", parse_lower_bound)
    end = _instant(peer, request, "to", parse_upper_bound)
    limit = int(request.get("limit", HISTORY_LIMIT))
    hub = peer.protocol.hub
    room = hub.rooms.find_joined(peer.session, request["room"])
    is_forward = since is not None or start is not None
    budget = peer.protocol.history_limit
    messages: list[bytes] = []
    has_gap = has_more = False
    for page in hub.history_slices(peer.session, room.name, since=since, start=start, end=end, limit=limit):
        encoded = [encode(_stored(record)) for record in page.messages]
        fitted = fitting(encoded if is_forward else encoded[::-1], budget)
        messages += fitted
        size = sum(map(len, fitted)) + len(fitted)
        budget -= size
        peer.charge(costs.history(size))
        has_gap |= page.has_gap
        has_more = page.has_more or len(fitted) < len(encoded)
        if len(fitted) < len(encoded):
            break
        yield
    if not is_forward:
        messages.reverse()
    response = {"type": 8, "status": 200, "room": room.name, "messages": list(map(Fragment, messages))}
    return response | {"complete": not has_more and not has_gap}, None


def _instant(peer: ChateauPeer, request: Frame, key: str, read: Callable[[str], str]) -> str | None:
    if key not in request:
        return None
    try:
        return read(request[key])
    except ValueError as exc:
        sentence = f'"{key}" is not a valid time: {exc}.'
        raise peer.protocol.schemas.validation_error_at("history-request", [key], sentence) from exc


def _stored(record: StoredRecord) -> Frame:
    assert not isinstance(record, JoinRecord), "joins were not requested"
    message = record.as_message() if isinstance(record, Publication) else record
    return message._asdict()


def _rooms(peer: ChateauPeer, request: Frame) -> Reply:  # noqa: ARG001 - it has no fields
    rooms = [summary._asdict() for summary in peer.protocol.hub.room_summaries()]
    return {"type": 9, "status": 200, "rooms": rooms}, None


REQUESTS: dict[int, Request] = {
    1: Request("register-request", _register),
    2: Request("unregister-request", _unregister, needs_username=True),
    3: Request("message-request", _message, needs_username=True, relayed=True),
    4: Request("list-request", _list, needs_username=True),
    5: Request("join-request", _join, needs_username=True),
    6: Request("leave-request", _leave, needs_username=True),
    7: Request("publish-request", _publish, needs_username=True, relayed=True),
    8: Request("history-request", _history, needs_username=True, sliced=True),
    9: Request("rooms-request", _rooms, needs_username=True),
}


# Responses


def error_response(error: HubError, request: Frame) -> Frame:
    """Return the error response to *request*, which is empty if it could not be read."""
    response: Frame = {"status": 400, "code": error.code, "error": str(error), **fault_of(error)}
    type_ = type_of(request)
    if type_ is not None:
        response = {"type": type_} | response
    if isinstance(error, UnknownRecipient):
        response["unknown"] = error.unknown
    if _is_ref(request.get("ref")):
        response["ref"] = request["ref"]
    return response


def type_of(request: Frame) -> int | None:
    """Return the request's type, or None if it is not an integer. 3.0 is 3, as in JSON Schema."""
    return _integer(request.get("type"))


def _integer(value: Any) -> int | None:
    if value.__class__ is int:
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return None


def _is_ref(ref: object) -> bool:
    if isinstance(ref, str):
        return len(ref) <= 64
    number = _integer(ref)
    return number is not None and abs(number) < 2**53


def ack_frame(response: Frame, request: Frame, failure: BaseException | None) -> bytes:
    """Return *response* if its commit succeeded, else the error response to *request*."""
    if failure is None:
        return encode(response)
    return encode(error_response(Unavailable("The message was delivered but could not be saved."), request))


# Pushes


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


def _push_publication(event: Publication) -> Frame:
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
    Publication: _push_publication,
    Joined: _push_joined,
    Left: _push_left,
    MemberCount: _push_count,
    RoomState: _push_state,
    Shutdown: _push_shutdown,
    TapChanged: _push_tapped,
}


class ChateauProtocol(JsonProtocol):
    """The chateau protocol of one server."""

    name = "chateau"
    type_key = "type"
    requests = REQUESTS
    expected = f"an integer from {min(REQUESTS)} to {max(REQUESTS)}"
    growth = GROWTH
    encode_error = staticmethod(error_response)
    pushes = PUSHES
    excluded = MappingProxyType({Joined: is_actor, Left: is_actor})
    peer = ChateauPeer

    def __init__(self, context: ProtocolContext) -> None:
        super().__init__(context)
        self.history_limit = context.max_frame - HISTORY_OVERHEAD_BYTES


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
    make=ChateauProtocol,
    encode_error=error_response,
    opening='{"type": 1, "username": "reader-NNN"}',
)
