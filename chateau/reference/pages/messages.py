"""One message of a protocol as a section of its page: what it is, its fields, examples, what can go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from chateau.hub.errors import HubError
from chateau.protocols.error_catalog import ANY, ErrorCase, ErrorCases
from chateau.protocols.lines_frames import LinesError as OwnWords
from chateau.reference.pages.errors import CODES
from chateau.reference.pages.fields import fields
from chateau.reference.pages.model import (
    Block,
    Errand,
    Example,
    Language,
    Paragraph,
    Refusal,
    Refusals,
    Section,
    prose,
    slug,
)
from chateau.reference.specifications.components import kind_of, messages_of

if TYPE_CHECKING:
    from chateau.protocols.schemas import SchemaSet

Write = Callable[[HubError, Any], str]
"""A refusal of a request, as its protocol writes it."""

ANY_FRAME = "What any request can be refused with"
UNASKED = "What comes unasked"
OTHER_ANSWERS = "Other answers"


class Setting(Protocol):
    """A setting of the server, as people read of it."""

    @property
    def group(self) -> str:
        """What it stands with."""

    @property
    def description(self) -> str:
        """What it is for."""

    @property
    def takes(self) -> str:
        """What values it has."""

    @property
    def default(self) -> str:
        """Its value where nothing is set."""

    @property
    def flag(self) -> str:
        """How it is given on the command line."""

    @property
    def variable(self) -> str:
        """How it is given in the environment."""


@dataclass(frozen=True)
class Sources:
    """Where the facts of the reference are.

    *http_refusal* writes what publishing is refused with, head and body; *url_prefix* goes before all paths.
    """

    schema_sets: Mapping[str, SchemaSet]
    settings: tuple[Setting, ...]
    http_refusal: Callable[[HubError], str]
    url_prefix: str = ""

    @cached_property
    def schemas(self) -> dict[str, Any]:
        """All schemas, by their paths below schemas/."""
        return {
            f"{folder}/{name}": schema
            for folder, schemas in self.schema_sets.items()
            for name, schema in schemas.schemas.items()
        }

    def examples(self, path: str) -> list[Any]:
        """The examples of the message *path*."""
        return list(self.schemas[path]["examples"])


def compact(value: object) -> str:
    """*value* as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def message(
    sources: Sources, path: str, *, errand: Errand | None = None, wrong: Refusals | None = None
) -> Section:
    """The section of the message *path*."""
    schema = sources.schemas[path]
    blocks: list[Block] = [Paragraph(schema["description"]), *fields(sources.schemas, path)]
    blocks += [Example(compact(example), errand=errand) for example in schema["examples"]]
    if wrong is not None:
        blocks.append(wrong)
    return Section(schema["title"], tuple(blocks), schema=path)


@dataclass(frozen=True, slots=True)
class Refusing:
    """Writes cases of one protocol as its refusals; *language* is what they are in."""

    schemas: SchemaSet
    write: Write
    language: Language = "json"

    def rows(self, cases: ErrorCases, example: Any = None) -> tuple[Refusal, ...]:
        """*cases* of a request, for which *example* stands where they bring none."""
        return tuple(self._row(case, example) for case in cases)

    def _row(self, case: ErrorCase, example: Any) -> Refusal:
        request = example if case.sent is None else case.sent
        error = case.make_error(request, self.schemas)
        says = case.description or CODES[error.code]
        sent = "" if case.sent is None else written(case.sent)
        code = "" if isinstance(error, OwnWords) else error.code
        return Refusal(code, says, self.write(error, request), sent, self.language)


def written(sent: object) -> str:
    """What was sent, as it was."""
    return sent if isinstance(sent, str) else compact(sent)


def also(refusing: Refusing, requests: Mapping[str, ErrorCases]) -> tuple[str, ...]:
    """The codes of what can become of any request of a protocol, those of frames that are none left out."""
    shown = dict.fromkeys(row.code for row in refusing.rows(requests[ANY]))
    return tuple(code for code in shown if code and code not in UNREADABLE)


UNREADABLE = frozenset(("invalid_json", "not_an_object", "binary_frame", "unknown_type"))
"""Codes of frames of which it cannot be told what they ask."""


def any_request(refusing: Refusing, requests: Mapping[str, ErrorCases], before: str) -> Section:
    """The section of what can become of any frame of a protocol."""
    return Section(ANY_FRAME, (Paragraph(prose(before)), Refusals(refusing.rows(requests[ANY]))))


def wrong(refusing: Refusing, requests: Mapping[str, ErrorCases], name: str, example: Any) -> Refusals:
    """What can go wrong with the request *name*."""
    return all_wrong(refusing, requests, requests[name], example)


def all_wrong(
    refusing: Refusing, requests: Mapping[str, ErrorCases], cases: ErrorCases, example: Any
) -> Refusals:
    """The *cases* of one request, and what can become of any of the *requests* of its protocol."""
    return Refusals(refusing.rows(cases, example), also(refusing, requests), slug(ANY_FRAME))


def paired(sources: Sources, protocol: str, ordered: Iterable[str]) -> tuple[list[str], list[str], list[str]]:
    """The messages of *protocol*: requests with their answers, *ordered* first; other answers; pushes."""
    names = list(messages_of(sources.schemas, protocol))
    requests = [*ordered, *(name for name in names if kind_of(name) == "request")]
    asked: list[str] = []
    for request in dict.fromkeys(requests):
        answer = request.removesuffix("request") + "response"
        asked += [request, *([answer] if answer in names else [])]
    rest = [name for name in names if name not in asked]
    return (
        asked,
        [name for name in rest if kind_of(name) == "response"],
        [name for name in rest if kind_of(name) == "push"],
    )


def grouped(sources: Sources, protocol: str, title: str, names: Iterable[str]) -> list[Section]:
    """One section with those of the messages *names* in it, or none where there are none."""
    sections = tuple(message(sources, f"{protocol}/{name}") for name in names)
    return [Section(title, sections=sections)] if sections else []
