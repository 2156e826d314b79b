"""The pages of what is requested by HTTP, from the OpenAPI document: the channels protocol and the admin
API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from chateau.protocols import admin_errors as admin_catalog
from chateau.protocols import channels_errors as channels_catalog
from chateau.protocols.admin import error_response, status_of
from chateau.reference.asyncapi import UNWRITTEN
from chateau.reference.fields import fields
from chateau.reference.markdown import ErrorRow, Page, Section, blocks, code, escape, example, table
from chateau.reference.messages import PUSHES, ErrorEncoder, Sources, compact, grouped, message
from chateau.reference.openapi import openapi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chateau.protocols.spec import ProtocolSpec

Document = dict[str, Any]

ORIGIN = "http://localhost:8888"
"""The server of the examples; a page that a browser shows has the address that it was opened at."""

CHANNEL = "news"
"""The channel of the examples."""

PARAMETERS = ("parameter", "in", "required", "type", "description")

PUSHES_LEAD = (
    "Subscribers of `/channel/{name}/` receive these in text frames over a WebSocket and, except "
    "publications, as server-sent events with the same JSON. A subscriber sends nothing; the text `close` "
    "closes the connection."
)
PUBLISH_ERRORS_LEAD = (
    "An error response has the header `X-Error`, one sentence. Any publish request can cause these."
)

ADMIN = "admin"
ADMIN_PREFIX = "/admin/"
ADMIN_LEAD = (
    "The API behind the page `/console/admin`, for programs too: HTTP with a header `Authorization: Bearer "
    "KEY`, where `KEY` is the value of `--secret-key`. Without that setting the API is off. Requests and "
    "responses are JSON."
)
ADMIN_ERRORS_LEAD = (
    "A request with an error response has no effect. The response has the HTTP `status`, a `code` and an "
    "`error`. Any request can cause these."
)


class Operations:
    """The operations of the OpenAPI document as sections, each with its parameters, responses and errors."""

    def __init__(self, sources: Sources, errors: ErrorEncoder) -> None:
        self.sources = sources
        self.errors = errors
        self._document = openapi(sources.schemas)

    def below(self, start: str) -> Iterator[tuple[str, str, Document]]:
        """Yield the path, the method and the operation of each path that begins with *start*."""
        for path, item in self._document["paths"].items():
            if path.startswith(start):
                shared = item.get("parameters", [])
                for method in ("post", "get"):
                    if method in item:
                        own = item[method].get("parameters", [])
                        yield path, method.upper(), item[method] | {"parameters": [*shared, *own]}

    def section(
        self,
        path: str,
        method: str,
        operation: Document,
        *examples: str,
        schema: str = "",
        errors: tuple[ErrorRow, ...] | None = None,
    ) -> Section:
        """Return the section of one operation; *schema* describes its fields."""
        parameters = [self._parameter(each) for each in operation["parameters"]]
        responses = [self._response(status, each) for status, each in operation["responses"].items()]
        body = blocks(
            code(f"{method} {path}"),
            escape(operation.get("description", "")),
            table(PARAMETERS, parameters) if parameters else "",
            fields(self.sources.schemas, schema) if schema else "",
            table(("status", "body", "when"), responses),
            *examples,
            "" if errors is None else self.errors.listed(errors),
        )
        return Section(operation["summary"], body, schema=schema, errors=errors or ())

    def _resolved(self, part: Document) -> Document:
        while "$ref" in part:
            found = self._document
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            part = found
        return part

    def _parameter(self, parameter: Document) -> tuple[str, ...]:
        parameter = self._resolved(parameter)
        schema = self._resolved(parameter["schema"])
        kind = (
            f"one of {', '.join(map(code, schema['enum']))}"
            if "enum" in schema
            else schema.get("type", "any")
        )
        about = escape(parameter.get("description", ""))
        if "default" in schema:
            about = f"{about} Default: {code(schema['default'])}."
        required = "yes" if parameter.get("required") else "no"
        return code(parameter["name"]), parameter["in"], required, kind, about

    def _response(self, status: str, response: Document) -> tuple[str, ...]:
        response = self._resolved(response)
        body = [self._body(kind, each) for kind, each in response.get("content", {}).items()]
        return code(status), ", ".join(body), escape(response["description"])

    def _body(self, kind: str, content: Document) -> str:
        schema = self._resolved(content.get("schema", {}))
        return code(compact(schema["const"])) if "const" in schema else kind


# Channels


def channels_page(sources: Sources, spec: ProtocolSpec) -> Page:
    """Return the page of the channels protocol."""
    operations = Operations(sources, publish_errors(sources))
    requests = [
        _channel_operation(operations, *each)
        for start in ("/channel/", "/broadcast/")
        for each in operations.below(start)
    ]
    publication = UNWRITTEN["package-push"]
    payloads = (example(each["payload"], "text") for each in publication["examples"])
    pushes = (
        Section(publication["title"], blocks(publication["summary"], *payloads)),
        *(message(sources, f"channels/{name}") for name in sources.messages("channels", "push")),
    )
    sections = (
        Section("Requests", sections=tuple(requests)),
        *grouped(sources, "channels", "Responses", sources.messages("channels", "response")),
        Section(PUSHES, PUSHES_LEAD, pushes),
        operations.errors.any_request(PUBLISH_ERRORS_LEAD),
    )
    return Page(spec.name, spec.title, spec.lead, sections)


def publish_errors(sources: Sources) -> ErrorEncoder:
    """Return the encoder of the errors of publish requests."""
    schemas = sources.schema_sets["channels"]
    return ErrorEncoder(schemas, lambda error, _: sources.http_error(error), channels_catalog.ERRORS, "http")


def _channel_operation(operations: Operations, path: str, method: str, operation: Document) -> Section:
    sources, errors = operations.sources, operations.errors
    base = f"{ORIGIN}{sources.url_prefix}"
    where = path.replace("{name}", CHANNEL)
    if method == "GET":
        events = example(where, "text", {"how": "stream", "where": where})
        curl = example(f"curl -N -H 'Accept: text/event-stream' {base}{where}", "sh")
        return operations.section(path, method, operation, events, curl)
    if path == "/broadcast/":
        schema = f"channels/{channels_catalog.BROADCAST}"
        examples = [(compact(each), "") for each in sources.examples(schema)]
        rows = errors.of_request(channels_catalog.BROADCAST, json.loads(examples[0][0]))
    else:
        schema = ""
        examples = list(_payloads(operation))
        rows = errors.of_request(channels_catalog.PUBLISH, examples[0][0])
    shown = [block for body, kind in examples for block in _publish_example(base, where, body, kind)]
    return operations.section(path, method, operation, *shown, schema=schema, errors=rows)


def _payloads(operation: Document) -> Iterator[tuple[str, str]]:
    """Yield the example bodies of *operation*, each with its payload type."""
    for content in operation["requestBody"]["content"].values():
        for kind, each in content.get("examples", {}).items():
            yield each["value"], kind


def _publish_example(base: str, where: str, body: str, kind: str) -> tuple[str, str]:
    """Return *body* to try in a browser, and the curl command that posts it."""
    attributes = {"how": "post", "where": where} | ({"package-type": kind} if kind else {})
    header = f" -H 'Package-Type: {kind}'" if kind else ""
    quoted = body.replace("'", "'\\''")
    return (
        example(body, "text" if kind == "text" else "json", attributes),
        example(f"curl {base}{where}{header} --data-binary '{quoted}'", "sh"),
    )


# The admin API


def admin_page(sources: Sources) -> Page:
    """Return the page of the admin API."""
    operations = Operations(sources, admin_errors(sources))
    requests = [_admin_operation(operations, *each) for each in operations.below(ADMIN_PREFIX)]
    sections = (
        Section("Requests", sections=tuple(requests)),
        *grouped(sources, ADMIN, "Responses", sources.messages(ADMIN, "response")),
        *grouped(sources, ADMIN, "Events of the streams", sources.messages(ADMIN, "push")),
        operations.errors.any_request(ADMIN_ERRORS_LEAD),
    )
    return Page(ADMIN, "The admin API", ADMIN_LEAD, sections)


def admin_errors(sources: Sources) -> ErrorEncoder:
    """Return the encoder of the errors of this API."""
    return ErrorEncoder(
        sources.schema_sets[ADMIN],
        lambda error, _: compact(error_response(error, status_of(error))),
        admin_catalog.ERRORS,
    )


def _admin_operation(operations: Operations, path: str, method: str, operation: Document) -> Section:
    sources, name = operations.sources, path.removeprefix(ADMIN_PREFIX)
    schema = f"{ADMIN}/{name}-request"
    if schema in sources.schemas:
        examples = sources.examples(schema)
        operation = operation | {"parameters": []}  # the fields of the schema describe the query, too
    else:
        schema, examples = "", [{}]
    shown = []
    for each in examples:
        if method == "POST":
            shown.append(example(compact(each)))
        shown.append(example(admin_command(sources.url_prefix + path, method, each), "sh"))
    rows = operations.errors.of_request(name, examples[0])
    return operations.section(path, method, operation, *shown, schema=schema, errors=rows)


def admin_command(path: str, method: str, request: Document) -> str:
    """Return the shell command that sends *request* to *path*."""
    start = f"curl -H 'Authorization: Bearer KEY' '{ORIGIN}{path}"
    if method == "POST":
        return f"{start}' --data-binary '{compact(request)}'"
    return f"{start}{'?' if request else ''}{urlencode(request)}'"
