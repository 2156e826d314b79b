"""The AsyncAPI 3.0 document: what is said over each WebSocket, and by whom.

Messages are the files of schemas/; which answer belongs to which request is read from their names. Besides
them there are three that no schema can describe, because they may be anything: the packages of a channel.
Publishing by HTTP is told in full by :mod:`chateau.reference.openapi`; here it is only as far
as its messages are schemas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chateau import __version__
from chateau.reference.components import (
    KINDS,
    Schemas,
    components,
    kind_of,
    messages_of,
    reference_to,
)

Document = dict[str, Any]

WEBSOCKET = "websocket"
HTTP = "http"

CHANNEL_NAME = {
    "description": "The channel's name. It is trimmed, put into lower case, and each _ becomes a colon.",
    "examples": ["news", "User_22"],
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address, and which of its protocol's messages go through it."""

    name: str
    address: str
    protocol: str
    title: str
    description: str
    server: str = WEBSOCKET
    kinds: tuple[str, ...] = KINDS
    unwritten: tuple[str, ...] = ()  # names in UNWRITTEN


DOORS = (
    Endpoint("chateau", "/ws", "chateau", "The chateau protocol", "JSON in text frames, with numeric types."),
    Endpoint("functions", "/functions", "functions", "The functions protocol", "JSON calls in text frames."),
    Endpoint(
        "root",
        "/",
        "functions",
        "The functions protocol, at the root",
        "The same as at /functions, for clients that know the server only by its host and port.",
    ),
    Endpoint(
        "opcodes",
        "/opcodes",
        "opcodes",
        "The opcodes protocol",
        "JSON in text frames, with op and d. With --opcodes-port also at any path of that port.",
    ),
    Endpoint(
        "channel",
        "/channel/{name}/",
        "channels",
        "A channel, to listen to",
        "Packages as they were published, and text frames about the room. The final slash is optional.",
        kinds=("push",),
        unwritten=("package-push", "close-request"),
    ),
    Endpoint(
        "publish",
        "/channel/{name}/",
        "channels",
        "A channel, to publish to",
        "POST one package. Headers and passwords are described in openapi.json.",
        server=HTTP,
        kinds=("response",),
        unwritten=("package-request",),
    ),
    Endpoint(
        "broadcast",
        "/broadcast/",
        "channels",
        "Many channels, to publish to",
        "POST packages for many channels. Headers and passwords are described in openapi.json.",
        server=HTTP,
        kinds=("request", "response"),
    ),
)

UNWRITTEN: dict[str, Document] = {
    "package-push": {
        "title": "Package (push)",
        "summary": "What was published, as it was sent: text and JSON in text frames, bytes in binary ones.",
        "contentType": "text/plain",
        "payload": {"description": "Any text, any JSON, any bytes."},
        "examples": [{"payload": "Hi all"}],
    },
    "package-request": {
        "title": "Package (request)",
        "summary": "The body is the package; the header Package-Type says whether it is text, json or bytes.",
        "contentType": "text/plain",
        "payload": {"description": "Any text, any JSON, any bytes."},
        "examples": [{"payload": "Hi all"}],
    },
    "close-request": {
        "title": "Close (request)",
        "summary": "Closes the connection. Whatever else a subscriber says is ignored.",
        "contentType": "text/plain",
        "payload": {"const": "close"},
        "examples": [{"payload": "close"}],
    },
}

ALSO_ANSWERED_BY = {("opcodes", "message-request"): ("cache-response",)}  # the first one logs in

