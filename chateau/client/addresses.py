"""Addresses: where the server is, and where on it each protocol is spoken.

The paths are those of the five protocols' own documents; the command line may say otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

PATHS = {"chateau": "/ws", "functions": "/functions", "opcodes": "/opcodes"}
LINES = "lines"
HTTP = "http"
OPCODES = "opcodes"
DEFAULT_PORT = 8888
DEFAULT_LINES_PORT = 9090


class BadAddress(ValueError):
    """What was given is no address; the text says what one looks like."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server: ``prefix`` stands before every path, ``paths`` are in place of the protocols' own."""

    host: str = "localhost"
    port: int = DEFAULT_PORT
    lines_port: int = DEFAULT_LINES_PORT
    opcodes_port: int | None = None  # where it is another than that of the rest
    secure: bool = False
    prefix: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}{self.prefix}"

    def variables(self) -> dict[str, Any]:
        return {"host": self.host, "port": self.port, "lines_port": self.lines_port}

    def url(self, protocol: str, path: str | None = None, channel: str | None = None) -> str:
        """Where *protocol* is spoken: at *path*, or where *channel* is, or at its own place."""
        letter = "s" if self.secure else ""
        if protocol == LINES:
            return f"{'tls' if self.secure else 'tcp'}://{_bracketed(self.host)}:{self.lines_port}"
        scheme = f"http{letter}" if protocol == HTTP else f"ws{letter}"
        if path is None:
            path = self._path(protocol, channel)
        port = self.opcodes_port if protocol == OPCODES and self.opcodes_port else self.port
        return f"{scheme}://{_bracketed(self.host)}:{port}{self.prefix}{path}"

    def _path(self, protocol: str, channel: str | None) -> str:
        if channel is not None:
            return f"{self.paths.get(protocol, '/channel')}/{quote(channel, safe='')}/"
        return self.paths.get(protocol, PATHS.get(protocol, ""))


def parse_server(text: str) -> Server:
    """The server that ``HOST:PORT`` means; ``https://`` may stand before it, and a prefix behind it.

    Raises:
        BadAddress: *text* is none of that.
    """
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError as exc:
        raise BadAddress(_what_it_takes(text)) from exc
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or port == 0
        or parts.query
        or parts.username
    ):
        raise BadAddress(_what_it_takes(text))
    secure = parts.scheme == "https"
    return Server(
        parts.hostname,
        port or (443 if secure else DEFAULT_PORT),
        secure=secure,
        prefix=parts.path.rstrip("/"),
    )


def _what_it_takes(text: str) -> str:
    return f"{text!r} is not an address such as localhost:8888"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
