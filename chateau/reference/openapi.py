"""The OpenAPI 3.1 document: publishing, subscribing and the admin API by HTTP.

``openapi.json`` next to this module has the part that is written by hand. This module adds the operations of
the admin API, the addresses of the schemas, and the schemas of bodies. The protocols over WebSocket are
described by :mod:`chateau.reference.asyncapi`.
"""

from __future__ import annotations

import json
from copy import deepcopy
from itertools import groupby
from operator import itemgetter
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
    paths = sorted(path.rpartition("/")[::2] for path in schemas)
    for folder, names in groupby(paths, key=itemgetter(0)):
        get = deepcopy(operation) | {
            "operationId": f"get{folder.title() or 'File'}Schema",
            "summary": f"A schema of {SCHEMA_FOLDERS.get(folder, f'the {folder} protocol')}",
        }
        get["parameters"][0]["schema"]["enum"] = [name for _, name in names]
        yield f"/schemas/{folder}/{{name}}.json" if folder else "/schemas/{name}.json", {"get": get}


def _admin_paths(schemas: Schemas) -> Document:
    lists = {f"/admin/{name}": {"get": _list(name, schemas)} for name in LISTS}
    streams = {f"/admin/{name}": {"get": _stream(name, schemas)} for name in STREAMS}
    actions = {f"/admin/{name}": {"post": _action(name, schemas)} for name in ACTIONS}
    return lists | streams | actions


def _list(name: str, schemas: Schemas) -> Document:
    query, about = _query(name, schemas), schemas[f"{ADMIN}/{name}-response"]["description"]
    return _operation(
        name, LISTS[name], about, _response(name, schemas), ["400"] if query else [], parameters=query
    )


def _stream(name: str, schemas: Schemas) -> Document:
    names = ", ".join(f"`{event}`" for event in STREAM_EVENTS[name])
    events = {"schema": {"type": "string"}, "example": "".join(_events(name, schemas))}
    ok = {
        "description": f"An event stream. Its events are {names}.",
        "content": {"text/event-stream": events},
    }
    about = schemas[f"{ADMIN}/{name}-request"]["description"]
    statuses = ["400", "503", *(["404"] if name == "tap" else [])]
    return _operation(name, STREAMS[name], about, ok, statuses, parameters=_query(name, schemas))


def _action(name: str, schemas: Schemas) -> Document:
    request = schemas[f"{ADMIN}/{name}-request"]
    summary = request["title"].removesuffix(" (request)")
    body = {"required": True, "content": _json(f"{name}-request")}
    statuses = ["400", "404", "413", "415", "503"]
    ok = _response(name, schemas)
    return _operation(name, summary, request["description"], ok, statuses, requestBody=body)


def _operation(
    name: str, summary: str, description: str, ok: Document, statuses: list[str], **request: Any
) -> Document:
    """Return the operation that takes *request* and responds with *ok* or an error of *statuses*."""
    errors = {
        status: {"$ref": f"#/components/responses/Admin{status}"}
        for status in sorted({*ALWAYS_POSSIBLE, *statuses})
    }
    return {
        "operationId": f"admin{name.title().replace('-', '')}",
        "tags": [ADMIN],
        "summary": summary,
        "description": description,
        "security": [{"key": []}],
        **request,
        "responses": {"200": ok} | errors,
    }


def _query(name: str, schemas: Schemas) -> list[Document]:
    """Return the parameters of the query, which are the fields of the request's schema.

    Their schemas are written out: generators do not resolve references from parameters to parts of schemas.
    """
    schema = schemas.get(f"{ADMIN}/{name}-request", {"properties": {}})
    definitions = schemas[f"{ADMIN}/common"]["$defs"]
    fields = {
        key: definitions[value["$ref"].rpartition("/")[2]] for key, value in schema["properties"].items()
    }
    return [
        {
            "name": key,
            "in": "query",
            "required": key in schema.get("required", ()),
            "description": field["description"],
            "schema": {keyword: value for keyword, value in field.items() if keyword != "description"},
        }
        for key, field in fields.items()
    ]


def _events(name: str, schemas: Schemas) -> Iterator[str]:
    for push in STREAM_EVENTS[name]:
        example = json.dumps(schemas[f"{ADMIN}/{push}-push"]["examples"][0], separators=(",", ":"))
        yield f"event: {push}\ndata: {example}\n\n"


def _response(name: str, schemas: Schemas) -> Document:
    description = schemas[f"{ADMIN}/{name}-response"]["description"]
    return {"description": description, "content": _json(f"{name}-response")}


def _json(schema: str) -> Document:
    return {"application/json": {"schema": reference_to(ADMIN, schema)}}
