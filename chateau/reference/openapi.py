"""The OpenAPI 3.1 document: what is asked by plain HTTP, and how it is answered.

The answers' bodies are the schemas of schemas/channels, and of schemas/admin for
:mod:`chateau.reference.openapi_admin`. What is said over WebSockets is told by
:mod:`chateau.reference.asyncapi`.
"""

from __future__ import annotations

from typing import Any

from chateau import __version__
from chateau.reference import openapi_admin
from chateau.reference.components import Schemas, components, reference_to

Document = dict[str, Any]

CHANNELS = "channels"

OTHER_STATUSES = {
    "405": "The method is not POST.",
    "413": "The body is longer than --max-frame.",
    "500": "The server failed; its log says how.",
    "503": "It could not be kept. Where it was passed on all the same, X-Error says so.",
}

SCHEMAS_OF = {"": "the test client's files", openapi_admin.ADMIN: "the admin API"}
"""What the folders of schemas/ are for that are no protocol's."""

PUBLISHING_SECURITY: list[Document] = [{}, {"bearer": []}, {"pwd": []}]
"""Nothing, where the server has no --pwd; else one of the two."""


def openapi(schemas: Schemas) -> Document:
    """The document for *schemas*. Where the server is, only a request can tell: see :func:`servers`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Chateau",
            "version": __version__,
            "description": "Publishing to channels and listening to them by HTTP, the admin API, and the "
            "schemas of all protocols. The protocols over WebSocket are described in asyncapi.json.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [],
        "paths": {
            "/channel/{name}/": {"parameters": [_CHANNEL], "post": _publish(), "get": _subscribe()},
            "/broadcast/": {"post": _broadcast()},
            **openapi_admin.paths(schemas),
            "/renderings": {"post": _render()},
            "/schemas/": {"get": _schema_index()},
            **_schema_pages(schemas),
            "/asyncapi.json": {"get": _specification("getAsyncApi", "The protocols over WebSocket")},
            "/openapi.json": {"get": _specification("getOpenApi", "This document")},
        },
        "components": {
            "schemas": components(schemas, CHANNELS) | components(schemas, openapi_admin.ADMIN),
            "parameters": {"IdempotencyKey": _IDEMPOTENCY_KEY},
            "headers": {"X-Error": _X_ERROR, "X-Delivered": _X_DELIVERED},
            "responses": _publishing_responses() | openapi_admin.responses(),
            "securitySchemes": _SECURITY_SCHEMES | openapi_admin.SECURITY_SCHEMES,
        },
    }


def servers(scheme: str, host: str, url_prefix: str) -> list[Document]:
    """This server, reached by *scheme* (http or https) at *host*."""
    return [{"url": f"{scheme}://{host}{url_prefix}"}]


# Publishing


def _publish() -> Document:
    return {
        "operationId": "publish",
        "summary": "Publish a package to a channel",
        "description": "The body is the package. Text and JSON go out in text frames, bytes in binary ones.",
        "parameters": [_PACKAGE_TYPE, {"$ref": "#/components/parameters/IdempotencyKey"}],
        "requestBody": {
            "description": "The package. Its Content-Type does not matter: Package-Type says what it is.",
            "content": {
                "text/plain": {"schema": {"type": "string"}, "example": "Hi all"},
                "application/json": {"schema": {}, "example": {"notification": "You've got new friend"}},
                "application/octet-stream": {},
            },
        },
        "responses": _RESPONSES,
        "security": PUBLISHING_SECURITY,
    }


def _broadcast() -> Document:
    return {
        "operationId": "broadcast",
        "summary": "Publish packages to many channels",
        "description": "The whole body is checked before anything is sent.",
        "parameters": [{"$ref": "#/components/parameters/IdempotencyKey"}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": reference_to(CHANNELS, "broadcast-request")}},
        },
        "responses": _RESPONSES,
        "security": PUBLISHING_SECURITY,
    }


def _publishing_responses() -> Document:
    other = {
        f"Refused{status}": _refusal(sentence, "other-response")
        for status, sentence in OTHER_STATUSES.items()
    }
    return {
        "Published": {
            "description": "It was handed to all, and what is kept is on disk.",
            "headers": {"X-Delivered": {"$ref": "#/components/headers/X-Delivered"}},
            "content": _json(reference_to(CHANNELS, "published-response")),
        },
        "BadRequest": _refusal(
            "The name, the type, the key, the text, the JSON, the bulk body or the header Host is wrong.",
            "bad-request-response",
        ),
        "NotAuthorized": _refusal(
            "The password is missing or wrong, the address is banned, the page is of another origin, "
            "or the room is closed or locked.",
            "not-authorized-response",
        ),
        **other,
    }


def _refusal(description: str, answer: str) -> Document:
    return {
        "description": description,
        "headers": {"X-Error": {"$ref": "#/components/headers/X-Error"}},
        "content": _json(reference_to(CHANNELS, answer)),
    }


# Listening


def _subscribe() -> Document:
    return {
        "operationId": "subscribe",
        "summary": "Listen to a channel, by server-sent events",
        "description": "Ask with Accept: text/event-stream, or for a WebSocket (see asyncapi.json).",
        "parameters": [_LAST_EVENT_ID],
        "responses": {
            "200": {
                "description": "An event stream that does not end. Events have an id where the room counts.",
                "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EVENTS}},
            },
            "400": _sentence("The name can be no channel's."),
            "403": _sentence("The address is banned, or the room is closed or locked."),
            "426": _sentence("The header Accept does not name text/event-stream."),
            "503": _sentence("The server is shutting down."),
        },
    }


# Renderings


def _render() -> Document:
    refusal = {"type": "object", "required": ["status", "code", "error"]}
    return {
        "operationId": "render",
        "summary": "See a frame of the chateau protocol as all five protocols write it",
        "description": "The body is a request, an answer or a push. Nothing is sent to anybody.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "object"}, "example": {"type": 5, "room": "lobby"}}
            },
        },
        "responses": {
            "200": {"description": "The frame in all protocols.", "content": _json(_RENDERING)},
            "400": {"description": "It is no frame of the chateau protocol.", "content": _json(refusal)},
            "405": {"description": "The method is not POST.", "content": _json(refusal)},
            "413": {"description": "It has more than 64 KiB.", "content": _json(refusal)},
        },
    }


# The schemas, and the documents that are made from them


def _schema_index() -> Document:
    paths = {"type": "array", "items": {"type": "string", "format": "uri-reference"}}
    return {
        "operationId": "listSchemas",
        "summary": "Where each schema is",
        "responses": {"200": {"description": "The paths of all schemas.", "content": _json(paths)}},
    }


def _schema_pages(schemas: Schemas) -> Document:
    """The addresses of the schemas, each folder by itself so that its names can be listed."""
    pages: Document = {}
    for folder in sorted({path.rpartition("/")[0] for path in schemas}):
        names = sorted(path.rpartition("/")[2] for path in schemas if path.rpartition("/")[0] == folder)
        of = SCHEMAS_OF.get(folder, f"the {folder} protocol")
        path = f"/schemas/{folder}/{{name}}.json" if folder else "/schemas/{name}.json"
        pages[path] = {"get": _schema(f"get{folder.title() or 'File'}Schema", f"A schema of {of}", names)}
    return pages


def _schema(operation: str, summary: str, names: list[str]) -> Document:
    name = _path_parameter("name", "The schema's name.", {"type": "string", "enum": names})
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": [name],
        "responses": {
            "200": {
                "description": "A JSON Schema, draft 2020-12.",
                "content": {"application/schema+json": {"schema": {"type": "object"}}},
            },
            "404": _sentence("There is no such schema."),
        },
    }


def _specification(operation: str, summary: str) -> Document:
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": {"description": "The document.", "content": _json({"type": "object"})}},
    }


# Small parts


def _json(schema: Document) -> Document:
    return {"application/json": {"schema": schema}}


def _sentence(description: str) -> Document:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}


def _path_parameter(name: str, description: str, schema: Document) -> Document:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


_CHANNEL = _path_parameter(
    "name",
    "The channel's name. It is trimmed, put into lower case, and each _ becomes a colon.",
    {"type": "string", "minLength": 1, "examples": ["news", "User_22"]},
)

_PACKAGE_TYPE = {
    "name": "Package-Type",
    "in": "header",
    "description": "What the package is, in any case of letters.",
    "schema": {"type": "string", "enum": ["text", "json", "bytes"], "default": "text"},
}

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key within 5 minutes is answered as the first was, and nothing is sent twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}

_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event that was heard: what was kept since comes first.",
    "schema": {"type": "string", "examples": ["12"]},
}

_X_ERROR = {
    "description": "Why it was refused: one sentence, in ASCII.",
    "required": True,
    "schema": {"type": "string"},
}

_X_DELIVERED = {
    "description": "How many got it; in a broadcast the sum.",
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
}

_RENDERING = {
    "type": "object",
    "required": ["event", "kind", "writings"],
    "properties": {
        "event": {"type": "string", "description": "What it is about.", "examples": ["room message"]},
        "kind": {"type": "string", "enum": ["request", "response", "push"]},
        "writings": {
            "type": "array",
            "description": "By protocol; each is there at least once.",
            "items": {
                "type": "object",
                "required": ["protocol", "wire", "who", "text", "hex", "head", "tail"],
                "properties": {
                    "protocol": {"type": "string"},
                    "wire": {"type": ["string", "null"], "description": "Null where there is no such thing."},
                    "who": {"enum": ["client", "server", None], "description": "Who writes it."},
                    "text": {"type": ["string", "null"]},
                    "hex": {"type": ["string", "null"], "description": "All bytes, the framing too."},
                    "head": {"type": "integer", "description": "Bytes of framing in front."},
                    "tail": {"type": "integer", "description": "Bytes of framing behind."},
                    "note": {"type": "string", "description": "What differs, or why there is none."},
                },
            },
        },
    },
}

_RESPONSES = {
    "201": {"$ref": "#/components/responses/Published"},
    "400": {"$ref": "#/components/responses/BadRequest"},
    "403": {"$ref": "#/components/responses/NotAuthorized"},
    **{status: {"$ref": f"#/components/responses/Refused{status}"} for status in OTHER_STATUSES},
}

_SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "Authorization: Bearer PASSWORD, where the server has a password (--pwd).",
    },
    "pwd": {
        "type": "apiKey",
        "in": "query",
        "name": "pwd",
        "description": "?pwd=PASSWORD does the same. Where both are given, this one counts.",
    },
}

_EVENTS = (
    'id: 12\ndata: Hello world\n\nevent: joined\ndata: {"room":"lobby","event":"joined","username":"bob"}\n\n'
)
