"""The functions protocol: JSON calls by name, at ``/functions``, and at ``/`` for a WebSocket.

A call is checked against its schema in schemas/functions/, then the function in its row of ``FUNCTIONS``
calls the hub. A response has the call's ``callback``, a push never has one. Clients are addressed by the ids
of their sessions, in all protocols; there are no rooms. See docs/protocols/functions.md.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from chateau.hub.errors import HubError, InvalidAddress, InvalidName, NameTaken
from chateau.hub.events import DirectMessage, Shutdown, TapChanged
from chateau.protocols.errors import TooLarge
from chateau.protocols.json_peer import JsonPeer, JsonProtocol, Request, fault_of
from chateau.protocols.json_text import encode
from chateau.protocols.spec import EndpointSpec, ProtocolSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.hub import Hub
    from chateau.hub.session import Session
    from chateau.protocols.spec import ProtocolContext
    from chateau.protocols.transport import Outbox

Frame = dict[str, Any]

ECHO_LIMIT = 1024
"""Maximum length of a callback, and of an unknown function's name, that an error response repeats."""

CUSTOM_BYTES = 16_384
"""Maximum size of one client's custom variables, in bytes of JSON."""

CLIENT_INFO_BYTES = CUSTOM_BYTES + 512
"""Maximum size of a client's info: its variables, id, address and username."""

NAME_BYTES = 131
"""Maximum size of a recipient in such a frame: 32 characters of four bytes, quotes and a comma."""

GROWTH = 6
"""Maximum number of bytes that JSON needs for one character: ``\\u0000``."""


class FunctionsPeer(JsonPeer):
    """One client of the functions protocol."""

    __slots__ = ()

    protocol: FunctionsProtocol

    def __init__(self, protocol: FunctionsProtocol, outbox: Outbox, address: str, port: int) -> None:
        super().__init__(protocol, outbox, address, port)
        if protocol.default_privacy == "private":
            protocol.hub.access.set_privacy(self.session, "private")

    def respond(self, request: Frame, reply: Frame) -> None:
        """Send *reply* with the call's ``callback``."""
        super().respond(request, reply | {"callback": request.get("callback", "")})


# Functions


def _send_message(peer: FunctionsPeer, request: Frame) -> Frame:
    hub, session, message = peer.protocol.hub, peer.session, request["message"]
    bypass_privacy = _knows_key(peer, request)
    ids = [_id(given) for given in request["recipient_ids"]]
    _check_size(peer, message, recipients=len(ids))
    undelivered = hub.message_to_sessions(session, ids, message, bypass_privacy=bypass_privacy)
    answer: Frame = {"function": "send_message", "sender": client_info(session), "message": message}
    return answer | {"undelivered": undelivered} if undelivered else answer


def _retrieve_clients(peer: FunctionsPeer, request: Frame) -> Frame:
    viewer = None if _knows_key(peer, request) else peer.session
    clients = {session.id: client_info(session) for session in peer.protocol.hub.sessions(viewer)}
    return {"function": "retrieve_clients", "clients": clients}


def _set_custom_variables(peer: FunctionsPeer, request: Frame) -> Frame:
    session, given = peer.session, request["custom_variables"]
    merged = (session.custom or {}) | given
    _check_custom(merged)
    name = given.get("name")
    if isinstance(name, str) and name != session.username:
        with suppress(InvalidName, NameTaken):  # then it is a variable like any other
            _take_name(peer.protocol.hub, session, name)
    session.custom = merged
    return {"function": "set_custom_variables", "custom_variables": merged}


def _set_privacy(peer: FunctionsPeer, request: Frame) -> Frame:
    peer.protocol.hub.access.set_privacy(peer.session, request["privacy"])
    return {"function": "set_privacy", "privacy": request["privacy"]}


def _allow_ip(peer: FunctionsPeer, request: Frame) -> Frame:
    return _for_addresses(peer, request, partial(peer.protocol.hub.access.allow, peer.session))


def _block_ip(peer: FunctionsPeer, request: Frame) -> Frame:
    return _for_addresses(peer, request, partial(peer.protocol.hub.access.block, peer.session))


def _ban_ip(peer: FunctionsPeer, request: Frame) -> Frame:
    _check_key(peer, request)
    return _for_addresses(peer, request, peer.protocol.hub.access.ban)


def _unban_ip(peer: FunctionsPeer, request: Frame) -> Frame:
    _check_key(peer, request)
    return _for_addresses(peer, request, peer.protocol.hub.access.unban)


FUNCTIONS: dict[str, Request] = {
    "send_message": Request("send_message-request", _send_message),
    "retrieve_clients": Request("retrieve_clients-request", _retrieve_clients),
    "set_custom_variables": Request("set_custom_variables-request", _set_custom_variables),
    "set_privacy": Request("set_privacy-request", _set_privacy),
    "allow_ip": Request("allow_ip-request", _allow_ip),
    "block_ip": Request("block_ip-request", _block_ip),
    "ban_ip": Request("ban_ip-request", _ban_ip),
    "unban_ip": Request("unban_ip-request", _unban_ip),
}


# Shared by the functions


def _check_key(peer: FunctionsPeer, request: Frame) -> None:
    peer.protocol.hub.access.check_session_key(request["secret_key"], peer.session)


def _knows_key(peer: FunctionsPeer, request: Frame) -> bool:
    """Return whether the call has the key; an empty one counts as missing, a wrong one raises."""
    if not request.get("secret_key"):
        return False
    _check_key(peer, request)
    return True


