"""What is asked by plain HTTP, as the OpenAPI document has it, and the page of the channels protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chateau.protocols.channels_errors import BROADCAST, ERRORS, PUBLISH
from chateau.reference.pages.fields import fields
from chateau.reference.pages.messages import (
    UNASKED,
    Refusing,
    Sources,
    any_request,
    compact,
    grouped,
    message,
    wrong,
)
from chateau.reference.pages.model import (
    Block,
    Code,
    Errand,
    Example,
    Page,
    Paragraph,
    Section,
    Table,
    Text,
    joined,
    prose,
)
from chateau.reference.specifications.asyncapi import UNWRITTEN
from chateau.reference.specifications.components import kind_of, messages_of
from chateau.reference.specifications.openapi import openapi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chateau.hub.errors import HubError

Document = dict[str, Any]

CHANNEL = "news"
"""The channel of the examples."""

PACKAGE_TYPES = {"text/plain": "text", "application/json": "json"}
PARAMETERS = ("parameter", "where", "required", "type", "what it is")

LEAD = (
    "HTTP in, WebSocket out: who publishes a package to a channel does so by HTTP, and everyone who listens "
    "to the channel gets it, over a WebSocket or as server-sent events. A channel is a room: what is chatted "
    "there comes to its listeners, too."
)


class Operations:
    """The operations of the OpenAPI document, as sections: each with its headers and its answers."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._document = openapi(sources.schemas)

    def paths(self, start: str) -> Iterator[tuple[str, str, Document]]:
        """Every path that begins with *start*, each with its methods and their operations."""
        for path, item in self._document["paths"].items():
            if path.startswith(start):
                shared = item.get("parameters", [])
                for method in ("post", "get"):
                    if method in item:
                        own = item[method].get("parameters", [])
                        yield path, method.upper(), item[method] | {"parameters": [*shared, *own]}

    def section(self, path: str, method: str, operation: Document, *more: Block, schema: str = "") -> Section:
        """One operation: what it is asked with, what it answers, and *more*."""
        blocks: list[Block] = [Paragraph((Code(f"{method} {path}"),))]
        if "description" in operation:
            blocks.append(Paragraph(operation["description"]))
        parameters = tuple(self._parameter(each) for each in operation["parameters"])
        if parameters:
            blocks.append(Table(PARAMETERS, parameters))
        if schema:
            blocks += fields(self._sources.schemas, schema)
        answers = tuple(self._response(status, each) for status, each in operation["responses"].items())
        blocks += [Table(("status", "body", "when"), answers), *more]
        return Section(operation["summary"], tuple(blocks), schema=schema)

    def _resolved(self, part: Document) -> Document:
        while "$ref" in part:
            found = self._document
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            part = found
        return part

    def _parameter(self, parameter: Document) -> tuple[Text, ...]:
        parameter = self._resolved(parameter)
        schema = self._resolved(parameter["schema"])
        kind: Text = schema.get("type", "any")
        if "enum" in schema:
            kind = ("one of ", *joined([(Code(value),) for value in schema["enum"]], ", "))
        about = parameter.get("description", "")
        if "default" in schema:
            about = f"{about} {schema['default']} where it is left out."
        required = "yes" if parameter.get("required") else "no"
        return (Code(parameter["name"]),), parameter["in"], required, kind, about

    def _response(self, status: str, response: Document) -> tuple[Text, ...]:
        response = self._resolved(response)
        body: list[Text] = [self._body(kind, each) for kind, each in response.get("content", {}).items()]
        return (Code(status),), joined(body, ", "), response["description"]

    def _body(self, kind: str, content: Document) -> Text:
        schema = self._resolved(content.get("schema", {}))
        if "const" in schema:
            return (Code(compact(schema["const"])),)
        return kind


def channels_page(sources: Sources) -> Page:
    """The page of the channels protocol."""
    operations = Operations(sources)
    refusing = refusing_of(sources)
    asked = [
        _operation(sources, refusing, operations, *each)
        for start in ("/channel/", "/broadcast/")
        for each in operations.paths(start)
    ]
    names = messages_of(sources.schemas, "channels")
    package = UNWRITTEN["package-push"]
    said: tuple[Block, ...] = (
        Paragraph(package["summary"]),
        *(Example(each["payload"], "text") for each in package["examples"]),
    )
    pushes = (
        Section(package["title"], said),
        *(message(sources, f"channels/{name}") for name in names if kind_of(name) == "push"),
    )
    about = Paragraph(
        prose(
            "These come to who listens at `/channel/{name}/` by a WebSocket, in text frames; and, but for "
            "the packages, by server-sent events with the same JSON. A listener says nothing; the text "
            "`close` closes."
        )
    )
    return Page(
        "channels",
        "The channels protocol",
        (Paragraph(prose(LEAD)),),
        (
            Section("Requests", sections=tuple(asked)),
            *grouped(sources, "channels", "Answers", [name for name in names if kind_of(name) == "response"]),
            Section(UNASKED, (about,), pushes),
            any_request(
                refusing,
                ERRORS,
                "A refusal has the header `X-Error`, one sentence. These can come to any publish.",
            ),
        ),
        by_hand="protocols/channels.md",
    )


def refusing_of(sources: Sources) -> Refusing:
    """What writes the refusals of publishing."""

    def write(error: HubError, _request: Any) -> str:
        return sources.http_refusal(error)

    return Refusing(sources.schema_sets["channels"], write, "http")


def _operation(
    sources: Sources, refusing: Refusing, operations: Operations, path: str, method: str, operation: Document
) -> Section:
    base = f"http://localhost:8888{sources.url_prefix}"
    where = path.replace("{name}", CHANNEL)
    if method == "GET":
        listen = f"curl -N -H 'Accept: text/event-stream' {base}{where}"
        events = Example(where, "text", Errand("stream", where))
        return operations.section(path, method, operation, events, Example(listen, "sh"))
    if path == "/broadcast/":
        examples = [(compact(each), "") for each in sources.examples(f"channels/{BROADCAST}")]
        schema, name = f"channels/{BROADCAST}", BROADCAST
    else:
        examples, schema, name = list(_packages(operation)), "", PUBLISH
    shown: list[Block] = []
    for body, kind in examples:
        headers = (("Package-Type", kind),) if kind else ()
        shown += [
            Example(body, "json" if kind != "text" else "text", Errand("post", where, headers)),
            Example(_curl(base + where, body, headers), "sh"),
        ]
    shown.append(wrong(refusing, ERRORS, name, json.loads(examples[0][0]) if schema else examples[0][0]))
    return operations.section(path, method, operation, *shown, schema=schema)


def _packages(operation: Document) -> Iterator[tuple[str, str]]:
    """The bodies that *operation* shows, each with its type."""
    for kind, content in operation["requestBody"]["content"].items():
        if "example" in content:
            example = content["example"]
            yield example if isinstance(example, str) else compact(example), PACKAGE_TYPES[kind]


def _curl(url: str, body: str, headers: tuple[tuple[str, str], ...]) -> str:
    """The command that posts *body* to *url*, for a shell."""
    flags = "".join(f" -H '{name}: {value}'" for name, value in headers)
    quoted = body.replace("'", "'\\''")
    return f"curl {url}{flags} --data-binary '{quoted}'"
