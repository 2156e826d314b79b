"""The functions protocol: JSON calls by name, at ``/functions``, and at ``/`` for a WebSocket.

A call is checked against its schema in schemas/functions/, then its row in ``FUNCTIONS`` calls the hub.
An answer and a refusal carry the call's ``callback``, a push never. Clients are known by the ids of
their sessions, whatever they speak; there are no rooms. See docs/protocols/functions.md.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from chateau.hub.errors import HubError, InvalidAddress, InvalidName, NameTaken, quoted
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
from chateau.protocols.errors import BinaryFrame, Internal, InvalidMessage, TooLarge, UnknownType
from chateau.protocols.json_text import decode, encode, kind_of, readable
from chateau.protocols.spec import EndpointSpec, ProtocolSpec
from chateau.protocols.transport import RELAY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chateau.hub.access import Privacy
    from chateau.hub.hub import Hub
    from chateau.hub.ports import Clock
    from chateau.hub.session import Session
    from chateau.protocols.error_catalog import ErrorCatalog
    from chateau.protocols.schemas import SchemaSet
    from chateau.protocols.spec import ProtocolContext
    from chateau.protocols.transport import Broadcast, Outbox

log = logging.getLogger(__name__)

Frame = dict[str, Any]

ECHO_LIMIT = 1024
"""Characters of a callback, and of an unknown function's name, that come back."""

CUSTOM_BYTES = 16_384
"""Bytes of JSON that the custom variables of one client may have."""

CARD_BYTES = CUSTOM_BYTES + 512
"""Bytes that a client's card may have: its variables, its id and address, its username."""

NAME_BYTES = 131
"""Bytes that a recipient may take in such a frame: 32 characters of four bytes, quotes and a comma."""

GROWTH = 6
"""Bytes that JSON needs for one character at most: ``\\u0000``."""


class FunctionsProtocol:
    """The protocol, once a server: it opens a peer for each client and tells all of them of events."""

    name: Final = "functions"

    def __init__(
        self,
        hub: Hub,
        schemas: SchemaSet,
        *,
        broadcast: Broadcast,
        clock: Clock,
        max_rate: float = 0,
        max_frame: int = 1_048_576,
        default_privacy: Privacy = "public",
    ) -> None:
        """*max_rate* is in messages a second and connection, 0 for no limit; *max_frame* in bytes."""
        self.hub = hub
        self.schemas = schemas
        self.clock = clock
        self.max_rate = max_rate
        self.relay_limit = max_frame - RELAY_BYTES
        self.default_privacy = default_privacy
        self.functions: dict[str, tuple[Function, Callable[[object], bool]]] = {
            name: (row, schemas.validator(row.schema)) for name, row in FUNCTIONS.items()
        }
        self._broadcast = broadcast

    def open(self, outbox: Outbox, address: str, port: int) -> FunctionsPeer:
        """A client at *address* and *port* has connected."""
        return FunctionsPeer(self, outbox, address, port)

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        """Push *event* to *sessions*, if it is one that this protocol tells."""
        push = PUSHES[event.__class__]
        if push is None:
            return
        payload = encode(push(self.hub, event))
        if len(sessions) == 1:  # most messages have one recipient
            for session in sessions:
                session.outbox.send(payload)
        else:
            self._broadcast(payload, [session.outbox for session in sessions])