def _id(given: str | float) -> str:
    """Return an id as in the hub. It may be sent as a number: 7, or 7.0, which JSON Schema treats alike."""
    return given if isinstance(given, str) else str(int(given))


def _check_size(peer: FunctionsPeer, message: str, *, recipients: int) -> None:
    """Raise TooLarge if the message does not fit into one frame of a recipient, in any protocol.

    Every recipient counts, reached or not: otherwise a long message would reveal who is connected.
    """
    limit = peer.protocol.relay_limit - NAME_BYTES * recipients
    if len(message) * GROWTH + CLIENT_INFO_BYTES <= limit:
        return
    limit -= len(encode(client_info(peer.session)))
    if len(encode(message)) > limit:
        sentence = f"To {recipients} recipients a message of yours may have {max(limit, 0)} bytes of JSON."
        raise TooLarge(sentence)


def _check_custom(merged: Frame) -> None:
    """Raise TooLarge if the variables are too large, or too deep to be part of a list of clients."""
    try:
        size = len(encode([[[merged]]])) - 6  # as deep inside as in a list of clients
    except TypeError as exc:
        raise TooLarge("The custom variables are nested too deeply: a value may have 250 levels.") from exc
    if size > CUSTOM_BYTES:
        raise TooLarge(f"All custom variables may have {CUSTOM_BYTES} bytes of JSON; these have {size}.")


def _take_name(hub: Hub, session: Session, name: str) -> None:
    """Rename *session*, which is in no room, to *name*; if that fails, restore its name."""
    before = session.username
    hub.unregister(session)
    try:
        hub.register(session, name)
    except HubError:
        if before is not None:
            hub.register(session, before)
        raise


def _for_addresses(peer: FunctionsPeer, request: Frame, act: Callable[[str], None]) -> Frame:
    name, addresses = request["function"], request["ip"]
    try:
        act(addresses)
    except InvalidAddress as exc:
        raise peer.protocol.schemas.validation_error_at(FUNCTIONS[name].schema, ["ip"], str(exc)) from exc
    return {"function": name, "ip": addresses}


def client_info(session: Session) -> Frame:
    """Return what other clients see of *session*."""
    custom = session.custom or {}
    if session.username is not None:
        custom = {"name": session.username} | custom
    return {"id": session.id, "ip": session.address, "port": session.port, "custom": custom}


# Error responses


def error_response(error: HubError, request: Frame) -> Frame:
    """Return the error response to *request*, which is empty if it could not be read."""
    response = {"function": _echoed(request, "function"), "error": str(error), "code": error.code}
    return response | fault_of(error) | {"callback": _echoed(request, "callback") or ""}


def _echoed(request: Frame, key: str) -> str | None:
    value = request.get(key)
    return value if isinstance(value, str) and len(value) <= ECHO_LIMIT else None


# Pushes


class Sessions(Protocol):
    """Looks up the sender of a message; the hub does."""

    def session(self, id: str) -> Session | None:  # noqa: A002
        """Return the open session with this id."""


def _push_direct_message(sessions: Sessions, event: DirectMessage) -> Frame:
    session = sessions.session(event.sender_id)
    sender = _partial_client_info(event) if session is None else client_info(session)
    return {"function": "send_message", "sender": sender, "message": event.content}


def _partial_client_info(event: DirectMessage) -> Frame:
    """Return what is known of a sender that has disconnected."""
    custom = {} if event.sender == f"#{event.sender_id}" else {"name": event.sender}
    return {"id": event.sender_id, "ip": "", "port": 0, "custom": custom}


def pushes(sessions: Sessions) -> dict[type, Callable[[Any], Frame]]:
    """Return how each event is pushed; *sessions* knows the senders. The protocol has no rooms."""
    return {
        DirectMessage: partial(_push_direct_message, sessions),
        Shutdown: lambda event: {"function": "shutdown", "reason": event.reason},
        TapChanged: lambda event: {"function": "tapped", "active": event.active},
    }


class FunctionsProtocol(JsonProtocol):
    """The functions protocol of one server."""

    name = "functions"
    type_key = "function"
    requests = FUNCTIONS
    expected = f"one of {', '.join(FUNCTIONS)}"
    encode_error = staticmethod(error_response)
    peer = FunctionsPeer

    def __init__(self, context: ProtocolContext) -> None:
        super().__init__(context)
        self.default_privacy = context.default_privacy
        self.pushes = pushes(context.hub)


SPEC = ProtocolSpec(
    name="functions",
    title="The functions protocol",
    about="A WebSocket with calls by name, and no rooms.",
    lead=(
        "JSON in text frames, each a call of a `function`. A call gets one response, in the order of the "
        "calls, with the call's `callback`, or an empty string if it had none. A push has no `callback`. "
        "Keys that a call does not define are ignored."
    ),
    endpoints=(
        EndpointSpec(
            name="functions",
            address="/functions",
            title="The functions protocol",
            description="JSON calls in text frames.",
        ),
        EndpointSpec(
            name="root",
            address="/",
            title="The functions protocol, at the root",
            description="The same as at /functions, for clients that know only the server's host and port.",
        ),
    ),
    requests=tuple(row.schema for row in FUNCTIONS.values()),
    make=FunctionsProtocol,
    encode_error=error_response,
)
