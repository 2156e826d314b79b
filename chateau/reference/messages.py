"""One message of a protocol as a section of its page: description, fields, examples and errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chateau.protocols.error_catalog import ANY, CODES, ErrorCase, ErrorCases, ErrorCatalog
from chateau.protocols.lines_frames import LinesError
from chateau.reference.components import kind_of, messages_of
from chateau.reference.fields import fields
from chateau.reference.markdown import ErrorRow, Section, blocks, error_list, escape, example, slug

if TYPE_CHECKING:
    from chateau.hub.errors import HubError
    from chateau.protocols.schemas import SchemaSet
    from chateau.protocols.spec import ProtocolSpec
    from chateau.settings import Described

ANY_REQUEST = "Errors of any request"
PUSHES = "Pushes"
OTHER_RESPONSES = "Other responses"

UNREADABLE = frozenset(("invalid_json", "not_an_object", "binary_frame", "unknown_type"))
"""Codes of frames that name no request."""


@dataclass(frozen=True)
class Sources:
    """What the pages are made from.

    *http_error* encodes an error response to a publish request, head and body; *url_prefix* is the prefix
    of all paths.
    """

    specs: tuple[ProtocolSpec, ...]
    schema_sets: Mapping[str, SchemaSet]
    settings: tuple[Described, ...]
    http_error: Callable[[HubError], str]
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
        """Return the examples of the message *path*."""
        return list(self.schemas[path]["examples"])

    def messages(self, protocol: str, kind: str) -> list[str]:
        """Return the names of the messages of *kind* (request, response, push) of *protocol*."""
        return [name for name in messages_of(self.schemas, protocol) if kind_of(name) == kind]


@dataclass(frozen=True, slots=True)
class ErrorEncoder:
    """Encodes the errors in the catalog of one protocol; *encode* gets the error and the request."""

    schemas: SchemaSet
    encode: Callable[[HubError, Any], str]
    catalog: ErrorCatalog
    language: str = "json"

    @classmethod
    def of_protocol(cls, sources: Sources, spec: ProtocolSpec) -> ErrorEncoder:
        """Return the encoder of a protocol whose error responses are JSON."""
        encode_error = spec.encode_error
        assert encode_error is not None, f"{spec.name} has no encode_error"
        return cls(
            sources.schema_sets[spec.name],
            lambda error, request: compact(encode_error(error, request if isinstance(request, dict) else {})),
            spec.load_errors(),
        )

    def rows(self, cases: ErrorCases, example: Any = None) -> tuple[ErrorRow, ...]:
        """Return a row for each of *cases*; *example* is the request of those that have none."""
        return tuple(self._row(case, example) for case in cases)

    def _row(self, case: ErrorCase, example: Any) -> ErrorRow:
        request = example if case.sent is None else case.sent
        error = case.make_error(request, self.schemas)
        sent = "" if case.sent is None else case.sent if isinstance(case.sent, str) else compact(case.sent)
        error_code = "" if isinstance(error, LinesError) else error.code
        response = self.encode(error, request)
        return ErrorRow(error_code, case.description or CODES[error.code], response, sent, self.language)

    def of_request(self, name: str, example: Any) -> tuple[ErrorRow, ...]:
        """Return the rows of the request *name*."""
        return self.rows(self.catalog[name], example)

    def listed(self, rows: Iterable[ErrorRow]) -> str:
        """Return *rows* as Markdown, with a link to the errors of any request."""
        return error_list(rows, self._of_any_request, slug(ANY_REQUEST))

    @property
    def _of_any_request(self) -> list[str]:
        codes = dict.fromkeys(row.code for row in self.rows(self.catalog[ANY]))
        return [each for each in codes if each and each not in UNREADABLE]

    def any_request(self, lead: str) -> Section:
        """Return the section on the errors of any request."""
        rows = self.rows(self.catalog[ANY])
        return Section(ANY_REQUEST, blocks(lead, error_list(rows)), errors=rows)


def compact(value: object) -> str:
    """Return *value* as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def message(
    sources: Sources,
    path: str,
    *,
    attributes: Mapping[str, str] | None = None,
    errors: ErrorEncoder | None = None,
) -> Section:
    """Return the section of the message *path*; *attributes* is what a browser needs to try its examples."""
    schema = sources.schemas[path]
    rows = errors.of_request(path.rpartition("/")[2], schema["examples"][0]) if errors else ()
    body = blocks(
        escape(schema["description"]),
        fields(sources.schemas, path),
        *(example(compact(each), attributes=attributes) for each in schema["examples"]),
        errors.listed(rows) if errors else "",
    )
    return Section(schema["title"], body, schema=path, errors=rows)


def with_responses(sources: Sources, protocol: str, ordered: Iterable[str]) -> list[str]:
    """Return the requests of *protocol*, *ordered* first, each with its own response behind it."""
    responses = sources.messages(protocol, "response")
    names: list[str] = []
    for request in dict.fromkeys([*ordered, *sources.messages(protocol, "request")]):
        response = request.removesuffix("request") + "response"
        names += [request, response] if response in responses else [request]
    return names


def grouped(sources: Sources, protocol: str, title: str, names: Sequence[str]) -> list[Section]:
    """Return one section with the messages *names* in it, or none if there are none."""
    sections = tuple(message(sources, f"{protocol}/{name}") for name in names)
    return [Section(title, sections=sections)] if sections else []