_BINDINGS = {
    WEBSOCKET: {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    HTTP: {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
}


def asyncapi(schemas: Schemas, url_prefix: str) -> Document:
    """The document for *schemas*. Where the server is, only a request can tell: see :func:`servers`."""
    protocols = sorted({endpoint.protocol for endpoint in DOORS})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chateau",
            "version": __version__,
            "description": "One house of users, rooms and messages, by four protocols over WebSocket. "
            "receive is what the server receives, send what it sends.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {},
        "channels": {endpoint.name: _channel(endpoint, schemas) for endpoint in DOORS},
        "operations": _operations(schemas),
        "components": {
            "messages": _messages(schemas, protocols, url_prefix),
            "schemas": {
                name: schema
                for protocol in protocols
                for name, schema in components(schemas, protocol).items()
            },
        },
    }


def servers(scheme: str, host: str, url_prefix: str) -> Document:
    """This server, reached by *scheme* (http or https) at *host*."""
    path = {"pathname": url_prefix} if url_prefix else {}
    return {
        WEBSOCKET: {"host": host, **path, "protocol": "wss" if scheme == "https" else "ws"},
        HTTP: {"host": host, **path, "protocol": scheme},
    }


def _messages(schemas: Schemas, protocols: list[str], url_prefix: str) -> Document:
    """Every message, by its protocol and its name."""
    written = {
        f"{protocol}.{name}": _message(protocol, name, schema, url_prefix)
        for protocol in protocols
        for name, schema in messages_of(schemas, protocol).items()
    }
    return written | {f"channels.{name}": {"name": name, **message} for name, message in UNWRITTEN.items()}


def _message(protocol: str, name: str, schema: Any, url_prefix: str) -> Document:
    return {
        "name": name,
        "title": schema["title"],
        "summary": schema["description"],
        "contentType": "application/json",
        "payload": reference_to(protocol, name),
        "examples": [{"payload": example} for example in schema["examples"]],
        "x-schema": f"{url_prefix}/schemas/{protocol}/{name}.json",
    }


def _names(endpoint: Endpoint, schemas: Schemas, *kinds: str) -> list[str]:
    """The messages of *kinds* that go through *endpoint*."""
    written = [name for name in messages_of(schemas, endpoint.protocol) if kind_of(name) in endpoint.kinds]
    return [name for name in (*written, *endpoint.unwritten) if kind_of(name) in kinds]


def _channel(endpoint: Endpoint, schemas: Schemas) -> Document:
    channel: Document = {
        "address": endpoint.address,
        "title": endpoint.title,
        "description": endpoint.description,
        "servers": [{"$ref": f"#/servers/{endpoint.server}"}],
        "messages": {
            name: {"$ref": f"#/components/messages/{endpoint.protocol}.{name}"}
            for name in _names(endpoint, schemas, *KINDS)
        },
    }
    if "{name}" in endpoint.address:
        channel["parameters"] = {"name": CHANNEL_NAME}
    if endpoint.server == WEBSOCKET:
        channel["bindings"] = _BINDINGS[WEBSOCKET]
    return channel


def _operations(schemas: Schemas) -> Document:
    """What the server receives and sends through each door. Answers are with their requests."""
    return {
        f"{endpoint.name}.{name}": _operation(endpoint, name, schemas)
        for endpoint in DOORS
        for name in _names(endpoint, schemas, "request", "push")
    }


def _operation(endpoint: Endpoint, name: str, schemas: Schemas) -> Document:
    about = schemas.get(f"{endpoint.protocol}/{name}") or UNWRITTEN[name]
    operation: Document = {
        "action": "send" if kind_of(name) == "push" else "receive",
        "channel": {"$ref": f"#/channels/{endpoint.name}"},
        "title": about["title"],
        "summary": about.get("summary") or about["description"],
        "messages": _references(endpoint, [name]),
    }
    if endpoint.server == HTTP:
        operation["bindings"] = _BINDINGS[HTTP]
    if kind_of(name) == "request" and (answers := _answers(endpoint, name, schemas)):
        operation["reply"] = {
            "channel": {"$ref": f"#/channels/{endpoint.name}"},
            "messages": _references(endpoint, answers),
        }
    return operation


def _answers(endpoint: Endpoint, request: str, schemas: Schemas) -> list[str]:
    """What *request* may be answered by: its own answer, and those that are no single request's."""
    subject = request.removesuffix("-request")
    subjects = {name.removesuffix("-request") for name in _names(endpoint, schemas, "request")} - {subject}
    answers = [
        name
        for name in _names(endpoint, schemas, "response")
        if name.removesuffix("-response") not in subjects
    ]
    return [*answers, *ALSO_ANSWERED_BY.get((endpoint.protocol, request), ())]


def _references(endpoint: Endpoint, names: list[str]) -> list[Document]:
    return [{"$ref": f"#/channels/{endpoint.name}/messages/{name}"} for name in names]
