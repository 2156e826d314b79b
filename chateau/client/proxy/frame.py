"""What passes through the proxy: frames, and which way they go.

How they are found in the bytes is told in :mod:`chateau.client.proxy.framing`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """Which way something passes."""

    TO_SERVER = "to-server"
    TO_CLIENT = "to-client"


class Speech(StrEnum):
    """What is spoken on a connection, as far as the proxy can tell."""

    WEBSOCKET = "websocket"
    LINES = "lines"
    HTTP = "http"  # requests and answers that stay so; passed on as bytes
    BYTES = "bytes"  # TLS: nothing can be seen


class Kind(StrEnum):
    """What a frame is."""

    TEXT = "text"
    BINARY = "binary"
    CONTINUATION = "continuation"
    PING = "ping"
    PONG = "pong"
    CLOSE = "close"
    LINE = "line"
    BYTES = "bytes"  # a piece of what cannot be read as frames


CONTROL = frozenset({Kind.PING, Kind.PONG, Kind.CLOSE})
DATA = frozenset(Kind) - CONTROL


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: what it says, and the bytes that say it, which are passed on as they came."""

    kind: Kind
    payload: bytes
    raw: bytes
    is_final: bool = True

    @property
    def is_control(self) -> bool:
        return self.kind in CONTROL

    @property
    def payload_start(self) -> int:
        """Where in ``raw`` the payload begins."""
        return 0 if self.kind is Kind.LINE else len(self.raw) - len(self.payload)
