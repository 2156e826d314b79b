"""Publishers: connections that bring one publish after the other.

Half of what a publish costs is Tornado's: futures, timers and small reads a request. A client that
publishes a second time is likely to go on, so its socket is taken out of Tornado's hands and read in
bulk, as those of WebSockets are. When something else than a plain publish comes, the socket goes back,
with all that has not been read: the client notices nothing of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from tornado.iostream import IOStream, StreamClosedError

from chateau.net.connection import CLOSED, ENDING, OPEN, SocketConnection
from chateau.net.entrance import released
from chateau.net.framing import DeafDecoder, Framing
from chateau.net.publish_desk import not_kept
from chateau.net.publish_reader import PublishReader
from chateau.protocols.response_queue import ResponseQueue

if TYPE_CHECKING:
    from socket import socket

    from tornado.http1connection import HTTP1Connection

    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.publish_desk import Answer, PublishDesk

log = logging.getLogger(__name__)

Resume = Callable[[IOStream, Any], object]
"""Takes back a stream, and its client's address as the socket has it."""

IDLE_SECONDS = 60.0
"""How long a publisher may be silent."""

UNREAD_BYTES = 1_048_576
"""What may wait to go back to Tornado while answers before it are due."""

PUBLISHING = Framing(
    decoder=DeafDecoder,  # a publisher's connection reads by itself
    text=bytes,  # whole answers
    binary=bytes,
    close=lambda *_: b"",
    ping=b"",
    is_answered=False,
)


class FastLane:
    """Where publishers go on: *group* has their connections, *desk* serves them."""

    def __init__(self, group: ConnectionGroup, desk: PublishDesk, resume: Resume) -> None:
        self.desk = desk
        self.resume = resume
        self._group = group

    def take(self, connection: HTTP1Connection, answer: bytes) -> bool:
        """Take the socket over from *connection*, and send *answer* there; False where it cannot be had."""
        stream = connection.stream
        group = self._group
        if not group.takes_sockets or group.is_closing or type(stream) is not IOStream or stream.writing():
            return False
        context = cast("Any", connection.context)
        connection.detach()
        stream.set_close_callback(None)
        stream.set_nodelay(True)
        try:
            sock, early = released(stream)
        except StreamClosedError:
            return True
        PublisherConnection(group, sock, self, context).begin(answer, early)
        return True


class PublisherConnection(SocketConnection):
    """One publisher's socket, until it ends or goes back."""

    __slots__ = ("_answers", "_context", "_lane", "_reader", "_uncommitted")

    def __init__(self, group: ConnectionGroup, sock: socket, lane: FastLane, context: Any) -> None:
        super().__init__(group, sock)
        self._lane = lane
        self._context = context
        self._reader = PublishReader(lane.desk)
        self._answers = ResponseQueue(self)
        self._uncommitted = 0

    def begin(self, answer: bytes, early: bytes) -> None:
        """Send *answer*, and read on where *early* ends."""
        self.group.connections.add(self)
        self._answers.put(answer)
        self._timer = self.group.loop.call_later(IDLE_SECONDS, self._look)
        if early:
            self.on_bytes(early)

    def on_bytes(self, data: bytes) -> None:
        """*data* has come from the client."""
        self.heard = True
        if self._state != OPEN:
            return
        try:
            self._serve(data)
        except Exception:
            log.exception("a publisher's connection failed, and is closed")
            self.abort()

    def on_end(self) -> None:
        """The client publishes nothing more; it may be waiting for answers that are due."""
        is_owed = self._state == OPEN and (self._uncommitted or not self.is_empty)
        if is_owed and not self._has_ended and self._stops_reading():
            self._has_ended = True
            self._go_on()
        else:
            self.abort()

    def on_drained(self) -> None:
        """The backlog is gone."""
        super().on_drained()
        self._go_on()

    def _serve(self, data: bytes) -> None:
        desk = self._lane.desk
        for publish in self._reader.feed(data):
            answer, commit = desk.serve(*publish, self._context)
            if commit is None:
                self._answers.put(desk.written(answer))
            else:
                self._uncommitted += 1
                self._answers.put_late(commit, partial(self._settled, answer))
            log.debug("%d POST %s", answer.status, publish.errand.path)
        self._go_on()

    def _settled(self, answer: Answer, failure: BaseException | None) -> bytes:
        self._uncommitted -= 1
        self.group.loop.call_soon(self._go_on)  # behind the answer, which is not put in yet
        return self._lane.desk.written(answer if failure is None else not_kept())

    # How it goes back, or ends

    def _go_on(self) -> None:
        """Go back to Tornado, or end, where that is due; not before all answers before it are out."""
        if self._state != OPEN:
            return
        rest = self._reader.rest
        if rest is not None:
            self._go_back_unless_owing(rest)
        elif self._has_ended and not self._uncommitted:
            self._state = ENDING
            self._end_when_written()

    def _go_back_unless_owing(self, rest: bytes) -> None:
        if not self._uncommitted:
            self.flush()
            if self.is_empty and self._state == OPEN:
                self._go_back(rest)
                return
        if len(rest) > UNREAD_BYTES:
            self.abort()

    def _go_back(self, rest: bytes) -> None:
        self._state = CLOSED
        if self._timer is not None:
            self._timer.cancel()
        self.group.forget(self)
        self.group.poller.forget(self._socket.fileno())
        self._lane.resume(ResumedStream(self._socket, rest), self._context.address)

    def _look(self) -> None:
        if self._state == OPEN and (self.heard or self._uncommitted):
            self.heard = False
            self._timer = self.group.loop.call_later(IDLE_SECONDS, self._look)
        elif self._state in (OPEN, ENDING):
            self.abort()


class ResumedStream(IOStream):
    """A stream that brings *early* before what its socket brings."""

    def __init__(self, sock: socket, early: bytes) -> None:
        self._early = early
        super().__init__(sock)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Read into *buf* what comes next; returns how many bytes that was, None where nothing is there."""
        if not self._early:
            return super().read_from_fd(buf)
        size = min(len(buf), len(self._early))
        buf[:size] = self._early[:size]
        self._early = self._early[size:]
        return size
