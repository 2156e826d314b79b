"""One frame as one protocol encodes it, with a note for the reader. All translations are made of these."""

from __future__ import annotations

from typing import Literal, NamedTuple

from chateau.protocols.json_text import encode

Transport = Literal["WebSocket", "TCP", "HTTP", "server-sent events"]
Side = Literal["client", "server"]

PROTOCOLS = ("chateau", "functions", "lines", "opcodes", "channels")
"""The protocols, in the order in which they are shown."""


class EncodedFrame(NamedTuple):
    """*payload*, UTF-8, is a message, a line, an event, or a whole HTTP message of *protocol*.

    *note* describes how it differs from the chateau protocol. Without a payload, *note* is the reason why the
    protocol has no equivalent.
    """

    protocol: str
    transport: Transport | None = None
    sender: Side | None = None
    payload: bytes | None = None
    note: str | None = None


class TargetServer(NamedTuple):
    """The server that the shown requests are for. *host* is the value of the ``Host`` header."""

    host: str
    url_prefix: str = ""
    command_prefix: str = "!"


class NoEquivalentError(Exception):
    """A protocol has nothing for the same purpose; the message is the reason."""


def require(condition: object, reason: str) -> None:
    """Raise :class:`NoEquivalentError` with *reason*, unless *condition* is true."""
    if not condition:
        raise NoEquivalentError(reason)


def encoded(
    protocol: str, sender: Side, value: object, *notes: str | None, transport: Transport = "WebSocket"
) -> EncodedFrame:
    """Return *value*, bytes or a JSON value, as a frame of *protocol*, with all *notes* as one."""
    payload = value if isinstance(value, bytes) else encode(value)
    used: Transport = "TCP" if protocol == "lines" else transport
    return EncodedFrame(protocol, used, sender, payload, " ".join(filter(None, notes)) or None)
