"""The reference at ``/docs/``: its pages, made when the first of them is asked for.

What they say is made in :mod:`chateau.reference`; here they get their addresses, and the answers of HTTP to
publishing that they show.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError

from chateau.net.page import Page, content_policy
from chateau.net.publish_desk import bytes_of, refusal
from chateau.reference.html import to_html
from chateau.reference.markdown import INDEX
from chateau.reference.site import pages

if TYPE_CHECKING:
    from chateau.hub.errors import HubError
    from chateau.net.page import Console
    from chateau.reference.messages import Sources

SHOWN = ("HTTP/", "X-Error:")
"""What the lines of a head begin with that the pages show of a refusal."""


def http_refusal(error: HubError) -> str:
    """The answer to a publish that is refused with *error*, without the headers that every answer has."""
    head, _, body = bytes_of(refusal(error), b"").decode().partition("\r\n\r\n")
    return "\n".join([*(line for line in head.split("\r\n") if line.startswith(SHOWN)), "", body])


class Reference:
    """All pages, as they are served."""

    def __init__(self, sources: Sources, console: Console) -> None:
        self._sources = sources
        self._files = f"../console/{console.version}"

    @cached_property
    def pages(self) -> dict[str, str]:
        """The pages by their names, empty for the list of them."""
        made = pages(self._sources)
        return {"" if page.name == INDEX else page.name: to_html(page, made, self._files) for page in made}


def reference_routes(prefix: str, url_prefix: str, reference: Reference) -> list[Any]:
    """The addresses of *reference*; *prefix* is *url_prefix* as a pattern."""
    return [
        (prefix + "/docs", ReferenceDoor, {"url_prefix": url_prefix}),
        (prefix + "/docs/([^/]*)", ReferencePage, {"reference": reference}),
    ]


class ReferenceDoor(Page):
    """The address without its slash; links on a page are seen from the one with it."""

    def initialize(self, url_prefix: str) -> None:
        self._prefix = url_prefix

    def get(self) -> None:
        self.redirect(f"{self._prefix}/docs/")


class ReferencePage(Page):
    """One page."""

    def initialize(self, reference: Reference) -> None:
        self._reference = reference

    def get(self, name: str) -> None:
        page = self._reference.pages.get(name)
        if page is None:
            raise HTTPError(404)
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Security-Policy", content_policy(self.request.host))
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(page)
