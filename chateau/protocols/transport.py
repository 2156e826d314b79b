"""The interface between protocols and transports.

The transport opens a peer for each connection and passes it whole messages, one after the other; the peer
responds through its outbox. All calls are made by one thread; none of them waits or raises, and none of them
works for longer than about a millisecond beyond decoding: see ``Steps``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from chateau.hub.session import Session

NORMAL_CLOSURE: Final = 1000
POLICY_VIOLATION: Final = 1008
TRY_AGAIN_LATER: Final = 1013
"""Codes that a peer may disconnect with (RFC 6455, section 7.4.1, and IANA's registry of close codes)."""

ENVELOPE_OVERHEAD_BYTES: Final = 1536
"""Maximum number of bytes that a frame of any protocol adds to the request whose content it relays.

A stored message has at most 450 bytes more than its request: sender, id, time, seq, and the name of the room
as it was first written. A history response has more around its messages.
"""


Steps = Iterator[None]
"""The rest of a request that is too much work for one turn. Each step takes at most about a millisecond. The
transport takes one step per turn, and passes the client's next message on when there are no more."""


class Outbox(Protocol):
    """Sends to one client. Payloads are sent in order, at the end of the loop iteration."""

    def send(self, payload: bytes) -> None:
        """Send *payload*, UTF-8, as one text message. After the end of the connection it is discarded."""

    def send_binary(self, payload: bytes) -> None:
        """Send *payload* as one binary message, if the transport has those."""

    def disconnect(self, code: int, reason: str) -> None:
        """End the session and close after all queued payloads; WebSockets are sent *code* and *reason*."""

    def charge(self, tokens: float) -> None:
        """Take *tokens* from the client for the present request, above the one that every message costs."""


Broadcast = Callable[[bytes, Iterable[Outbox]], None]
"""Sends one payload to many outboxes of one transport, framed once."""


class Peer(Protocol):
    """One client, on the side of its protocol."""

    @property
    def session(self) -> Session | None:
        """Its session; None for clients that only observe the server."""

    def on_open(self) -> Steps | None:
        """Begin. Called once, first."""

    def on_text(self, text: str) -> Steps | None:
        """Handle a text message; return what is left to do, or None."""

    def on_excess(self, message: str | bytes) -> None:
        """Refuse *message*, text or binary, which is above the client's rate."""

    def on_binary(self, payload: bytes) -> None:
        """Handle a binary message."""

    def on_close(self) -> None:
        """Handle the end of the connection. Called once, last."""


class LinePeer(Peer, Protocol):
    """A peer on a transport where a client can close its sending side."""

    def on_end(self) -> None:
        """Handle the end of input. The client may still receive; the peer disconnects when it is done."""


class Endpoint(Protocol):
    """A protocol, on the side of the transport."""

    def open(self, outbox: Outbox, address: str, port: int) -> Peer:
        """Open a peer for a client that connected from *address* and *port*; *outbox* sends to it."""
