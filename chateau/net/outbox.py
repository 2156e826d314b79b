"""Outboxes: frames queued for each client, and the scheduler that flushes them.

All frames that are enqueued for a client in one iteration of the event loop leave at its end in one ``send``,
so a busy room costs one system call per member and iteration, not one per message. What the socket does not
take stays as the backlog, counted in bytes; a client whose backlog exceeds its limit is a slow consumer, and
only that client is disconnected. Frames are the same bytes object in every outbox that has them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from chateau.net.framing import FrameObserver

SEND_BYTES = 262_144
"""Bytes of backlog that are joined for one ``send``; one frame if that is longer."""


class FlushScheduler:
    """Flushes the outboxes that have received frames.

    Between :meth:`cork` and :meth:`uncork` nothing is flushed. Without them, the next iteration of the
    event loop flushes.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._touched: list[Outbox] = []
        self._is_corked = False

    def cork(self) -> None:
        """Flush nothing until :meth:`uncork`."""
        self._is_corked = True

    def uncork(self) -> None:
        """Flush now: this saves pollers an iteration of the event loop."""
        self._is_corked = False
        self._flush()

    def enqueue(self, outbox: Outbox, frame: bytes) -> None:
        """Add *frame* to *outbox*."""
        if outbox.frames is not None:
            outbox.frames.append(frame)
            return
        if not self._touched and not self._is_corked:
            self._loop.call_soon(self._flush)
        outbox.frames = [frame]
        self._touched.append(outbox)

    def enqueue_all(self, outboxes: Iterable[Outbox], frame: bytes) -> None:
        """Add *frame*, one object, to each of *outboxes*."""
        touched = self._touched
        if not touched and not self._is_corked:
            self._loop.call_soon(self._flush)
        for outbox in outboxes:
            if outbox.frames is None:
                outbox.frames = [frame]
                touched.append(outbox)
            else:
                outbox.frames.append(frame)

    def _flush(self) -> None:
        touched, self._touched = self._touched, []
        for outbox in touched:
            outbox.flush()


class Outbox:
    """The frames queued for one connection.

    A connection inherits this, so that the two are one object: there may be many thousands. It defines how
    bytes are written, and the callbacks that raise NotImplementedError here.
    """

    __slots__ = ("_backlog", "_begun", "_max_backlog", "backlog_bytes", "frames", "observer", "write")

    write: Callable[[bytes], int]
    """Writes as many bytes as possible without blocking; returns their number.

    Raises:
        BlockingIOError: no byte can be written now.
        OSError: the connection is broken.
    """

    def __init__(self, max_backlog: int) -> None:
        """*max_backlog*: bytes that may be queued until the client reads."""
        self._max_backlog = max_backlog
        self.observer: FrameObserver | None = None
        self.frames: list[bytes] | None = None  # since the last flush
        self.backlog_bytes = 0
        self._backlog: deque[bytes] | None = None  # frames that earlier flushes left
        self._begun = False  # the first piece of the backlog is the rest of a frame that is partly sent

    def flush(self) -> None:
        """Send the frames since the last flush, or append them to the backlog if there is one."""
        frames = self.frames
        self.frames = None
        if frames is None:
            return
        if self.observer is not None:
            self.observer.on_sent(frames)
        if self._backlog is not None:
            self._append(frames)
            return
        batch = frames[0] if len(frames) == 1 else b"".join(frames)
        try:
            sent = self.write(batch)
        except BlockingIOError:
            sent = 0
        except OSError as exc:
            self.on_lost(exc)
            return
        if sent != len(batch):
            self._backlog = deque()
            self._append(self._unsent(frames, sent))
            self.on_blocked()

    def drain(self) -> None:
        """Send as much of the backlog as possible; called when the socket can be written."""
        if self._backlog is None:
            return
        pieces = self._next_pieces()
        try:
            sent = self.write(b"".join(pieces))
        except BlockingIOError:
            sent = 0
        except OSError as exc:
            self._backlog.extendleft(reversed(pieces))
            self.on_lost(exc)
            return
        self.backlog_bytes -= sent
        if sent:
            pieces = self._unsent(pieces, sent)
        self._backlog.extendleft(reversed(pieces))
        if not self._backlog:
            self._backlog = None
            self.on_drained()

    def drop(self) -> None:
        """Discard the queued frames, except the rest of one that is partly sent."""
        self.frames = None
        if self._backlog is not None:
            rest = [self._backlog[0]] if self._begun else []
            self._backlog = deque(rest)
            self.backlog_bytes = sum(map(len, rest))

    @property
    def is_empty(self) -> bool:
        """Whether all frames have been written."""
        return self.frames is None and self._backlog is None

    @property
    def backlog(self) -> list[bytes]:
        """The frames of the backlog of which no byte has been sent."""
        return list(self._backlog or ())[self._begun :]

    def on_blocked(self) -> None:
        """Handle a new backlog: arrange for :meth:`drain` to be called when the socket can be written."""
        raise NotImplementedError

    def on_drained(self) -> None:
        """Handle the end of a backlog."""
        raise NotImplementedError

    def on_overflow(self) -> None:
        """Handle a backlog that exceeds its limit."""
        raise NotImplementedError

    def on_lost(self, exc: OSError) -> None:
        """Handle a connection that is broken, for the reason *exc*."""
        raise NotImplementedError

    def _append(self, frames: list[bytes]) -> None:
        assert self._backlog is not None
        self._backlog.extend(frames)
        self.backlog_bytes += sum(map(len, frames))
        if self.backlog_bytes > self._max_backlog:
            self.on_overflow()

    def _next_pieces(self) -> list[bytes]:
        assert self._backlog is not None
        pieces: list[bytes] = []
        size = 0
        while self._backlog and size < SEND_BYTES:
            pieces.append(self._backlog.popleft())
            size += len(pieces[-1])
        return pieces

    def _unsent(self, pieces: list[bytes], sent: int) -> list[bytes]:
        """Return *pieces* without the first *sent* bytes; note whether the rest starts inside a frame."""
        for number, piece in enumerate(pieces):
            if sent < len(piece):
                self._begun = bool(sent)
                return [piece[sent:], *pieces[number + 1 :]]
            sent -= len(piece)
        self._begun = False
        return []
