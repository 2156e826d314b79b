"""The lines protocol: commands and messages as lines of text over TCP; responses are JSON, one per line.

A line is a command (:mod:`chateau.protocols.lines_commands`) or a message to the room. Pushes are queued
behind pending responses (:mod:`chateau.protocols.ordered_outbox`). The transport splits the stream into
lines. See docs/protocols/lines.md.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

from chateau.hub.errors import Banned, HubError, Unavailable
from chateau.hub.events import Event, Joined, Left, Shutdown
from chateau.protocols.errors import Internal, RateLimited
from chateau.protocols.json_text import encode
from chateau.protocols.lines_commands import COMMANDS, Reply, perform
from chateau.protocols.lines_frames import PUSHES, LinesError, error_response
from chateau.protocols.ordered_outbox import OrderedOutbox, Slot
from chateau.protocols.spec import EndpointSpec, ProtocolSpec

if TYPE_CHECKING:
    from collections.abc import Collection

    from chateau.hub.ports import Commit
    from chateau.hub.session import Session
    from chateau.protocols.spec import ProtocolContext
    from chateau.protocols.transport import Outbox, Steps

log = logging.getLogger(__name__)

HELD_BYTES = 1_048_576
"""Maximum size of the responses that wait for an earlier one, in bytes; beyond it, requests get errors.

A second limit next to ``--max-rate``: a slow disk delays responses, and the server has to store them.
"""


class LinesProtocol:
    """The lines protocol of one server: it opens a peer for each client and pushes events to all of them."""

    name: Final = "lines"

    def __init__(self, context: ProtocolContext, *, history_bytes: int = 1_048_576) -> None:
        """*history_bytes* is the maximum size of a history response."""
        self.hub = context.hub
        self.max_rate = context.max_rate
        self.history_bytes = history_bytes
        self._broadcast = context.broadcast

    def open(self, outbox: Outbox, address: str, port: int) -> LinesPeer:
        """Open a peer for a client that connected from *address* and *port*."""
        return LinesPeer(self, outbox, address, port)

    def deliver(self, event: Event, sessions: Collection[Session]) -> None:
        """Push *event* to *sessions*, after the responses that are pending for each."""
        push = PUSHES.get(event.__class__)
        if push is None:
            return
        payload = encode(push(event))
        if isinstance(event, (Joined, Left)):  # the response reports it to its client
            sessions = [session for session in sessions if session.id != event.session_id]
        is_last = isinstance(event, Shutdown)  # nothing is sent after it
        free = []
        for session in sessions:
            outbox: OrderedOutbox = session.outbox
            if outbox.is_free or is_last:
                free.append(outbox.outbox)
            else:
                outbox.hold(payload)
        self._broadcast(payload, free)


class LinesPeer:
    """One client of the lines protocol."""

    __slots__ = ("_ordered", "has_quit", "protocol", "session")

    def __init__(self, protocol: LinesProtocol, outbox: Outbox, address: str, port: int) -> None:
        self.protocol = protocol
        self.has_quit = False
        self._ordered = OrderedOutbox(outbox)
        self.session = protocol.hub.connect(protocol, outbox=self._ordered, address=address, port=port)

    @property
    def nick(self) -> str:
        """The nick, as the clients of this protocol see it, or ``#`` and the id."""
        return self.session.nick or self.session.name

    def on_open(self) -> None:
        """Wait for the client's first line."""

    def on_text(self, text: str) -> Steps | None:
        """Perform the line *text* and respond to it. Empty lines are ignored."""
        if not text or text.isspace():
            return None
        return self._take(text)

    def on_excess(self, message: str | bytes) -> None:
        """Refuse the line *message*, which is above the client's rate. Empty lines are ignored."""
        if message and not message.isspace() and not self.has_quit:
            error = Banned() if self.session.banned else RateLimited(self.protocol.max_rate)
            self._respond(self._ordered.reserve(), _error(error), None)

    def on_binary(self, payload: bytes) -> None:
        """Respond with an error to a line that is not UTF-8."""
        self._take(None)

    def on_end(self) -> None:
        """Close the connection after the pending responses."""
        if not self.has_quit:
            self.has_quit = True
            self._ordered.end()

    def on_close(self) -> None:
        """End the session."""
        self.protocol.hub.disconnect(self.session)

    def _take(self, text: str | None) -> Steps | None:
        """Perform *text*, which is None if it was not UTF-8; return what is left to do."""
        if self.has_quit:
            return None
        slot = self._ordered.reserve()
        try:
            if self.session.banned:
                raise Banned
            if self._ordered.held_bytes > HELD_BYTES:
                raise LinesError("Too many requests at once; wait for the responses to the earlier ones.")
            reply = perform(self, readable(text))
        except Exception as error:
            reply = self._failed(error)
        if isinstance(reply, Generator):
            return self._respond_in_steps(slot, reply)
        self._respond(slot, *reply)
        return None

    def _respond_in_steps(self, slot: Slot, steps: Generator[None, None, Reply]) -> Steps:
        try:
            reply = yield from steps
        except Exception as error:
            reply = self._failed(error)
        self._respond(slot, *reply)

    def _respond(self, slot: Slot, lines: list[bytes], commit: Commit | None) -> None:
        if commit is None:
            self._ordered.fill(slot, lines)
        else:
            self._ordered.fill_late(slot, commit, lambda failure: ack_lines(lines, failure))
        if self.has_quit:
            self._ordered.end()

    def _failed(self, error: Exception) -> Reply:
        """Return the response to a line that failed with *error*."""
        if not isinstance(error, HubError):
            log.error("session %s: a request failed", self.session.id, exc_info=error)
            error = Internal()
        return _error(error), None


def _error(error: HubError) -> list[bytes]:
    return [encode(error_response(error))]


def readable(text: str | None) -> str:
    """Return *text* if it can be encoded again.

    Raises:
        LinesError: it was not UTF-8, or contains a lone surrogate.
    """
    if text is None or not _is_whole(text):
        raise LinesError("A line is UTF-8 text; this one was not.")
    return text


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def ack_lines(lines: list[bytes], failure: BaseException | None) -> list[bytes]:
    """Return *lines*, the response to a message, or an error if its commit failed."""
    if failure is None:
        return lines
    return _error(Unavailable("The message was delivered but could not be saved."))


SPEC = ProtocolSpec(
    name="lines",
    title="The lines protocol",
    about="Commands and messages as lines of text over TCP.",
    lead=(
        "Lines of text over TCP, on the port of `--lines-port` (default 9090). A line is UTF-8, ends with "
        "`\\n`, `\\r\\n` or `\\r\\0`, and is at most 16 KiB long. Responses and pushes are JSON, one object "
        "per line, ended by `\\r\\n`. A browser cannot open a TCP connection: try the examples in a "
        "terminal, with `nc localhost 9090` or `telnet localhost 9090`."
    ),
    endpoints=(
        EndpointSpec(
            name="lines",
            title="The lines protocol",
            description="Lines of text over TCP; responses are JSON objects, one per line.",
            transport="tcp",
            port_setting="lines_port",
            greeting="Lines over TCP are at ",
        ),
    ),
    requests=tuple(command.words[0] for command in COMMANDS),
    make=LinesProtocol,
    encode_error=lambda error, _request: error_response(error),
    page="lines",
)
