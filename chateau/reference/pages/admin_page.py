"""The page of the admin API, for the keepers of a house: HTTP with a key, and two event streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from chateau.protocols.admin import error_response, status_of
from chateau.protocols.admin_errors import ERRORS
from chateau.reference.pages.http_page import Operations
from chateau.reference.pages.messages import Refusing, Sources, any_request, compact, grouped, wrong
from chateau.reference.pages.model import Block, Example, Page, Paragraph, Section, prose
from chateau.reference.specifications.components import kind_of, messages_of

if TYPE_CHECKING:
    from chateau.hub.errors import HubError

Document = dict[str, Any]

ADMIN = "admin"
PLACE = "/admin/"

LEAD = (
    "What the page at `/console/admin` asks for, and what a program may: HTTP with a header `Authorization: "
    "Bearer KEY`, where `KEY` is that of `--secret-key`. A server without one has this API switched off. "
    "Requests and answers are JSON."
)
BEFORE_REFUSALS = (
    "A refused request has done nothing. Its answer has the HTTP `status`, a `code` and an `error`. These "
    "can come to any request."
)


def admin_page(sources: Sources) -> Page:
    """The page."""
    operations = Operations(sources)
    refusing = refusing_of(sources)
    asked = [_operation(sources, refusing, operations, *each) for each in operations.paths(PLACE)]
    names = list(messages_of(sources.schemas, ADMIN))
    answers = [name for name in names if kind_of(name) == "response"]
    events = [name for name in names if kind_of(name) == "push"]
    return Page(
        ADMIN,
        "The admin API",
        (Paragraph(prose(LEAD)),),
        (
            Section("Requests", sections=tuple(asked)),
            *grouped(sources, ADMIN, "Answers", answers),
            *grouped(sources, ADMIN, "Events of the streams", events),
            any_request(refusing, ERRORS, BEFORE_REFUSALS),
        ),
        by_hand="admin.md",
    )


def refusing_of(sources: Sources) -> Refusing:
    """What writes the refusals of this API."""

    def write(error: HubError, _request: Any) -> str:
        return compact(error_response(error, status_of(error)))

    return Refusing(sources.schema_sets[ADMIN], write)


def _operation(
    sources: Sources, refusing: Refusing, operations: Operations, path: str, method: str, operation: Document
) -> Section:
    name = path.removeprefix(PLACE)
    schema = f"{ADMIN}/{name}-request"
    examples = sources.examples(schema) if schema in sources.schemas else [{}]
    shown: list[Block] = []
    for example in examples:
        if method == "POST":
            shown.append(Example(compact(example)))
        shown.append(Example(command(sources.url_prefix + path, method, example), "sh"))
    shown.append(wrong(refusing, ERRORS, name, examples[0]))
    if schema in sources.schemas:  # its fields are what a query may hold, too
        return operations.section(path, method, operation | {"parameters": []}, *shown, schema=schema)
    return operations.section(path, method, operation, *shown)


def command(path: str, method: str, example: Document) -> str:
    """What to type in a shell to ask *example* at *path*."""
    start = f"curl -H 'Authorization: Bearer KEY' 'http://localhost:8888{path}"
    if method == "POST":
        return f"{start}' --data-binary '{compact(example)}'"
    return f"{start}{'?' if example else ''}{urlencode(example)}'"
