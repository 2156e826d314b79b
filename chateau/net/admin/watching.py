"""Watchers: clients of the admin API's event streams.

A watcher is a connection like all others, so a slow one is bounded by its outbox and hurts only itself.
It is nobody in the house: it has no session, says nothing, and is not counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chateau.protocols.json_text import encode
from chateau.protocols.transport import NORMAL_CLOSURE

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.protocols.transport import Outbox

Frame = dict[str, Any]


class Watcher:
    """One of them."""

    __slots__ = ("_on_gone", "_outbox")

    session = None

    def __init__(self, outbox: Outbox, on_gone: Callable[[Watcher], None]) -> None:
        self._outbox = outbox
        self._on_gone = on_gone

    def send(self, payload: bytes) -> None:
        """Send *payload*, whole events."""
        self._outbox.send(payload)

    def end(self) -> None:
        """End the stream behind what was sent."""
        self._outbox.disconnect(NORMAL_CLOSURE, "")

    def on_text(self, text: str) -> None:
        """Nothing is listened to."""

    def on_binary(self, payload: bytes) -> None:
        """Nothing is listened to."""

    def on_close(self) -> None:
        """It watches no more."""
        self._on_gone(self)


def event(kind: str, frame: Frame) -> bytes:
    """The event of *kind* that says *frame*; JSON as it is written here is one line."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode(frame))
