"""What a protocol and the wire below it need of each other.

The wire opens a peer for each connection and hands it whole messages, one after the other; the peer
answers through its outbox. Neither is called by two threads, and none of these calls waits or raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from chateau.hub.session import Session

NORMAL_CLOSURE: Final = 1000
POLICY_VIOLATION: Final = 1008
TRY_AGAIN_LATER: Final = 1013
"""Codes that a peer may disconnect with (RFC 6455, section 7.4.1, and IANA's registry of close codes)."""

ENVELOPE_OVERHEAD_BYTES: Final = 1536
"""What a frame, of any protocol, may add to the request whose content it passes on.

A message as it is kept has 450 bytes more than its request at most: sender, id, time, seq, and the room's
name as it was first written. A history answer has more around its messages.
"""


class Outbox(Protocol):
    """The way out to one client. What is put in leaves in order, at the end of the loop's turn."""

    def send(self, payload: bytes) -> None:
        """Send *payload*, UTF-8, as one text message. After the connection's end it goes nowhere."""

    def send_binary(self, payload: bytes) -> None:
        """Send *payload* as one binary message, where the wire knows of such."""

    def disconnect(self, code: int, reason: str) -> None:
        """End the session and close, behind all that waits; a WebSocket is told *code* and *reason*."""


Broadcast = Callable[[bytes, Iterable[Outbox]], None]
"""Sends one payload to many outboxes of one wire, framed once."""


class Peer(Protocol):
    """One client, as its protocol sees it."""

    @property
    def session(self) -> Session | None:
        """Its session in the house; None where it has none, as those have who only watch the house."""

    def on_text(self, text: str) -> None:
        """A text message has come."""

    def on_binary(self, payload: bytes) -> None:
        """A binary message has come."""

    def on_close(self) -> None:
        """The connection is gone, or will take nothing more. Called once, last."""


class LinePeer(Peer, Protocol):
    """The same on a wire where a client can say that it has nothing more to say."""

    def on_end(self) -> None:
        """Nothing more will come, but the client may listen; the peer is to disconnect when it is done."""


class Endpoint(Protocol):
    """A protocol, as the wire sees it."""

    def open(self, outbox: Outbox, address: str, port: int) -> Peer:
        """A client at *address* and *port* has connected; it is spoken to through *outbox*."""
