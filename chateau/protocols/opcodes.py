"""The opcodes protocol: JSON text frames ``{"op": 1, "d": {…}}``, at ``/opcodes``.

A client's first op 1 is its login, the others are messages or commands (:mod:`chateau.protocols.commands`)
in its one room. What the frames hold is told in docs/protocols/opcodes.md, and by schemas/opcodes/.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chateau.hub.errors import AccessDenied, HubError, NotRegistered, Unavailable, cut
from chateau.hub.events import (
    DirectMessage,
    Event,
    Joined,
    Left,
    MemberCount,
    Publication,
    RoomMessage,
    RoomState,
    Shutdown,
    TapChanged,
)
from chateau.protocols.admission import Admission
from chateau.protocols.commands import Commands, InNoRoom
from chateau.protocols.errors import BinaryFrame, Internal, InvalidMessage, TooLarge, UnknownType
from chateau.protocols.json_text import decode, encode, is_scalar, kind_of
from chateau.protocols.plugin_commands import Runner, Server
from chateau.protocols.spec import EndpointSpec, ProtocolSpec, ServerAddress
from chateau.protocols.transport import RELAY_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine, Mapping

    from chateau.hub.hub import Hub
    from chateau.hub.ports import Clock, Commit
    from chateau.hub.room import Room
    from chateau.hub.session import Session
    from chateau.protocols.error_catalog import ErrorCatalog
    from chateau.protocols.plugin_commands import Command
    from chateau.protocols.schemas import SchemaSet
    from chateau.protocols.spec import ProtocolContext
    from chateau.protocols.transport import Broadcast, Outbox

log = logging.getLogger(__name__)

Frame = dict[str, Any]

GENERAL = "general"
"""The room that everyone who logs in comes into."""

ERROR_LENGTH = 300
"""Characters of an error's sentence at most; a plug-in's may be longer."""


class OpcodesProtocol:
    """The protocol, once a server: it opens a peer for each client and tells all of them of events."""

    name: Final = "opcodes"

    def __init__(
        self,
        hub: Hub,
        schemas: SchemaSet,
        *,
        broadcast: Broadcast,
        clock: Clock,
        stop: Callable[[str | None], None],
        max_rate: float = 0,
        max_frame: int = 1_048_576,
        server_name: str = "Chateau",
        command_prefix: str = "!",
        address: ServerAddress | None = None,
        plugins: Mapping[str, Command] = MappingProxyType({}),
        create_task: Callable[[Coroutine[Any, Any, None]], asyncio.Future[None]] = asyncio.ensure_future,
    ) -> None:
        """*stop* stops the server in an orderly way, for a reason or none; *plugins* are by their names.

        *max_rate* is in messages a second and connection, 0 for no limit; *max_frame* in bytes. *address* is
        what the cache reports; its port may be set later.
        """
        self.hub = hub
        self.schemas = schemas
        self.clock = clock
        self.stop = stop
        self.max_rate = max_rate
        self.relay_limit = max_frame - RELAY_BYTES
        self.server_name = server_name
        self.commands = Commands(
            hub,
            schemas,
            prefix=command_prefix,
            stop=stop,
            plugins=plugins,
            runner=Runner(Server(hub, server_name, self), prefix=command_prefix, create_task=create_task),
        )
        self.command_prefix = command_prefix
        self.address = address or ServerAddress()
        self.requests: dict[int | float, tuple[Request, Callable[[object], bool]]] = {
            op: (row, schemas.validator(row.schema)) for op, row in REQUESTS.items()
        }
        self.arriving: Session | None = None  # it is told of its arrival by its own frames
        self._pushes = pushes(server_name)
        self._broadcast = broadcast

    def open(self, outbox: Outbox, address: str, port: int) -> OpcodesPeer:
        """A client at *address* and *port* has connected."""
        return OpcodesPeer(self, outbox, address, port)

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        """Push *event* to *sessions*."""
        if isinstance(event, Joined):
            sessions = [session for session in sessions if session.id != event.session_id]
        elif isinstance(event, MemberCount):
            sessions = [session for session in sessions if session is not self.arriving]
        payload = encode(self._pushes[event.__class__](event))
        if len(sessions) == 1:
            for session in sessions:
                session.outbox.send(payload)
        else:
            self._broadcast(payload, [session.outbox for session in sessions])


class OpcodesPeer:
    """One client that speaks this protocol."""

    __slots__ = ("_admission", "is_owner", "protocol", "session")

    def __init__(self, protocol: OpcodesProtocol, outbox: Outbox, address: str, port: int) -> None:
        self.protocol = protocol
        self.session = protocol.hub.connect(protocol, outbox=outbox, address=address, port=port)
        self.is_owner = False  # it has shown the key
        self._admission = Admission(self.session, max_rate=protocol.max_rate, clock=protocol.clock)

    def on_text(self, text: str) -> None:
        """Do what *text* asks; what comes of it is told by other frames, a refusal by an op 5."""
        try:
            self._admission.check()
            self._perform(decode(text), text)
        except HubError as error:
            self.refuse(error)
        except Exception:
            log.exception("session %s: a request failed", self.session.id)
            self.refuse(Internal())

    def on_binary(self, payload: bytes) -> None:
        """Refuse a binary frame."""
        try:
            self._admission.check()
        except HubError as error:
            self.refuse(error)
        else:
            self.refuse(BinaryFrame())

    def on_close(self) -> None:
        """End the session, and the commands of plug-ins that it has running."""
        self.protocol.commands.end(self)
        self.protocol.hub.disconnect(self.session)

    # Telling the client

    def send(self, frame: Frame) -> None:
        """Send *frame* to this client alone."""
        self.session.outbox.send(encode(frame))

    def reply(self, text: str) -> None:
        """Tell the client *text*, in the server's name."""
        self.send(said(self.protocol.server_name, text))

    def refuse(self, error: HubError) -> None:
        """Tell the client that something was refused with *error*."""
        self.send(refusal(error))

    # What requests share

    def enter(self, name: str, password: str | None = None) -> Room:
        """Let the client into the room *name*, and out of the one that it is in; the others are told.

        Raises:
            HubError: as for :meth:`chateau.hub.hub.Hub.join`.
        """
        self.protocol.arriving = self.session
        try:
            return self.protocol.hub.join(self.session, name, password=password, alone=True)
        finally:
            self.protocol.arriving = None

    def move(self, room: str, password: str | None) -> None:
        """Let the client into *room*, and tell it so.

        Raises:
            HubError: as for :meth:`enter`.
        """
        entered = self.enter(room, password)
        self.reply(f"You are now in {entered.name}.")
        self.send(arrival(entered.name, self.session.name))

    def _perform(self, request: Frame, text: str) -> None:
        op = request.get("op")
        known = self.protocol.requests.get(op) if op.__class__ in (int, float) else None
        if known is None:
            raise no_such_op(request)
        row, is_valid = known
        if not is_valid(request):
            raise self.protocol.schemas.validation_error(row.schema, request, text)
        if row.relayed:
            self._check_size(text)
        row.perform(self, request)

    def _check_size(self, text: str) -> None:
        limit = self.protocol.relay_limit
        if len(text) * 4 > limit and len(text.encode()) > limit:
            raise TooLarge(f"A message that is passed on may have {limit} bytes in all.")


