"""The AsyncAPI 3.0 document: the messages of each endpoint, and who sends them.

``asyncapi.json`` next to this module has the part that is written by hand, such as the three messages without
a schema, because a publication may be anything. All others are files of schemas/; their names connect
responses to requests. :mod:`chateau.reference.openapi` describes publishing by HTTP in full.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from chateau import __version__
from chateau.reference.components import Schemas, components, kind_of, messages_of, reference_to

if TYPE_CHECKING:
    from chateau.protocols.spec import EndpointSpec, ProtocolSpec

Document = dict[str, Any]

WEBSOCKET = "websocket"
HTTP = "http"

_WRITTEN: Document = json.loads(Path(__file__).with_name("asyncapi.json").read_text("utf-8"))
_CHANNEL_NAME: Document = _WRITTEN.pop("x-channel-name")
UNWRITTEN: dict[str, Document] = _WRITTEN.pop("x-messages-without-a-schema")

ALSO_POSSIBLE = {("opcodes", "message-request"): ("cache-response",)}  # the first message logs in

_BINDINGS = {
    WEBSOCKET: {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    HTTP: {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
}


class Route(NamedTuple):
    """An endpoint of *protocol* with the *messages* that pass through it, by name."""

    protocol: str
    endpoint: EndpointSpec
    messages: dict[str, Document]

    def names(self, *kinds: str) -> list[str]:
        """Return the names of the messages of *kinds*."""
        return [name for name in self.messages if kind_of(name) in kinds]

    def references(self, names: Sequence[str]) -> list[Document]:
        """Return references to the messages *names*."""
        return [{"$ref": f"#/channels/{self.endpoint.name}/messages/{name}"} for name in names]


def asyncapi(specs: Sequence[ProtocolSpec], schemas: Schemas, url_prefix: str) -> Document:
    """Return the document of the protocols *specs*, without servers: see :func:`servers`."""
    routes = [
        Route(spec.name, endpoint, _messages_at(endpoint, spec.name, schemas))
        for spec in specs
        for endpoint in spec.endpoints
        if endpoint.transport in _BINDINGS and endpoint.port_setting is None
    ]
    document = deepcopy(_WRITTEN)
    document["info"]["version"] = __version__
    document["channels"] = {route.endpoint.name: _channel(route) for route in routes}
    document["operations"] = {
        f"{route.endpoint.name}.{name}": _operation(route, name)
        for route in routes
        for name in route.names("request", "push")
    }
    document["components"] = {
        "messages": _messages(routes, schemas, url_prefix),
        "schemas": {
            name: schema
            for protocol in sorted({route.protocol for route in routes})
            for name, schema in components(schemas, protocol).items()
        },
    }
    return document


def servers(scheme: str, host: str, url_prefix: str) -> Document:
    """Return this server as reached by *scheme* (http or https) at *host*."""
    path = {"pathname": url_prefix} if url_prefix else {}
    return {
        WEBSOCKET: {"host": host, **path, "protocol": "wss" if scheme == "https" else "ws"},
        HTTP: {"host": host, **path, "protocol": scheme},
    }


def _messages_at(endpoint: EndpointSpec, protocol: str, schemas: Schemas) -> dict[str, Document]:
    written = messages_of(schemas, protocol)
    return {name: schema for name, schema in written.items() if kind_of(name) in endpoint.kinds} | {
        name: UNWRITTEN[name] for name in endpoint.unwritten
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


def _channel(route: Route) -> Document:
    endpoint = route.endpoint
    channel: Document = {
        "address": endpoint.address,
        "title": endpoint.title,
        "description": endpoint.description,
        "servers": [{"$ref": f"#/servers/{endpoint.transport}"}],
        "messages": {
            name: {"$ref": f"#/components/messages/{route.protocol}.{name}"} for name in route.messages
        },
    }
    if "{name}" in endpoint.address:
        channel["parameters"] = {"name": _CHANNEL_NAME}
    if endpoint.transport == WEBSOCKET:
        channel["bindings"] = _BINDINGS[WEBSOCKET]
    return channel


def _operation(route: Route, name: str) -> Document:
    """Return that the server receives or sends the message *name*; responses are with their requests."""
    about = route.messages[name]
    channel = {"$ref": f"#/channels/{route.endpoint.name}"}
    operation: Document = {
        "action": "send" if kind_of(name) == "push" else "receive",
        "channel": channel,
        "title": about["title"],
        "summary": about.get("summary") or about["description"],
        "messages": route.references([name]),
    }
    if route.endpoint.transport == HTTP:
        operation["bindings"] = _BINDINGS[HTTP]
    if kind_of(name) == "request" and (responses := _responses(route, name)):
        operation["reply"] = {"channel": channel, "messages": route.references(responses)}
    return operation


def _responses(route: Route, request: str) -> list[str]:
    """Return the responses to *request*: its own, and those that belong to no single request."""
    others = {name.removesuffix("-request") for name in route.names("request")}
    others.remove(request.removesuffix("-request"))
    responses = [name for name in route.names("response") if name.removesuffix("-response") not in others]
    return [*responses, *ALSO_POSSIBLE.get((route.protocol, request), ())]
