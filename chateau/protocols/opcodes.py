"""The opcodes protocol: JSON text frames ``{"op": 1, "d": {…}}``, at ``/opcodes``.

A client's first op 1 is its login; the following ones are messages to its one room, or commands
(:mod:`chateau.protocols.opcodes_commands`). The frames are described in docs/protocols/opcodes.md and in
schemas/opcodes/.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from chateau.hub.errors import AccessDenied, HubError, NotRegistered, Unavailable
from chateau.hub.events import (
    DirectMessage,
    Joined,
    Left,
    MemberCount,
    Publication,
    RoomMessage,
    RoomState,
    Shutdown,
    TapChanged,
)
from chateau.protocols.json_peer import JsonPeer, JsonProtocol, Request, fault_of, is_actor
from chateau.protocols.json_text import encode
from chateau.protocols.opcodes_commands import Commands, NoRoom
from chateau.protocols.plugin_commands import Runner, Server
from chateau.protocols.spec import EndpointSpec, ProtocolSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.ports import Commit
    from chateau.hub.room import Room
    from chateau.hub.session import Session
    from chateau.protocols.spec import ProtocolContext
    from chateau.protocols.transport import Outbox

Frame = dict[str, Any]

GENERAL = "general"
"""The room that everyone who logs in comes into."""

ERROR_LENGTH = 300
"""Maximum length of an error message; a plug-in's may be longer."""


class OpcodesPeer(JsonPeer):
    """One client of the opcodes protocol. Requests have no responses: other frames show their effects."""

    __slots__ = ("is_admin",)

    protocol: OpcodesProtocol

    def __init__(self, protocol: OpcodesProtocol, outbox: Outbox, address: str, port: int) -> None:
        super().__init__(protocol, outbox, address, port)
        self.is_admin = False  # it has presented the secret key

    def on_close(self) -> None:
        """End the session and its running plug-in commands."""
        self.protocol.commands.end(self)
        super().on_close()

    def send(self, frame: Frame) -> None:
        """Send *frame* to this client only."""
        self.session.outbox.send(encode(frame))

    def reply(self, text: str) -> None:
        """Send *text* to the client in the server's name."""
        self.send(said(self.protocol.server_name, text))

    def enter(self, name: str, password: str | None = None) -> Room:
        """Move the client from its room into the room *name*; the other members are notified.

        Raises:
            HubError: as for :meth:`chateau.hub.hub.Hub.join`.
        """
        self.protocol.arriving = self.session
        try:
            return self.protocol.hub.join(self.session, name, password=password, alone=True)
        finally:
            self.protocol.arriving = None

    def move(self, room: str, password: str | None) -> None:
        """Move the client into *room*, and notify the client as well.

        Raises:
            HubError: as for :meth:`enter`.
        """
        entered = self.enter(room, password)
        self.reply(f"You are now in {entered.name}.")
        self.send(arrival(self.protocol.server_name, self.session.name))


# Requests


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
        peer.enter(GENERAL)
    except AccessDenied:
        follow = RoomState(hub.rooms.find(GENERAL).name, available=False, reason=None)
        frames = [cache(peer), _push_state(follow)]
    else:
        frames = [cache(peer), arrival(peer.protocol.server_name, peer.session.name)]
    for frame in frames:
        peer.send(frame)


def _say(peer: OpcodesPeer, content: str) -> None:
    room = peer.session.room
    if room is None:
        raise NoRoom(peer.protocol.commands.prefix)
    receipt = peer.protocol.hub.publish(peer.session, room.name, content)
    if receipt.commit is not None:
        receipt.commit.add_done_callback(lambda commit: _report_unsaved(peer, commit))


def _report_unsaved(peer: OpcodesPeer, commit: Commit) -> None:
    if commit.exception() is not None:
        peer.refuse(Unavailable("The message was delivered but could not be saved."))


def _shut_down(peer: OpcodesPeer, request: Frame) -> None:
    asked = request["d"]
    peer.protocol.hub.access.check_session_key(asked["key"], peer.session)
    peer.protocol.stop(asked.get("reason"))


def _send_cache(peer: OpcodesPeer, request: Frame) -> None:  # noqa: ARG001 - it has no fields
    peer.send(cache(peer))


REQUESTS: dict[int, Request] = {
    1: Request("message-request", _create, relayed=True),
    3: Request("shutdown-request", _shut_down, relayed=True),
    4: Request("cache-request", _send_cache),
}


# Frames


def error_response(error: HubError, request: object = None) -> Frame:  # noqa: ARG001 - as in other protocols
    """Return the frame that reports *error*."""
    return {"op": 5, "d": {"code": error.code, "error": str(error)[:ERROR_LENGTH], **fault_of(error)}}


def said(author: str, content: str) -> Frame:
    """Return the frame of a message of *author* with *content*."""
    return {"op": 0, "d": {"author": author, "content": content}}


def arrival(server_name: str, username: str) -> Frame:
    """Return the frame by which the server announces *username* in the recipient's room."""
    return said(server_name, f"{username} has entered the room")


def cache(peer: OpcodesPeer) -> Frame:
    """Return the frame that shows *peer* the state of the server."""
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


def _push_publication(event: Publication) -> Frame:
    return _push_message(event.as_message())


def _push_state(event: RoomState) -> Frame:
    return {"op": 2, "d": {"available": event.available, "room": event.room}}


def _push_shutdown(event: Shutdown) -> Frame:
    return {"op": 3, "d": {"reason": event.reason}}


PUSHES: dict[type, Callable[[Any], Frame]] = {
    DirectMessage: _push_message,
    RoomMessage: _push_message,
    Publication: _push_publication,
    RoomState: _push_state,
    Shutdown: _push_shutdown,
}
"""The pushes that do not need the server's name."""

TAPPED = {
    True: "An administrator is now monitoring this session.",
    False: "An administrator has stopped monitoring this session.",
}


def pushes(server_name: str) -> dict[type, Callable[[Any], Frame]]:
    """Return how each event is pushed by a server that is called *server_name*."""
    return PUSHES | {
        Joined: lambda event: arrival(server_name, event.username),
        Left: lambda event: said(server_name, f"{event.username} has left the room"),
        MemberCount: lambda event: said(server_name, f"There are {event.count} users in the room"),
        TapChanged: lambda event: said(server_name, TAPPED[event.active]),
    }


class OpcodesProtocol(JsonProtocol):
    """The opcodes protocol of one server."""

    name = "opcodes"
    type_key = "op"
    requests = REQUESTS
    expected = "1, 3 or 4"
    growth = 4
    encode_error = staticmethod(error_response)
    peer = OpcodesPeer

    def __init__(self, context: ProtocolContext) -> None:
        super().__init__(context)
        self.stop = context.stop
        self.server_name = context.server_name
        self.command_prefix = context.command_prefix
        self.address = context.address
        self.arriving: Session | None = None  # it learns of its arrival from its own frames
        self.pushes = pushes(context.server_name)
        self.excluded = MappingProxyType(
            {Joined: is_actor, MemberCount: lambda _event, session: session is self.arriving}
        )
        server = Server(context.hub, context.server_name, self)
        self.commands = Commands(
            context.hub,
            context.schemas,
            prefix=context.command_prefix,
            stop=context.stop,
            plugins=context.plugins,
            runner=Runner(server, prefix=context.command_prefix, create_task=context.create_task),
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
    make=OpcodesProtocol,
    encode_error=error_response,
    opening='{"op": 1, "d": {"content": "reader-NNN"}}',
    page="opcodes",
)