def _create(peer: OpcodesPeer, request: Frame) -> None:
    """Log in, give a command, or say something, whichever it is."""
    content = request["d"]["content"]
    commands = peer.protocol.commands
    if peer.session.username is None:
        if commands.covers(content):
            raise NotRegistered
        _log_in(peer, content)
    elif commands.covers(content):
        commands.run(peer, content)
    else:
        _say(peer, content)


def _log_in(peer: OpcodesPeer, name: str) -> None:
    hub = peer.protocol.hub
    hub.register(peer.session, name)
    try:
        room = peer.enter(GENERAL)
    except AccessDenied:
        follow = RoomState(hub.rooms.find(GENERAL).name, available=False, reason=None)
        frames = [cache(peer), _push_state(follow)]
    else:
        frames = [cache(peer), arrival(room.name, peer.session.name)]
    for frame in frames:
        peer.send(frame)


def _say(peer: OpcodesPeer, content: str) -> None:
    room = peer.session.room
    if room is None:
        raise InNoRoom(peer.protocol.commands.prefix)
    receipt = peer.protocol.hub.publish(peer.session, room.name, content)
    if receipt.commit is not None:
        receipt.commit.add_done_callback(lambda commit: _tell_unkept(peer, commit))


def _tell_unkept(peer: OpcodesPeer, commit: Commit) -> None:
    if commit.exception() is not None:
        peer.refuse(Unavailable("The message was passed on, but it could not be kept."))


def _shut_down(peer: OpcodesPeer, request: Frame) -> None:
    asked = request["d"]
    peer.protocol.hub.access.check_key(asked["key"], peer.session.address)
    peer.protocol.stop(asked.get("reason"))


def _tell_cache(peer: OpcodesPeer, request: Frame) -> None:  # noqa: ARG001 - it asks nothing more
    peer.send(cache(peer))


class Request(NamedTuple):
    """How one op that a client sends is dealt with."""

    schema: str
    perform: Callable[[OpcodesPeer, Frame], None]
    relayed: bool = False  # what it says goes out to others


REQUESTS: dict[int, Request] = {
    1: Request("message-request", _create, relayed=True),
    3: Request("shutdown-request", _shut_down, relayed=True),
    4: Request("cache-request", _tell_cache),
}


