"""A connection without a socket: it records sent bytes, and the test feeds it received bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chateau.net.connection import Connection

if TYPE_CHECKING:
    from chateau.net.connection_group import ConnectionGroup


class ScriptedTransport(Connection):
    """A connection that records sent bytes."""

    __slots__ = ("is_gone", "reads", "sent", "tcp")

    def __init__(self, group: ConnectionGroup) -> None:
        super().__init__(group)
        self.sent = bytearray()
        self.is_gone = False
        self.reads = True
        self.tcp: Any = None  # a socket, for those who ask for its options
        self.write = self._write

    @property
    def sock(self) -> Any:
        return self.tcp

    def on_blocked(self) -> None:
        """Do nothing; the test drains the outbox."""

    def _write(self, batch: bytes) -> int:
        self.sent += batch
        return len(batch)

    def _stop_reading(self) -> None:
        self.reads = False

    def _start_reading(self) -> None:
        self.reads = True

    def _shut_down_writing(self) -> None:
        pass

    def _close_transport(self) -> None:
        self.is_gone = True
