"""Protocols: the name, the path and the framing of each protocol, and its URL on a server.

A protocol that is not in :data:`PROTOCOLS` is used as JSON in text frames over WebSocket, at the path of its
name. The names of requests and pushes are read from the schemas of a protocol.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
"""The name of a protocol; schemas/scenario.json has the same pattern."""

DEFAULT_PORT = 8888
DEFAULT_LINES_PORT = 9090

_CHANNEL = re.compile(r"(?:.*/)?channel/([^/?]+)/?")


@dataclass(frozen=True, slots=True)
class Protocol:
    """A protocol; ``transport`` is ``ws``, ``http`` or ``tcp``, the scheme of its URLs without TLS."""

    name: str
    path: str = ""
    transport: str = "ws"


CHATEAU, FUNCTIONS, OPCODES = "chateau", "functions", "opcodes"
CHANNELS, LINES, HTTP = "channels", "lines", "http"
PROTOCOLS: Mapping[str, Protocol] = {
    CHATEAU: Protocol(CHATEAU, "/ws"),
    FUNCTIONS: Protocol(FUNCTIONS, "/functions"),
    OPCODES: Protocol(OPCODES, "/opcodes"),
    CHANNELS: Protocol(CHANNELS, "/channel"),  # followed by the name of a channel
    LINES: Protocol(LINES, transport="tcp"),
    HTTP: Protocol(HTTP, transport="http"),
}


def protocol_named(name: str) -> Protocol:
    """Return the protocol called *name*; by default, JSON over WebSocket at ``/NAME``."""
    return PROTOCOLS.get(name) or Protocol(name, f"/{name}")


def protocol_at(url: str) -> str:
    """Return the name of the protocol at *url*, from the scheme and the end of the path.

    An unknown path names a protocol of its own: ``/echo`` is ``echo``. The path ``/``, and one whose
    last segment cannot be a name, is ``functions``.
    """
    scheme, path = urlsplit(url).scheme, urlsplit(url).path.rstrip("/")
    if scheme in {"tcp", "tls"}:
        return LINES
    if scheme in {"http", "https"}:
        return HTTP
    if channel_at(path) is not None:
        return CHANNELS
    for name in (CHATEAU, FUNCTIONS, OPCODES):
        if path.endswith(PROTOCOLS[name].path):
            return name
    last = path.rpartition("/")[2]
    return last if NAME.fullmatch(last) and last not in PROTOCOLS else FUNCTIONS


def channel_at(path: str) -> str | None:
    """Return the channel in *path*, such as ``/channel/news/``; None if it has none."""
    found = _CHANNEL.fullmatch(path)
    return unquote(found[1]) if found else None


# Servers


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


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


# The words of a protocol


def schemas_folder() -> Path:
    """Return ``schemas/``: next to the package in a checkout, inside it in an installation."""
    package = Path(__file__).resolve().parents[1]
    folders = (package.parent / "schemas", package / "schemas")
    for folder in folders:
        if (folder / "chateau").is_dir():
            return folder
    raise FileNotFoundError(f"no schemas in {folders[0]} nor in {folders[1]}")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The word for each type of request, and for each type and event of a push, such as ``register``."""

    requests: Mapping[int, str]
    pushes: Mapping[tuple[int, str | None], str]


@cache
def vocabulary(folder: Path | None = None) -> Vocabulary:
    """Read the words from the file names of the schemas in *folder*, by default those of chateau."""
    folder = folder or schemas_folder() / CHATEAU
    requests = {key["type"]: word for word, key in _constants(folder, "request")}
    pushes = {(key["type"], key.get("event")): word for word, key in _constants(folder, "push")}
    return Vocabulary(requests, pushes)


def _constants(folder: Path, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the words of all schemas of *kind*, with the properties that are constant, in order of type."""
    found = []
    for path in folder.glob(f"*-{kind}.json"):
        properties = json.loads(path.read_bytes())["properties"]
        constants = {name: one["const"] for name, one in properties.items() if "const" in one}
        found.append((path.name.removesuffix(f"-{kind}.json"), constants))
    return sorted(found, key=lambda pair: int(pair[1]["type"]))
