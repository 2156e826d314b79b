"""Framings: how messages become bytes, and bytes messages, on each kind of connection.

A connection is the same for all of them: it reads, fills its outbox, and ends. What differs is one row here.
WebSocket frames are in :mod:`chateau.net.frames`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chateau.net import frames
from chateau.net.frames import Binary, Received, Violation


class Decoder(Protocol):
    """Decodes what one client sends."""

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


class LineDecoder:
    """Lines that end with LF or CR LF."""

    __slots__ = ("_begun", "_is_broken", "_max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._begun = b""  # of a line that has not ended yet
        self._is_broken = False

    def feed(self, data: bytes) -> Sequence[Received]:
        """Return the lines that end in *data*, without their ends; as :class:`Binary` if not UTF-8."""
        received: list[Received] = []
        if self._is_broken:
            return received
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            received.append(self._received(line.removesuffix(b"\r")))
            if self._is_broken:
                return received
        if len(self._begun) > self._max_bytes + 1:  # its last byte may be a CR
            received.append(self._too_long())
        return received

    def _received(self, line: bytes) -> Received:
        if len(line) > self._max_bytes:
            return self._too_long()
        try:
            return line.decode()
        except UnicodeDecodeError:
            return Binary(line)

    def _too_long(self) -> Violation:
        self._is_broken = True
        self._begun = b""
        return Violation(frames.MESSAGE_TOO_BIG, f"A line has at most {self._max_bytes} bytes.")


class DiscardingDecoder:
    """Discards what the client sends."""

    __slots__ = ()

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

EVENT_STREAM = Framing(
    decoder=DiscardingDecoder,
    text=bytes,  # whole events, as the protocol encodes them
    binary=bytes,
    close=lambda *_: b"",
    ping=b":\n\n",  # a comment
    is_answered=False,
)
