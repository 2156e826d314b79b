"""Addresses: where the server is, and the URL of each protocol on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from chateau.client.protocols import OPCODES, protocol_named

DEFAULT_PORT = 8888
DEFAULT_LINES_PORT = 9090


class BadAddress(ValueError):
    """An address is invalid; the text names it and shows a valid one."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server: ``prefix`` precedes every path, ``paths`` replace the paths of protocols."""

    host: str = "localhost"
    port: int = DEFAULT_PORT
    lines_port: int = DEFAULT_LINES_PORT
    opcodes_port: int | None = None  # if the opcode protocol has a port of its own
    secure: bool = False
    prefix: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}{self.prefix}"

    def variables(self) -> dict[str, Any]:
        """Return the variables that a scenario can use."""
        return {"host": self.host, "port": self.port, "lines_port": self.lines_port}

    def url(self, protocol: str, path: str | None = None, channel: str | None = None) -> str:
        """Return the URL of *protocol*: at *path*, of *channel*, or at the path of the protocol."""
        transport = protocol_named(protocol).transport
        if transport == "tcp":
            return f"{'tls' if self.secure else 'tcp'}://{_bracketed(self.host)}:{self.lines_port}"
        if path is None:
            path = self.paths.get(protocol, protocol_named(protocol).path)
            path += f"/{quote(channel, safe='')}/" if channel is not None else ""
        port = self.opcodes_port if protocol == OPCODES and self.opcodes_port else self.port
        scheme = f"{transport}{'s' if self.secure else ''}"
        return f"{scheme}://{_bracketed(self.host)}:{port}{self.prefix}{path}"


def parse_server(text: str) -> Server:
    """Parse ``HOST:PORT``, with ``https://`` before it or a prefix behind it if needed.

    Raises:
        BadAddress: *text* is invalid.
    """
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        is_valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or parts.query or parts.username:
        raise BadAddress(f"{text!r} is not an address such as localhost:8888")
    secure = parts.scheme == "https"
    return Server(
        str(parts.hostname),
        parts.port or (443 if secure else DEFAULT_PORT),
        secure=secure,
        prefix=parts.path.rstrip("/"),
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