class FunctionsPeer:
    """One client that speaks this protocol."""

    __slots__ = ("_admission", "_outbox", "protocol", "session")

    def __init__(self, protocol: FunctionsProtocol, outbox: Outbox, address: str, port: int) -> None:
        self.protocol = protocol
        self.session = protocol.hub.connect(protocol, outbox=outbox, address=address, port=port)
        if protocol.default_privacy == "private":
            protocol.hub.access.set_privacy(self.session, "private")
        self._admission = Admission(self.session, max_rate=protocol.max_rate, clock=protocol.clock)
        self._outbox = outbox

    def on_text(self, text: str) -> None:
        """Do what *text* asks, and answer it."""
        try:
            self._admission.check()
        except HubError as error:
            self._outbox.send(encode(refusal(error, readable(text))))
        else:
            self._outbox.send(self._answer(text))

    def on_binary(self, payload: bytes) -> None:
        """Refuse a binary frame."""
        try:
            self._admission.check()
            raise BinaryFrame
        except HubError as error:
            self._outbox.send(encode(refusal(error, {})))

    def on_close(self) -> None:
        """End the session."""
        self.protocol.hub.disconnect(self.session)

    def _answer(self, text: str) -> bytes:
        request: Frame = {}
        try:
            request = decode(text)
            answer = self._perform(request, text)
            return encode(answer | {"callback": request.get("callback", "")})
        except HubError as error:
            return encode(refusal(error, request))
        except Exception:
            log.exception("session %s: a request failed", self.session.id)
            return encode(refusal(Internal(), request))

    def _perform(self, request: Frame, text: str) -> Frame:
        name = request.get("function")
        known = self.protocol.functions.get(name) if isinstance(name, str) else None
        if known is None:
            raise no_such_function(request)
        row, is_valid = known
        if not is_valid(request):
            raise self.protocol.schemas.validation_error(row.schema, request, text)
        return row.perform(self, request)


def _send_message(peer: FunctionsPeer, request: Frame) -> Frame:
    hub, session, message = peer.protocol.hub, peer.session, request["message"]
    bypass_privacy = _knows_key(peer, request)
    ids = [_id(given) for given in request["recipient_ids"]]
    _check_size(peer, message, recipients=len(ids))
    undelivered = hub.message_to_sessions(session, ids, message, bypass_privacy=bypass_privacy)
    answer: Frame = {"function": "send_message", "sender": card(session), "message": message}
    return answer | {"undelivered": undelivered} if undelivered else answer


def _retrieve_clients(peer: FunctionsPeer, request: Frame) -> Frame:
    viewer = None if _knows_key(peer, request) else peer.session
    clients = {session.id: card(session) for session in peer.protocol.hub.sessions(viewer)}
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


class Function(NamedTuple):
    """How the calls of one function are dealt with."""

    schema: str
    perform: Callable[[FunctionsPeer, Frame], Frame]


FUNCTIONS: dict[str, Function] = {
    "send_message": Function("send_message-request", _send_message),
    "retrieve_clients": Function("retrieve_clients-request", _retrieve_clients),
    "set_custom_variables": Function("set_custom_variables-request", _set_custom_variables),
    "set_privacy": Function("set_privacy-request", _set_privacy),
    "allow_ip": Function("allow_ip-request", _allow_ip),
    "block_ip": Function("block_ip-request", _block_ip),
    "ban_ip": Function("ban_ip-request", _ban_ip),
    "unban_ip": Function("unban_ip-request", _unban_ip),
}


# What the calls share


def _check_key(peer: FunctionsPeer, request: Frame) -> None:
    peer.protocol.hub.access.check_key(request["secret_key"], peer.session.address)


def _knows_key(peer: FunctionsPeer, request: Frame) -> bool:
    """Whether the call came with the key; a wrong one is refused, the empty one is none."""
    if not request.get("secret_key"):
        return False
    _check_key(peer, request)
    return True


def _id(given: str | float) -> str:
    """An id as the hub has it. It may come as a number: 7, or 7.0, which JSON Schema takes for the same."""
    return given if isinstance(given, str) else str(int(given))


def _check_size(peer: FunctionsPeer, message: str, *, recipients: int) -> None:
    """Refuse what would not fit into one frame of a recipient, whatever it speaks.

    Every recipient counts, reached or not: otherwise a long message would tell who is there.
    """
    limit = peer.protocol.relay_limit - NAME_BYTES * recipients
    if len(message) * GROWTH + CARD_BYTES <= limit:
        return
    limit -= len(encode(card(peer.session)))
    if len(encode(message)) > limit:
        sentence = f"To {recipients} recipients a message of yours may have {max(limit, 0)} bytes of JSON."
        raise TooLarge(sentence)


