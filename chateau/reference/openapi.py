"""The OpenAPI 3.1 document: publishing, subscribing and the admin API by HTTP.

``openapi.json`` next to this module has the part that is written by hand. This module adds the operations of
the admin API, the addresses of the schemas, and the schemas of bodies. The protocols over WebSocket are
described by :mod:`chateau.reference.asyncapi`.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chateau import __version__
from chateau.protocols.admin import ACTIONS
from chateau.reference.components import Schemas, components, reference_to

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]

CHANNELS = "channels"
ADMIN = "admin"

SCHEMA_FOLDERS = {"": "the test client's files", ADMIN: "the admin API"}
"""What the folders of schemas/ that belong to no protocol are for."""

LISTS = {"sessions": "List the live sessions", "rooms": "List the rooms", "bans": "List the banned addresses"}
STREAMS = {"live": "Watch the server", "tap": "Tap a session"}
STREAM_EVENTS = {"live": ("house", "sessions", "rooms"), "tap": ("frame", "end")}

ALWAYS_POSSIBLE = ("401", "403", "429", "500")
"""Status codes that any request of the admin API can get."""


def openapi(schemas: Schemas) -> Document:
    """Return the document for *schemas*, without servers: see :func:`servers`."""
    document: Document = json.loads(Path(__file__).with_name("openapi.json").read_text("utf-8"))
    schema_page = document.pop("x-schema-page")
    document["info"]["version"] = __version__
    document["paths"] |= _admin_paths(schemas) | dict(_schema_paths(schemas, schema_page))
    document["components"]["schemas"] = components(schemas, CHANNELS) | components(schemas, ADMIN)
    return document


def servers(scheme: str, host: str, url_prefix: str) -> list[Document]:
    """Return this server as reached by *scheme* (http or https) at *host*."""
    return [{"url": f"{scheme}://{host}{url_prefix}"}]


def _schema_paths(schemas: Schemas, operation: Document) -> Iterator[tuple[str, Document]]:
    """Yield the address of the schemas of each folder, with their names."""
    for folder in sorted({path.rpartition("/")[0] for path in schemas}):
        names = sorted(path.rpartition("/")[2] for path in schemas if path.rpartition("/")[0] == folder)
        get = deepcopy(operation) | {
            "operationId": f"get{folder.title() or 'File'}Schema",
            "summary": f"A schema of {SCHEMA_FOLDERS.get(folder, f'the {folder} protocol')}",
        }
        get["parameters"][0]["schema"]["enum"] = names
        yield f"/schemas/{folder}/{{name}}.json" if folder else "/schemas/{name}.json", {"get": get}


def _admin_paths(schemas: Schemas) -> Document:
    lists = {f"/admin/{name}": {"get": _list(name, schemas)} for name in LISTS}
    streams = {f"/admin/{name}": {"get": _stream(name, schemas)} for name in STREAMS}
    actions = {f"/admin/{name}": {"post": _action(name, schemas)} for name in ACTIONS}
    return lists | streams | actions


def _list(name: str, schemas: Schemas) -> Document:
    parameters = _query(name, schemas)
    return {
        **_operation(name, LISTS[name], schemas[f"{ADMIN}/{name}-response"]["description"]),
        "parameters": parameters,
        "responses": {"200": _ok(name, schemas)} | _errors(*(["400"] if parameters else [])),
    }


def _stream(name: str, schemas: Schemas) -> Document:
    events = {"schema": {"type": "string"}, "example": "".join(_events(name, schemas))}
    names = ", ".join(f"`{event}`" for event in STREAM_EVENTS[name])
    ok = {
        "description": f"An event stream. Its events are {names}.",
        "content": {"text/event-stream": events},
    }
    return {
        **_operation(name, STREAMS[name], schemas[f"{ADMIN}/{name}-request"]["description"]),
        "parameters": _query(name, schemas),
        "responses": {"200": ok} | _errors("400", "503", *(["404"] if name == "tap" else [])),
    }


def _action(name: str, schemas: Schemas) -> Document:
    request = schemas[f"{ADMIN}/{name}-request"]
    return {
        **_operation(name, request["title"].removesuffix(" (request)"), request["description"]),
        "requestBody": {"required": True, "content": _json(reference_to(ADMIN, f"{name}-request"))},
        "responses": {"200": _ok(name, schemas)} | _errors("400", "404", "413", "503"),
    }


def _operation(name: str, summary: str, description: str) -> Document:
    return {
        "operationId": f"admin{name.title().replace('-', '')}",
        "tags": [ADMIN],
        "summary": summary,
        "description": description,
        "security": [{"key": []}],
    }


def _query(name: str, schemas: Schemas) -> list[Document]:
    """Return the parameters of the query, which are the fields of the request's schema."""
    schema = schemas.get(f"{ADMIN}/{name}-request", {"properties": {}})
    definitions = schemas[f"{ADMIN}/common"]["$defs"]
    place = reference_to(ADMIN, f"{name}-request")["$ref"]
    return [
        {
            "name": key,
            "in": "query",
            "required": key in schema.get("required", ()),
            "description": definitions[value["$ref"].rpartition("/")[2]]["description"],
            "schema": {"$ref": f"{place}/properties/{key}"},
        }
        for key, value in schema["properties"].items()
    ]


def _events(name: str, schemas: Schemas) -> Iterator[str]:
    for push in STREAM_EVENTS[name]:
        example = json.dumps(schemas[f"{ADMIN}/{push}-push"]["examples"][0], separators=(",", ":"))
        yield f"event: {push}\ndata: {example}\n\n"


def _ok(name: str, schemas: Schemas) -> Document:
    response = f"{name}-response"
    return {
        "description": schemas[f"{ADMIN}/{response}"]["description"],
        "content": _json(reference_to(ADMIN, response)),
    }


def _errors(*statuses: str) -> Document:
    return {
        status: {"$ref": f"#/components/responses/Admin{status}"}
        for status in sorted({*ALWAYS_POSSIBLE, *statuses})
    }


def _json(schema: Document) -> Document:
    return {"application/json": {"schema": schema}}
