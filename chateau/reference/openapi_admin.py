"""The admin API's part of the OpenAPI document: its addresses, from the schemas of schemas/admin/."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chateau.protocols.admin import ACTIONS
from chateau.reference.components import Schemas, reference_to

if TYPE_CHECKING:
    from collections.abc import Iterable

Document = dict[str, Any]

ADMIN = "admin"
TAG = "admin"

READINGS = {
    "sessions": "List the live sessions",
    "rooms": "List the rooms",
    "bans": "List the banned addresses",
}

STREAMS = {"live": "Watch the house", "tap": "Tap a session"}

PUSHES = {"live": ("house", "sessions", "rooms"), "tap": ("frame", "end")}
"""The events of each stream."""

SECURITY: list[Document] = [{"key": []}]

SECURITY_SCHEMES: Document = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "Authorization: Bearer KEY: the server's --secret-key. Without one the API is off.",
    }
}

REFUSALS = {
    "400": "The body or the query is not as its schema says, or a name in it can be none.",
    "401": "The key is missing or wrong.",
    "403": "The API is off: the server has no --secret-key.",
    "404": "There is no such session, room or user.",
    "413": "The body is longer than 64 KiB.",
    "429": "Too many wrong keys came from this address.",
    "500": "The server failed; its log says how.",
    "503": "It cannot be done now.",
}

_ALWAYS = ("401", "403", "429", "500")


def paths(schemas: Schemas) -> Document:
    """The addresses."""
    readings = {f"/admin/{name}": {"get": _reading(name, schemas)} for name in READINGS}
    streams = {f"/admin/{name}": {"get": _stream(name, schemas)} for name in STREAMS}
    actions = {f"/admin/{name}": {"post": _action(name, schemas)} for name in ACTIONS}
    return readings | streams | actions


def responses() -> Document:
    """The refusals, by the names that :func:`paths` calls them."""
    content = _json(reference_to(ADMIN, "error-response"))
    return {
        f"Admin{status}": {"description": description, "content": content}
        for status, description in REFUSALS.items()
    }


def _reading(name: str, schemas: Schemas) -> Document:
    parameters = _parameters(name, schemas)
    return {
        **_common(name, READINGS[name], schemas[f"{ADMIN}/{name}-response"]["description"]),
        "parameters": parameters,
        "responses": {"200": _answer(name, schemas)} | _refused("400" if parameters else ""),
    }


def _stream(name: str, schemas: Schemas) -> Document:
    events = {"schema": {"type": "string"}, "example": "".join(_events(name, schemas))}
    return {
        **_common(name, STREAMS[name], schemas[f"{ADMIN}/{name}-request"]["description"]),
        "parameters": _parameters(name, schemas),
        "responses": {
            "200": {
                "description": f"An event stream. Its events are {', '.join(PUSHES[name])}.",
                "content": {"text/event-stream": events},
            }
        }
        | _refused("400", "503", *(["404"] if name == "tap" else [])),
    }


def _action(name: str, schemas: Schemas) -> Document:
    request = schemas[f"{ADMIN}/{name}-request"]
    return {
        **_common(name, request["title"].removesuffix(" (request)"), request["description"]),
        "requestBody": {"required": True, "content": _json(reference_to(ADMIN, f"{name}-request"))},
        "responses": {"200": _answer(name, schemas)} | _refused("400", "404", "413", "503"),
    }


def _common(name: str, summary: str, description: str) -> Document:
    words = "".join(word.capitalize() for word in name.split("-"))
    return {
        "operationId": f"admin{words}",
        "tags": [TAG],
        "summary": summary,
        "description": description,
        "security": SECURITY,
    }


def _parameters(name: str, schemas: Schemas) -> list[Document]:
    """The query's, as the schema of the request has them."""
    schema = schemas.get(f"{ADMIN}/{name}-request", {"properties": {}})
    place = reference_to(ADMIN, f"{name}-request")["$ref"]
    return [
        {
            "name": key,
            "in": "query",
            "required": key in schema.get("required", ()),
            "description": _description(value, schemas),
            "schema": {"$ref": f"{place}/properties/{key}"},
        }
        for key, value in schema["properties"].items()
    ]


def _description(value: Document, schemas: Schemas) -> str:
    part = value["$ref"].rpartition("/")[2]
    return str(schemas[f"{ADMIN}/common"]["$defs"][part]["description"])


def _events(name: str, schemas: Schemas) -> Iterable[str]:
    for push in PUSHES[name]:
        example = json.dumps(schemas[f"{ADMIN}/{push}-push"]["examples"][0], separators=(",", ":"))
        yield f"event: {push}\ndata: {example}\n\n"


def _answer(name: str, schemas: Schemas) -> Document:
    answer = f"{name}-response"
    return {
        "description": schemas[f"{ADMIN}/{answer}"]["description"],
        "content": _json(reference_to(ADMIN, answer)),
    }


def _refused(*statuses: str) -> Document:
    return {
        status: {"$ref": f"#/components/responses/Admin{status}"}
        for status in sorted({*_ALWAYS, *filter(None, statuses)})
    }


def _json(schema: Document) -> Document:
    return {"application/json": {"schema": schema}}
