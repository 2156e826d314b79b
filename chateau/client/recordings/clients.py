"""The clients of a recording, as a scenario has them."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from chateau.client.recordings.volatile import escaped
from chateau.client.transcript import Entry

PROTOCOLS = ("chateau", "functions", "lines", "opcodes", "channels", "http")
PATHS = {"chateau": "/ws", "functions": "/functions", "opcodes": "/opcodes", "lines": ""}
_CHANNEL = re.compile(r"/channel/([^/?]+)/?")
_NAME = re.compile(r"[^\s$/][^$]{0,39}")

Value = dict[str, Any]


def client_names(entries: Sequence[Entry]) -> dict[str, str]:
    """The names of the clients, where need be others than those of the recording."""
    names: dict[str, str] = {}
    for entry in entries:
        if entry.client not in names:
            fits = _NAME.fullmatch(entry.client)
            names[entry.client] = entry.client if fits else f"client-{len(names) + 1}"
    return names


def client_of(said: Value) -> Value:
    """A client, from what its opening said."""
    url = urlsplit(said.get("url", ""))
    path = url.path + (f"?{url.query}" if url.query else "")
    protocol = said.get("protocol")
    client: Value = {"protocol": protocol if protocol in PROTOCOLS else _protocol_at(url.scheme, url.path)}
    if client["protocol"] == "channels" and (found := _CHANNEL.fullmatch(path)):
        client["channel"] = escaped(unquote(found[1]))
    elif client["protocol"] != "lines" and path != PATHS.get(client["protocol"]):
        client["path"] = escaped(path or "/")
    if said.get("headers"):
        client["headers"] = {name: escaped(value) for name, value in said["headers"]}
    if said.get("from"):
        client["from"] = said["from"]
    return client


def _protocol_at(scheme: str, path: str) -> str:
    if scheme in {"tcp", "tls"}:
        return "lines"
    if scheme in {"http", "https"}:
        return "http"
    if _CHANNEL.fullmatch(path):
        return "channels"
    return next(
        (protocol for protocol, place in PATHS.items() if place and path.endswith(place)), "functions"
    )


def place_of(client: Value) -> Any:
    return client.get("path"), client.get("channel")
