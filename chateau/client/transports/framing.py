"""Framings: what the bytes of a wire mean, without any I/O.

The port that WebSocket, lines and event streams fill; :mod:`chateau.client.transports.connection` moves the
bytes.
"""

from typing import NamedTuple, Protocol

from chateau.client.transcript import Direction, Opcode

LONGEST_BYTES = 16 * 2**20  # of a line or an event


class Step(NamedTuple):
    """Something that came in, or that the framing answers by itself with ``data``."""

    direction: Direction
    opcode: Opcode
    payload: bytes
    data: bytes = b""


class Framing(Protocol):
    """One connection's framing. It fails by :class:`Refused` only, and only before it is ready."""

    is_ready: bool  # the handshake is done
    is_over: bool  # the server said goodbye, or broke the framing: nothing counts that comes after
    flaw: str | None  # how it broke the framing

    def opening(self) -> bytes:
        """What the client sends first."""

    def receive(self, data: bytes) -> list[Step]:
        """What *data* brings. Raises :class:`Refused`."""

    def end(self) -> list[Step]:
        """What the end of the connection brings. Raises :class:`Refused`."""

    def frame(self, opcode: Opcode, payload: bytes) -> bytes:
        """A frame to send. Raises :class:`NotPossible`."""

    def goodbye(self, code: int | None, reason: str) -> Step | None:
        """The frame that says goodbye; None where closing the client's side says it."""

    def unanswered(self) -> str:
        """Why the handshake is not done yet. Raises :class:`Refused` where it is known to be refused."""


def received(opcode: Opcode, payload: bytes) -> Step:
    return Step(Direction.RECEIVED, opcode, payload)


def utf8_flaw(payload: bytes, what: str) -> str | None:
    """Why *payload*, which is *what*, is not UTF-8; None where it is."""
    try:
        payload.decode()
    except UnicodeDecodeError as exc:
        around = payload[max(0, exc.start - 8) : exc.start + 8].hex(" ")
        return f"the server sent {what} that is not UTF-8, at byte {exc.start} (… {around} …)"
    return None