def _check_custom(merged: Frame) -> None:
    """Refuse variables that are too many, or so deep that a list of clients could not be written."""
    try:
        size = len(encode([[[merged]]])) - 6  # as deep inside as in a list of clients
    except TypeError as exc:
        raise TooLarge("The custom variables are nested too deeply: a value may have 250 levels.") from exc
    if size > CUSTOM_BYTES:
        raise TooLarge(f"All custom variables may have {CUSTOM_BYTES} bytes of JSON; these have {size}.")


def _take_name(hub: Hub, session: Session, name: str) -> None:
    """Have *session* called *name*; where that cannot be, it is called what it was. It is in no rooms."""
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


def card(session: Session) -> Frame:
    """What a client is told of another one."""
    custom = session.custom or {}
    if session.username is not None:
        custom = {"name": session.username} | custom
    return {"id": session.id, "ip": session.address, "port": session.port, "custom": custom}


# Refusals


def no_such_function(request: Frame) -> UnknownType:
    """The refusal of *request*, whose function is missing, no string, or none of those in ``FUNCTIONS``."""
    if "function" not in request:
        wrong = '"function" is missing'
    elif isinstance(name := request["function"], str):
        wrong = f"{quoted(name)} is no function"
    else:
        wrong = f'"function" is {kind_of(name)}'
    return UnknownType(f"{wrong}; the functions are {', '.join(FUNCTIONS)}.")


def refusal(error: HubError, request: Frame) -> Frame:
    """The answer to *request*, refused with *error*; *request* is empty where it could not be read."""
    answer: Frame = {"function": _echoed(request, "function"), "error": str(error), "code": error.code}
    if isinstance(error, InvalidMessage):
        answer |= {"path": error.path, "schema": error.schema}
    return answer | {"callback": _echoed(request, "callback") or ""}


def _echoed(request: Frame, key: str) -> str | None:
    value = request.get(key)
    return value if isinstance(value, str) and len(value) <= ECHO_LIMIT else None


# Events


class Sessions(Protocol):
    """Where the sender of a message is looked up: the hub."""

    def session(self, id: str) -> Session | None:  # noqa: A002
        """The open session with this id."""


def _push_direct_message(sessions: Sessions, event: DirectMessage) -> Frame:
    session = sessions.session(event.sender_id)
    sender = _faint_card(event) if session is None else card(session)
    return {"function": "send_message", "sender": sender, "message": event.content}


def _faint_card(event: DirectMessage) -> Frame:
    """What is known of a sender that has gone, or is on another node."""
    custom = {} if event.sender == f"#{event.sender_id}" else {"name": event.sender}
    return {"id": event.sender_id, "ip": "", "port": 0, "custom": custom}


def _push_shutdown(sessions: Sessions, event: Shutdown) -> Frame:  # noqa: ARG001 - it asks nothing more
    return {"function": "shutdown", "reason": event.reason}


def _push_tapped(sessions: Sessions, event: TapChanged) -> Frame:  # noqa: ARG001 - it asks nothing more
    return {"function": "tapped", "active": event.active}


PUSHES: dict[type, Callable[[Sessions, Any], Frame] | None] = {
    DirectMessage: _push_direct_message,
    Shutdown: _push_shutdown,
    TapChanged: _push_tapped,
    # The protocol has no rooms. RoomState comes all the same, to who is banned from a room by name.
    RoomMessage: None,
    Publication: None,
    Joined: None,
    Left: None,
    MemberCount: None,
    RoomState: None,
}


def _load_errors() -> ErrorCatalog:
    from chateau.protocols.functions_errors import ERRORS

    return ERRORS


def _make(context: ProtocolContext) -> FunctionsProtocol:
    return FunctionsProtocol(
        context.hub,
        context.schemas,
        broadcast=context.broadcast,
        clock=context.clock,
        max_rate=context.max_rate,
        max_frame=context.max_frame,
        default_privacy=context.default_privacy,
    )


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
    make=_make,
    load_errors=_load_errors,
    encode_error=refusal,
)
