"""Framings: how messages become bytes, and bytes messages, on each kind of connection.

A connection is the same for all of them: it reads, fills its outbox, and ends. What differs is one row here.
WebSocket frames are in :mod:`chateau.net.frames`, lines in :mod:`chateau.net.lines`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chateau.net import frames
from chateau.net.lines import LineDecoder

if TYPE_CHECKING:
    from chateau.net.frames import Received


class Decoder(Protocol):
    """Decodes what one client sends."""

    @property
    def partial_bytes(self) -> int:
        """Size of what has come of a message that is not whole."""

    def feed(self, data: bytes) -> Sequence[Received]:
        """Return the messages that *data* completes. After a violation there are none."""


class FrameObserver(Protocol):
    """Observes the frames of one connection. None of these methods may raise."""

    def on_received(self, received: Sequence[Received]) -> None:
        """Observe what one read has brought, before it is handled."""

    def on_sent(self, frames: Sequence[bytes]) -> None:
        """Observe frames that leave, or wait in the backlog."""

    def on_gone(self) -> None:
        """Observe the end of the connection. Called once, last."""


class ObservedDecoder:
    """A decoder whose results *observer* receives, too."""

    __slots__ = ("_decoder", "_observer")

    def __init__(self, decoder: Decoder, observer: FrameObserver) -> None:
        self._decoder = decoder
        self._observer = observer

    @property
    def partial_bytes(self) -> int:
        return self._decoder.partial_bytes

    def feed(self, data: bytes) -> Sequence[Received]:
        received = self._decoder.feed(data)
        if received:
            self._observer.on_received(received)
        return received


@dataclass(frozen=True, slots=True)
class Framing:
    """One kind of connection."""

    decoder: Callable[[int], Decoder]  # takes the maximum size of a message, in bytes
    text: Callable[[bytes], bytes]
    binary: Callable[[bytes], bytes]
    close: Callable[[int | None, str], bytes]  # the last frame
    ping: bytes  # sent in every ping interval; b"" for none
    is_answered: bool  # the client sends pongs, and closes in return
    is_half_closed: bool = False  # a client may finish sending, and still receive


class DiscardingDecoder:
    """Discards what the client sends."""

    __slots__ = ()

    partial_bytes = 0

    def __init__(self, max_bytes: int) -> None:
        pass

    def feed(self, data: bytes) -> Sequence[Received]:
        return ()


_NOT_REPORTED = frozenset((None, frames.NORMAL_CLOSURE, frames.GOING_AWAY))


def _last_line(code: int | None, reason: str) -> bytes:
    """Return the reason as a line, unless the user knows it: after QUIT, and after the push of a shutdown."""
    if code in _NOT_REPORTED:
        return b""
    return json.dumps({"type": "error", "error": reason}).encode() + b"\r\n"


WEBSOCKET = Framing(
    decoder=frames.Decoder,
    text=frames.text_frame,
    binary=frames.binary_frame,
    close=frames.close_frame,
    ping=frames.ping_frame(),
    is_answered=True,
)

LINES = Framing(
    decoder=LineDecoder,
    text=lambda payload: payload + b"\r\n",
    binary=lambda payload: payload + b"\r\n",
    close=_last_line,
    ping=b"",  # people read what they receive; TCP keepalive probes do the same
    is_answered=False,
    is_half_closed=True,  # printf 'LOGIN bob\nROOMS\n' | nc -N localhost 9090
)

_COMMENT = b":\n\n"  # detects dead connections

EVENT_STREAM = Framing(
    decoder=DiscardingDecoder,
    text=bytes,  # whole events, as the protocol encodes them
    binary=bytes,
    close=lambda *_: b"",
    ping=_COMMENT,
    is_answered=False,
)


def chunk(payload: bytes) -> bytes:
    """Return *payload*, which is not empty, as a chunk (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def content_of_chunk(frame: bytes) -> bytes:
    """Return the content of *frame*, one chunk; b"" of the last one."""
    return frame[frame.index(b"\r\n") + 2 : -2]


CHUNKED_EVENT_STREAM = Framing(
    decoder=DiscardingDecoder,
    text=chunk,  # one per event
    binary=chunk,
    close=lambda *_: b"0\r\n\r\n",
    ping=chunk(_COMMENT),
    is_answered=False,
)
