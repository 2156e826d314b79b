"""Ears: listening in on one connection, without a cost for all others.

What decodes a connection's bytes and what writes them are replaced by what :class:`FrameObserver` hears, too;
see :meth:`chateau.net.connection.Connection.tap`. :mod:`chateau.net.admin.tap` uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chateau.net.frames import Received
    from chateau.net.framing import Decoder

Write = Callable[[bytes], int]


class FrameObserver(Protocol):
    """Who listens in. None of these calls may raise."""

    def on_received(self, said: Sequence[Received]) -> None:
        """All this has come at once, whatever is made of it."""

    def on_written(self, written: bytes) -> None:
        """These bytes have gone out."""

    def on_gone(self) -> None:
        """The connection is gone. Called once, last."""


class OverheardDecoder:
    """A decoder that *ear* hears, too."""

    __slots__ = ("_decoder", "_ear")

    def __init__(self, decoder: Decoder, ear: FrameObserver) -> None:
        self._decoder = decoder
        self._ear = ear

    def feed(self, data: bytes) -> Sequence[Received]:
        """What *data*, behind what came before it, says."""
        said = self._decoder.feed(data)
        if said:
            self._ear.on_received(said)
        return said


def overheard(write: Write, ear: FrameObserver) -> Write:
    """*write*, which *ear* hears, too: what went out, and nothing of what did not."""

    def write_and_tell(batch: bytes) -> int:
        sent = write(batch)
        if sent:
            ear.on_written(batch[:sent])
        return sent

    return write_and_tell
