"""Framings: how messages become bytes and bytes messages, on each kind of connection.

A connection is the same for all of them: it reads, fills its outbox, and ends. What differs is said in
one row here. The bytes of WebSocket frames themselves are :mod:`chateau.net.frames`'.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chateau.net import frames
from chateau.net.frames import Binary, Received, Violation


class Decoder(Protocol):
    """Turns what comes into what it says."""

    def feed(self, data: bytes) -> Sequence[Received]:
        """What *data*, behind what came before it, says. Behind a violation nothing is said any more."""


@dataclass(frozen=True, slots=True)
class Framing:
    """One kind of connection."""

    decoder: Callable[[int], Decoder]  # for messages of so many bytes
    text: Callable[[bytes], bytes]
    binary: Callable[[bytes], bytes]
    close: Callable[[int | None, str], bytes]  # the last that is said
    ping: bytes  # said to who is silent; b"" for nothing
    is_answered: bool  # the client answers pings and closes
    is_half_closed: bool = False  # a client that has said all that it has to say may still listen


class LineDecoder:
    """Lines that end with LF or CR LF."""

    __slots__ = ("_begun", "_is_broken", "_max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._begun = b""  # of a line that has not ended yet
        self._is_broken = False

    def feed(self, data: bytes) -> Sequence[Received]:
        """The lines that end in *data*, without their ends; one that is not UTF-8 as :class:`Binary`."""
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


class DeafDecoder:
    """For who has nothing more to say."""

    __slots__ = ()

    def __init__(self, max_bytes: int) -> None:
        pass

    def feed(self, data: bytes) -> Sequence[Received]:
        """Nothing."""
        return ()


_SAID_ALREADY = frozenset((None, frames.NORMAL_CLOSURE, frames.GOING_AWAY))


def _last_line(code: int | None, reason: str) -> bytes:
    """Why the connection ends, unless its user knows: who has quit, and all who are told of a shutdown."""
    if code in _SAID_ALREADY:
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
    ping=b"",  # people are silent for long; TCP itself finds out who is gone
    is_answered=False,
    is_half_closed=True,  # printf 'LOGIN bob\nROOMS\n' | nc -N localhost 9090
)

EVENT_STREAM = Framing(
    decoder=DeafDecoder,
    text=bytes,  # whole events, as the protocol wrote them
    binary=bytes,
    close=lambda *_: b"",
    ping=b":\n\n",  # a comment, so that a client that is gone is found out
    is_answered=False,
)
