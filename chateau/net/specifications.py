"""The addresses of the two specifications, ``/asyncapi.json`` and ``/openapi.json``.

What they say is made in :mod:`chateau.reference`; here they are kept, told where the server is, and sent.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from chateau.net.page import Page
from chateau.reference import asyncapi, openapi

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chateau.protocols.spec import ProtocolSpec
    from chateau.reference.components import Schemas

Document = dict[str, Any]


class Specification:
    """One document: made when it is asked for the first time, and shown with the servers of each request."""

    def __init__(
        self, make: Callable[[], Document], servers: Callable[[str, str, str], Any], url_prefix: str
    ) -> None:
        self._make = make
        self._servers = servers
        self._prefix = url_prefix

    @cached_property
    def _document(self) -> Document:
        return self._make()

    def shown(self, scheme: str, host: str) -> bytes:
        """The document for who asked by *scheme* at *host*."""
        document = self._document | {"servers": self._servers(scheme, host, self._prefix)}
        return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def specifications(
    specs: Sequence[ProtocolSpec], schemas: Schemas, url_prefix: str
) -> dict[str, Specification]:
    """Both documents, by the names of their files."""
    return {
        "asyncapi.json": Specification(
            lambda: asyncapi.asyncapi(specs, schemas, url_prefix), asyncapi.servers, url_prefix
        ),
        "openapi.json": Specification(lambda: openapi.openapi(schemas), openapi.servers, url_prefix),
    }


class SpecificationPage(Page):
    """One document."""

    def initialize(self, specification: Specification) -> None:
        self._specification = specification

    def get(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(self._specification.shown(self.request.protocol, self.request.host))
