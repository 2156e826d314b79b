"""The AsyncAPI 3.0 document: the messages of each endpoint, and who sends them.

Messages are the files of schemas/; their names connect responses to requests. Three more have no schema,
because a publication may be anything. :mod:`chateau.reference.openapi` describes publishing by HTTP in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from chateau import __version__
from chateau.reference.components import (
    KINDS,
    Schemas,
    components,
    kind_of,
    messages_of,
    reference_to,
)

if TYPE_CHECKING:
    from chateau.protocols.spec import EndpointSpec, ProtocolSpec

Document = dict[str, Any]

WEBSOCKET = "websocket"
HTTP = "http"

CHANNEL_NAME = {
    "description": "The channel's name. It is trimmed, put into lower case, and each _ becomes a colon.",
    "examples": ["news", "User_22"],
}


UNWRITTEN: dict[str, Document] = {
    "package-push": {
        "title": "Publication (push)",
        "summary": "The payload as it was published: text and JSON in text frames, bytes in binary frames.",
        "contentType": "text/plain",
        "payload": {"description": "Any text, any JSON, any bytes."},
        "examples": [{"payload": "Hi all"}],
    },
    "package-request": {
        "title": "Publication (request)",
        "summary": "The body is the payload; the header Package-Type is text, json or bytes.",
        "contentType": "text/plain",
        "payload": {"description": "Any text, any JSON, any bytes."},
        "examples": [{"payload": "Hi all"}],
    },
    "close-request": {
        "title": "Close (request)",
        "summary": "Closes the connection. All other messages of a subscriber are ignored.",
        "contentType": "text/plain",
        "payload": {"const": "close"},
        "examples": [{"payload": "close"}],
    },
}

ALSO_POSSIBLE = {("opcodes", "message-request"): ("cache-response",)}  # the first message logs in

_BINDINGS = {
    WEBSOCKET: {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    HTTP: {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
}


def asyncapi(specs: Sequence[ProtocolSpec], schemas: Schemas, url_prefix: str) -> Document:
    """Return the document of the protocols *specs*, without servers: see :func:`servers`."""
    routes = [
        Route(spec, endpoint)
        for spec in specs
        for endpoint in spec.endpoints
        if endpoint.transport in (WEBSOCKET, HTTP) and endpoint.port_setting is None
    ]
    protocols = list(dict.fromkeys(route.protocol for route in routes))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chateau",
            "version": __version__,
            "description": "One hub of users, rooms and messages, with a choice of protocols over WebSocket. "
            "receive is what the server receives, send what it sends.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {},
        "channels": {route.endpoint.name: _channel(route, schemas) for route in routes},
        "operations": _operations(routes, schemas),
        "components": {
            "messages": _messages(routes, schemas, url_prefix),
            "schemas": {
                name: schema
                for protocol in sorted(protocols)
                for name, schema in components(schemas, protocol).items()
            },
        },
    }


class Route(NamedTuple):
    """An endpoint with the protocol that it belongs to."""

    spec: ProtocolSpec
    endpoint: EndpointSpec

    @property
    def protocol(self) -> str:
        return self.spec.name


def servers(scheme: str, host: str, url_prefix: str) -> Document:
    """Return this server as reached by *scheme* (http or https) at *host*."""
    path = {"pathname": url_prefix} if url_prefix else {}
    return {
        WEBSOCKET: {"host": host, **path, "protocol": "wss" if scheme == "https" else "ws"},
        HTTP: {"host": host, **path, "protocol": scheme},
    }


def _messages(routes: Sequence[Route], schemas: Schemas, url_prefix: str) -> Document:
    """Return every message, by its protocol and its name."""
    messages = {
        f"{route.protocol}.{name}": _message(route.protocol, name, schema, url_prefix)
        for route in routes
        for name, schema in messages_of(schemas, route.protocol).items()
    }
    return messages | {
        f"{route.protocol}.{name}": {"name": name, **UNWRITTEN[name]}
        for route in routes
        for name in route.endpoint.unwritten
    }


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


def _names(route: Route, schemas: Schemas, *kinds: str) -> list[str]:
    """Return the messages of *kinds* that pass through the endpoint."""
    written = [name for name in messages_of(schemas, route.protocol) if kind_of(name) in route.endpoint.kinds]
    return [name for name in (*written, *route.endpoint.unwritten) if kind_of(name) in kinds]


def _channel(route: Route, schemas: Schemas) -> Document:
    channel: Document = {
        "address": route.endpoint.address,
        "title": route.endpoint.title,
        "description": route.endpoint.description,
        "servers": [{"$ref": f"#/servers/{route.endpoint.transport}"}],
        "messages": {
            name: {"$ref": f"#/components/messages/{route.protocol}.{name}"}
            for name in _names(route, schemas, *KINDS)
        },
    }
    if "{name}" in route.endpoint.address:
        channel["parameters"] = {"name": CHANNEL_NAME}
    if route.endpoint.transport == WEBSOCKET:
        channel["bindings"] = _BINDINGS[WEBSOCKET]
    return channel


def _operations(routes: Sequence[Route], schemas: Schemas) -> Document:
    """Return what the server receives and sends at each endpoint; responses are with their requests."""
    return {
        f"{route.endpoint.name}.{name}": _operation(route, name, schemas)
        for route in routes
        for name in _names(route, schemas, "request", "push")
    }


def _operation(route: Route, name: str, schemas: Schemas) -> Document:
    about = schemas.get(f"{route.protocol}/{name}") or UNWRITTEN[name]
    operation: Document = {
        "action": "send" if kind_of(name) == "push" else "receive",
        "channel": {"$ref": f"#/channels/{route.endpoint.name}"},
        "title": about["title"],
        "summary": about.get("summary") or about["description"],
        "messages": _references(route, [name]),
    }
    if route.endpoint.transport == HTTP:
        operation["bindings"] = _BINDINGS[HTTP]
    if kind_of(name) == "request" and (responses := _responses(route, name, schemas)):
        operation["reply"] = {
            "channel": {"$ref": f"#/channels/{route.endpoint.name}"},
            "messages": _references(route, responses),
        }
    return operation


def _responses(route: Route, request: str, schemas: Schemas) -> list[str]:
    """Return the responses to *request*: its own, and those that belong to no single request."""
    subject = request.removesuffix("-request")
    subjects = {name.removesuffix("-request") for name in _names(route, schemas, "request")} - {subject}
    responses = [
        name for name in _names(route, schemas, "response") if name.removesuffix("-response") not in subjects
    ]
    return [*responses, *ALSO_POSSIBLE.get((route.protocol, request), ())]


def _references(route: Route, names: list[str]) -> list[Document]:
    return [{"$ref": f"#/channels/{route.endpoint.name}/messages/{name}"} for name in names]