def no_such_op(request: Frame) -> UnknownType:
    """The refusal of *request*, whose op is missing, or none of those in ``REQUESTS``."""
    if "op" not in request:
        return UnknownType('"op" is missing; a client sends 1, 3 or 4.')
    op = request["op"]
    shown = cut(encode(op).decode()) if is_scalar(op) else kind_of(op)
    return UnknownType(f"{shown} is no op that a client sends; those are 1, 3 and 4.")


def refusal(error: HubError) -> Frame:
    """The frame that tells of *error*."""
    told = {"code": error.code, "error": str(error)[:ERROR_LENGTH]}
    if isinstance(error, InvalidMessage):
        told |= {"path": error.path, "schema": error.schema}
    return {"op": 5, "d": told}


def said(author: str, content: str) -> Frame:
    """The frame in which *author* says *content*."""
    return {"op": 0, "d": {"author": author, "content": content}}


def arrival(room: str, username: str) -> Frame:
    """The frame that tells *room* of who has come."""
    return said(room, f"{username} has entered the room")


def cache(peer: OpcodesPeer) -> Frame:
    """The frame that tells *peer* of the house."""
    protocol, session = peer.protocol, peer.session
    hub = protocol.hub
    rooms = {room.name: _shown(room) for _, room in sorted(hub.rooms.by_key.items())}
    me = {"name": session.username, "room": None if session.room is None else session.room.name}
    address = {"host": protocol.address.host, "port": protocol.address.port}
    place = {"command_prefix": protocol.command_prefix, **address}
    return {"op": 4, "d": {"rooms": rooms, **place, "users": hub.session_count(), "me": me}}


def _shown(room: Room) -> Frame:
    return {
        "name": room.name,
        "id": room.id,
        "created_at": room.created_at,
        "users": room.member_names(),
        "available": room.available,
    }


def _push_message(event: DirectMessage | RoomMessage) -> Frame:
    return said(event.sender, event.content)


def _push_package(event: Publication) -> Frame:
    return _push_message(event.as_message())


def _push_joined(event: Joined) -> Frame:
    return arrival(event.room, event.username)


def _push_left(event: Left) -> Frame:
    return said(event.room, f"{event.username} has left the room")


def _push_count(event: MemberCount) -> Frame:
    return said(event.room, f"There are {event.count} users in the room")


def _push_state(event: RoomState) -> Frame:
    return {"op": 2, "d": {"available": event.available, "room": event.room}}


def _push_shutdown(event: Shutdown) -> Frame:
    return {"op": 3, "d": {"reason": event.reason}}


PUSHES: dict[type, Callable[[Any], Frame]] = {
    DirectMessage: _push_message,
    RoomMessage: _push_message,
    Publication: _push_package,
    Joined: _push_joined,
    Left: _push_left,
    MemberCount: _push_count,
    RoomState: _push_state,
    Shutdown: _push_shutdown,
}
"""What is told in other names than the server's."""

TAPPED = {
    True: "A keeper of the house sees what you send and get.",
    False: "A keeper of the house no longer sees what you send and get.",
}


def pushes(server_name: str) -> dict[type, Callable[[Any], Frame]]:
    """How each event is told, by a server that speaks under *server_name*."""
    return PUSHES | {TapChanged: lambda event: said(server_name, TAPPED[event.active])}


def _load_errors() -> ErrorCatalog:
    from chateau.protocols.opcodes_errors import ERRORS

    return ERRORS


def _make(context: ProtocolContext) -> OpcodesProtocol:
    return OpcodesProtocol(
        context.hub,
        context.schemas,
        broadcast=context.broadcast,
        clock=context.clock,
        stop=context.stop,
        max_rate=context.max_rate,
        max_frame=context.max_frame,
        server_name=context.server_name,
        command_prefix=context.command_prefix,
        address=context.address,
        plugins=context.plugins,
    )


SPEC = ProtocolSpec(
    name="opcodes",
    title="The opcodes protocol",
    about="A WebSocket with op and d, and commands inside messages.",
    lead=(
        'JSON in text frames, each `{"op": …, "d": {…}}`: `op` is the type, `d` the data. The first op 1 is '
        "the login; the following ones are messages, or commands if they begin with the prefix. With "
        "`--opcodes-port` the protocol is also available at any path of that port."
    ),
    endpoints=(
        EndpointSpec(
            name="opcodes",
            address="/opcodes",
            title="The opcodes protocol",
            description="JSON in text frames, with op and d. With --opcodes-port also at any path of that "
            "port.",
        ),
        EndpointSpec(
            name="opcodes-port",
            title="The opcodes protocol, on a port of its own",
            description="The same as at /opcodes, at any path.",
            port_setting="opcodes_port",
            greeting="Opcodes are at ",
        ),
    ),
    requests=tuple(row.schema for row in REQUESTS.values()),
    make=_make,
    load_errors=_load_errors,
    encode_error=lambda error, _request: refusal(error),
    opening='{"op": 1, "d": {"content": "reader-NNN"}}',
    page="opcodes",
)
