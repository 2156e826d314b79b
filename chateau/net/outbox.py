"""Outboxes: what waits to go out to each client, and the end of the turn at which it goes.

All that is put in an outbox in one turn of the event loop goes out at the turn's end in one ``send``,
so a busy room costs a system call a member and turn, not one a message. What the socket does not take
stays behind as the backlog, counted in bytes; a client whose backlog grows beyond its limit is a slow
consumer, and only it suffers. Frames are the same bytes object in every outbox that holds them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

SEND_BYTES = 262_144
"""Bytes of backlog that are put together for one ``send``, or one frame where that is longer."""


class FlushScheduler:
    """The outboxes that got something in this turn of the loop; at its end they are flushed.

    A turn ends where :meth:`end` is called; if nobody has begun one, when the loop comes round again.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._touched: list[Outbox] = []
        self._has_begun = False

    def begin(self) -> None:
        """From now on nothing goes out before :meth:`end`."""
        self._has_begun = True

    def end(self) -> None:
        """Flush what was touched: pollers call this, and the loop need not come round once more for it."""
        self._has_begun = False
        self._flush()

    def put(self, outbox: Outbox, frame: bytes) -> None:
        """Put *frame* in *outbox*."""
        if outbox.frames is not None:
            outbox.frames.append(frame)
            return
        if not self._touched and not self._has_begun:
            self._loop.call_soon(self._flush)
        outbox.frames = [frame]
        self._touched.append(outbox)

    def put_all(self, outboxes: Iterable[Outbox], frame: bytes) -> None:
        """Put *frame*, one object, in every one of *outboxes*."""
        touched = self._touched
        if not touched and not self._has_begun:
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
    """What waits to go out on one connection.

    A connection inherits this, so that the two are one object: there may be many thousands. It says how
    bytes are written, and hears of what happens by the methods that raise NotImplementedError here.
    """

    __slots__ = ("_backlog", "_begun", "_max_backlog", "backlog_bytes", "frames", "write")

    write: Callable[[bytes], int]
    """Writes what can be written now and returns how many bytes that was.

    Raises:
        BlockingIOError: nothing can.
        OSError: nothing ever can again.
    """

    def __init__(self, max_backlog: int) -> None:
        """*max_backlog*: bytes that may wait for the client to read."""
        self._max_backlog = max_backlog
        self.frames: list[bytes] | None = None  # this turn's
        self.backlog_bytes = 0
        self._backlog: deque[bytes] | None = None  # what earlier turns left behind
        self._begun = False  # the first piece of the backlog is the rest of a frame that has begun to go out

    def flush(self) -> None:
        """Send this turn's frames, or put them behind the backlog where there is one."""
        frames = self.frames
        self.frames = None
        if frames is None:
            return
        if self._backlog is not None:
            self._leave(frames)
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
            self._leave(self._unsent(frames, sent))
            self.on_blocked()

    def drain(self) -> None:
        """Send what can be sent of the backlog: call it when the client has read something."""
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
        """Forget what waits, but for the rest of a frame that has begun to go out."""
        self.frames = None
        if self._backlog is not None:
            rest = [self._backlog[0]] if self._begun else []
            self._backlog = deque(rest)
            self.backlog_bytes = sum(map(len, rest))

    @property
    def is_empty(self) -> bool:
        """Whether all that was put in has been written."""
        return self.frames is None and self._backlog is None

    @property
    def begun_bytes(self) -> int:
        """Bytes that are still to go out of a frame that has begun to."""
        return len(self._backlog[0]) if self._backlog and self._begun else 0

    def on_blocked(self) -> None:
        """A backlog has formed: :meth:`drain` is to be called when something can be written again."""
        raise NotImplementedError

    def on_drained(self) -> None:
        """The backlog is gone."""
        raise NotImplementedError

    def on_overflow(self) -> None:
        """The backlog is longer than it may be."""
        raise NotImplementedError

    def on_lost(self, exc: OSError) -> None:
        """Nothing can be written any more, for the reason *exc*."""
        raise NotImplementedError

    def _leave(self, frames: list[bytes]) -> None:
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
        """What is left of *pieces* once *sent* bytes are gone; notes whether that starts inside a frame."""
        for number, piece in enumerate(pieces):
            if sent < len(piece):
                self._begun = bool(sent)
                return [piece[sent:], *pieces[number + 1 :]]
            sent -= len(piece)
        self._begun = False
        return []
