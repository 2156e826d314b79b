"""Writings: one frame, written by one protocol, and what is to be said of it.

They are what all other modules here deal in.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Wire = Literal["WebSocket", "TCP", "HTTP", "server-sent events"]
Who = Literal["client", "server"]

PROTOCOLS = ("chateau", "functions", "lines", "opcodes", "channels")
"""In the order in which they are told of."""


class Writing(NamedTuple):
    """*payload*, UTF-8, as *protocol* has it: a message, a line, an event, or a whole HTTP message.

    Who writes it is the client or the server; *note* says what differs, or why there is no such thing.
    """

    protocol: str
    wire: Wire | None = None
    who: Who | None = None
    payload: bytes | None = None
    note: str | None = None


class Place(NamedTuple):
    """Where the server is, and what it takes: what a client of it has to know."""

    host: str  # as in the header Host
    url_prefix: str = ""
    command_prefix: str = "!"


def nothing(protocol: str, note: str) -> list[Writing]:
    """No writing, and why."""
    return [Writing(protocol, note=note)]


def joined(*notes: str | None) -> str | None:
    """*notes*, those that there are, as one; None where there is none."""
    return " ".join(note for note in notes if note) or None
