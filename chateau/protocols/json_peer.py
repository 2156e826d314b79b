"""The skeleton of the protocols that send JSON objects in text frames: chateau, functions and opcodes.

A protocol is a subclass of :class:`JsonProtocol` with a table of requests and a table of pushes. A frame
is decoded, looked up in the table by its type, checked against its schema, and
performed. A :class:`~chateau.hub.errors.HubError` at any step becomes an error response.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Generator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from chateau.hub.errors import QUOTE_LIMIT, Banned, HubError, NotRegistered, TooManyTries, cut
from chateau.hub.guesses import MustWait
from chateau.protocols.errors import BinaryFrame, Internal, InvalidMessage, RateLimited, TooLarge, UnknownType
from chateau.protocols.held_requests import Excess, HeldRequests
from chateau.protocols.json_text import decode, encode, is_scalar, json_type, try_decode
from chateau.protocols.response_queue import ResponseQueue
from chateau.protocols.transport import ENVELOPE_OVERHEAD_BYTES

if TYPE_CHECKING:
    from chateau.hub.events import Event
    from chateau.hub.session import Session
    from chateau.protocols.held_requests import Request as Held
    from chateau.protocols.spec import ProtocolContext
    from chateau.protocols.transport import Outbox, Steps

log = logging.getLogger(__name__)

Frame = dict[str, Any]

_TYPE_CLASSES = (int, str, float)
"""The classes of a type that a request can be looked up by. A bool is not a number in JSON."""


class Request(NamedTuple):
    """A row of a protocol's table: the schema of a type of request, and the function that performs it.

    *perform* is called with the peer and the request; what it returns is given to :meth:`JsonPeer.respond`.
    Where it is *sliced*, it is a generator function that yields between its steps, and returns that.
    A *relayed* request contains content that is sent on to others, so that its size is limited.
    """

    schema: str
    perform: Callable[[Any, Frame], Any]
    needs_username: bool = False
    relayed: bool = False
    sliced: bool = False


class JsonProtocol:
    """A protocol, one object per server: it opens a peer for each client and pushes events to all of them.

    Subclasses set the class attributes. *type_key* is the key of a request that holds its type; *expected*
    lists the types in words, for error messages. *growth* is the maximum number of bytes that a relayed
    frame needs for one character of its request. *excluded* has, by the class of an event, a test for
    sessions that do not get its push.
    """

    name: ClassVar[str]
    type_key: ClassVar[str]
    requests: ClassVar[Mapping[Any, Request]]
    expected: ClassVar[str]
    growth: ClassVar[int] = 6
    pushes: Mapping[type, Callable[[Any], Frame]] = MappingProxyType({})
    excluded: Mapping[type, Callable[[Any, Session], bool]] = MappingProxyType({})
    peer: ClassVar[type[JsonPeer]]

    def __init__(self, context: ProtocolContext) -> None:
        self.hub = context.hub
        self.schemas = context.schemas
        self.max_rate = context.max_rate
        self.relay_limit = context.max_frame - ENVELOPE_OVERHEAD_BYTES
        self.rows: dict[Any, tuple[Request, Callable[[object], bool]]] = {
            type_: (row, self.schemas.validator(row.schema)) for type_, row in self.requests.items()
        }
        self._broadcast = context.broadcast

    def open(self, outbox: Outbox, address: str, port: int) -> Any:
        """Open a peer for a client that connected from *address* and *port*."""
        return self.peer(self, outbox, address, port)

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        """Push *event* to *sessions*, if this protocol has a push for it."""
        kind = event.__class__
        push = self.pushes.get(kind)
        if push is None:
            return
        if kind in self.excluded:
            is_excluded = self.excluded[kind]
            sessions = [session for session in sessions if not is_excluded(event, session)]
        payload = encode(push(event))
        if len(sessions) == 1:  # most messages have one recipient
            for session in sessions:
                session.outbox.send(payload)
        else:
            self._broadcast(payload, [session.outbox for session in sessions])

    @staticmethod
    def encode_error(error: HubError, request: Frame) -> Frame:  # noqa: ARG004 - subclasses use it
        """Return the error response to *request*, which is empty if it could not be read."""
        return {"code": error.code, "error": str(error), **fault_of(error)}

    def unknown_type(self, request: Frame) -> UnknownType:
        """Return the error for *request*, whose type is missing or not in the table."""
        return unknown_type(self.type_key, request, self.expected)


class JsonPeer:
    """One client of a JSON protocol."""

    __slots__ = ("held", "is_holding", "protocol", "responses", "session")

    protocol: Any

    def __init__(self, protocol: JsonProtocol, outbox: Outbox, address: str, port: int) -> None:
        self.protocol = protocol
        self.session: Session = protocol.hub.connect(protocol, outbox=outbox, address=address, port=port)
        self.responses = ResponseQueue(outbox)
        self.is_holding = False  # an attempt at a secret waits, and all requests behind it
        self.held: HeldRequests | None = None

    def on_open(self) -> None:
        """Wait for the client's first request."""

    def on_text(self, text: str) -> Steps | None:
        """Perform the request *text* and respond to it."""
        if self.is_holding:
            self.held.add(text)  # type: ignore[union-attr]
            return None
        request: Frame = {}
        if self.session.banned:
            self.refuse(Banned(), try_decode(text))
            return None
        try:
            request = decode(text)
            protocol: JsonProtocol = self.protocol
            type_ = request.get(protocol.type_key)
            known = protocol.rows.get(type_) if type_.__class__ in _TYPE_CLASSES else None
            if known is None:
                raise protocol.unknown_type(request)
            row, is_valid = known
            if not is_valid(request):
                raise protocol.schemas.validation_error(row.schema, request)
            if row.needs_username and self.session.username is None:
                raise NotRegistered
            if row.relayed and len(text) * protocol.growth > protocol.relay_limit:
                self.check_size(text, request)
            reply = row.perform(self, request)
            if row.sliced:
                return self._respond_in_steps(request, reply)
            self.respond(request, reply)
        except MustWait:
            self._wait(text, request)
        except Exception as error:
            self._refuse_failed(error, request)
        return None

    def on_excess(self, message: str | bytes) -> None:
        """Refuse *message*, which is above the client's rate, behind all that wait."""
        if self.is_holding:
            self.held.add(Excess(message))  # type: ignore[union-attr]
            return
        error = Banned() if self.session.banned else RateLimited(self.protocol.max_rate)
        self.refuse(error, try_decode(message) if isinstance(message, str) else None)

    def on_binary(self, payload: bytes) -> None:
        """Refuse a binary frame."""
        if self.is_holding:
            self.held.add(payload)  # type: ignore[union-attr]
            return
        self.refuse(Banned() if self.session.banned else BinaryFrame())

    def on_close(self) -> None:
        """End the session."""
        if self.held is not None:
            self.held.close()
        self.protocol.hub.disconnect(self.session)

    def charge(self, tokens: float) -> None:
        """Take *tokens* for the present request: see :mod:`chateau.protocols.costs`."""
        self.session.outbox.charge(tokens)

    def respond(self, request: Frame, reply: Any) -> None:
        """Send *reply*, the response to *request*, unless it is None."""
        if reply is not None:
            self.responses.put(encode(reply))

    def refuse(self, error: HubError, request: Frame | None = None) -> None:
        """Send the error response to *request*, which is empty if it could not be read."""
        self.responses.put(encode(self.protocol.encode_error(error, request or {})))

    def _respond_in_steps(self, request: Frame, steps: Generator[None, None, Any]) -> Steps:
        try:
            self.respond(request, (yield from steps))
        except Exception as error:
            self._refuse_failed(error, request)

    def _refuse_failed(self, error: Exception, request: Frame) -> None:
        if not isinstance(error, HubError):
            log.error("session %s: a request failed", self.session.id, exc_info=error)
            error = Internal()
        self.refuse(error, request)

    def _wait(self, text: str, request: Frame) -> None:
        """Perform *text*, which has a secret, when it is its turn; see :mod:`chateau.hub.guesses`."""
        if self.held is None:
            self.held = HeldRequests(
                self.protocol.hub.access.guesses,
                self.session,
                perform=self._perform_held,
                refuse=lambda attempt, error: self.refuse(error, try_decode(str(attempt))),
                done=self._end_hold,
            )
        try:
            self.held.wait(text)
        except TooManyTries as error:
            self.refuse(error, request)
        else:
            self.is_holding = True

    def _perform_held(self, request: Held) -> Steps | None:
        steps = None
        self.is_holding = False
        if isinstance(request, str):
            steps = self.on_text(request)
        elif isinstance(request, bytes):
            self.on_binary(request)
        else:
            self.on_excess(request.message)
        self.is_holding = True
        return steps

    def _end_hold(self) -> None:
        self.is_holding = False

    def check_size(self, text: str, request: Frame) -> None:
        """Raise TooLarge if the relayed *request* does not fit into one frame of its recipients."""
        if len(text.encode()) > self.protocol.relay_limit:
            raise relayed_too_large(self.protocol.relay_limit)


def is_actor(event: Any, session: Session) -> bool:
    """Return whether *session* caused *event*, which its response reports already."""
    return bool(session.id == event.session_id)


def unknown_type(key: str, request: Frame, expected: str) -> UnknownType:
    """Return the error for *request*, whose type, at *key*, is missing or unknown."""
    if key not in request:
        return UnknownType(f'"{key}" is missing; expected {expected}.')
    value = request[key]
    if not is_scalar(value):
        return UnknownType(f'"{key}" is {json_type(value)}; expected {expected}.')
    short = value[:QUOTE_LIMIT] if isinstance(value, str) else value
    shown = cut(encode(short).decode())
    return UnknownType(f"Unknown {key} {shown}; expected {expected}.")


def relayed_too_large(limit: int) -> TooLarge:
    """Return the error for a message of more than *limit* bytes."""
    return TooLarge(f"Message too large to be delivered; the maximum is {limit} bytes.")


def fault_of(error: HubError) -> Frame:
    """Return where a message violates its schema, for an error response; empty for other errors."""
    return {"path": error.path, "schema": error.schema} if isinstance(error, InvalidMessage) else {}
