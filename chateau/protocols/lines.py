"""The lines protocol: commands and messages as lines of text over TCP; responses are JSON, one per line.

A line is a command (:mod:`chateau.protocols.lines_commands`) or a message to the room. Pushes are queued
behind pending responses (:mod:`chateau.protocols.ordered_outbox`). The transport splits the stream into
lines. See docs/protocols/lines.md.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

from chateau.hub.errors import Banned, HubError, TooManyTries, Unavailable
from chateau.hub.events import Event, Joined, Left, Shutdown
from chateau.hub.guesses import MustWait
from chateau.protocols.errors import Internal, RateLimited
from chateau.protocols.held_requests import Excess, HeldRequests
from chateau.protocols.json_text import encode
from chateau.protocols.lines_commands import COMMANDS, Reply, perform
from chateau.protocols.lines_frames import PUSHES, LinesError, error_response
from chateau.protocols.ordered_outbox import OrderedOutbox, Slot
from chateau.protocols.spec import EndpointSpec, ProtocolSpec

if TYPE_CHECKING:
    from collections.abc import Collection

    from chateau.hub.ports import Commit
    from chateau.hub.session import Session
    from chateau.protocols.held_requests import Request as Held
    from chateau.protocols.spec import ProtocolContext
    from chateau.protocols.transport import Outbox, Steps

log = logging.getLogger(__name__)

HELD_BYTES = 1_048_576
"""Maximum size of the responses that wait for an earlier one, in bytes; beyond it, requests get errors.

A second limit next to ``--max-rate``: a slow disk delays responses, and the server has to store them.
"""


END: Final = "\n"
"""The end of input, as a line; no line contains it."""


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

    __slots__ = ("_held", "_is_holding", "_ordered", "has_quit", "protocol", "session")

    def __init__(self, protocol: LinesProtocol, outbox: Outbox, address: str, port: int) -> None:
        self.protocol = protocol
        self.has_quit = False
        self._ordered = OrderedOutbox(outbox)
        self._is_holding = False  # an attempt at a password waits, and all lines behind it
        self._held: HeldRequests | None = None
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
        if message and not message.isspace():
            self._take(Excess(message))

    def on_binary(self, payload: bytes) -> None:
        """Respond with an error to a line that is not UTF-8."""
        self._take(payload)

    def on_end(self) -> None:
        """Close the connection after the pending responses."""
        self._take(END)

    def on_close(self) -> None:
        """End the session."""
        if self._held is not None:
            self._held.close()
        self.protocol.hub.disconnect(self.session)

    def _take(self, line: Held) -> Steps | None:
        """Perform *line*, which is bytes if it is not UTF-8; return what is left to do.

        ``END`` is the end of input.
        """
        if self.has_quit:
            return None
        if self._is_holding:
            self._held.add(line)  # type: ignore[union-attr]
            return None
        if line == END:
            self.has_quit = True
            self._ordered.end()
            return None
        slot = self._ordered.reserve()
        try:
            reply = self._perform(line)
        except MustWait:
            self._ordered.cancel(slot)
            self._wait(line)
            return None
        except Exception as error:
            reply = self._failed(error)
        if isinstance(reply, Generator):
            return self._respond_in_steps(slot, reply)
        self._respond(slot, *reply)
        return None

    def _perform(self, line: Held) -> Reply | Generator[None, None, Reply]:
        """Return the response to *line*, or the steps to it; raise the error for it."""
        if self.session.banned:
            raise Banned
        if isinstance(line, Excess):
            raise RateLimited(self.protocol.max_rate)
        if self._ordered.held_bytes > HELD_BYTES:
            raise LinesError("Too many requests at once; wait for the responses to the earlier ones.")
        return perform(self, readable(line if isinstance(line, str) else None))

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
        return [encode(error_response(error))], None

    def _wait(self, line: Held) -> None:
        """Perform *line*, which has a password, when it is its turn; see :mod:`chateau.hub.guesses`."""
        if self._held is None:
            self._held = HeldRequests(
                self.protocol.hub.access.guesses,
                self.session,
                perform=self._perform_held,
                refuse=lambda _attempt, error: self._refuse(error),
                done=self._end_hold,
            )
        try:
            self._held.wait(line)
        except TooManyTries as error:
            self._refuse(error)
        else:
            self._is_holding = True

    def _perform_held(self, line: Held) -> Steps | None:
        self._is_holding = False
        steps = self._take(line)
        self._is_holding = True
        return steps

    def _end_hold(self) -> None:
        self._is_holding = False

    def _refuse(self, error: HubError) -> None:
        self._respond(self._ordered.reserve(), *self._failed(error))


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
    return [encode(error_response(Unavailable("The message was delivered but could not be saved.")))]


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
