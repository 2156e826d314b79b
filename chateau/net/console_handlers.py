"""The web console: its pages, and their files.

The files are read once, at the start. Their addresses contain a hash of all of them, so that a browser caches
them permanently and never mixes two versions; they refer to each other by relative addresses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tornado.template import Template
from tornado.web import HTTPError

from chateau import __version__
from chateau.net.base_handler import BaseHandler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tornado.httputil import HTTPServerRequest

FOLDER = Path(__file__).parent.parent / "console"

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

HOST = re.compile(r"[\w.\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?", re.A)

DEFAULT_ADDRESS = "http://localhost:8888"
"""The address in the examples of the documentation."""


@dataclass(frozen=True, slots=True)
class ConsoleFiles:
    """The pages and their files, by name; *version* changes whenever one of the files does."""

    pages: Mapping[str, Template]
    files: Mapping[str, bytes]
    version: str

    @classmethod
    @cache
    def of_server(cls) -> ConsoleFiles:
        """Return those of the package, which all servers share."""
        return cls.read()

    @classmethod
    def read(cls, folder: Path = FOLDER) -> ConsoleFiles:
        """Read the pages and files in *folder*."""
        paths = sorted(path for path in folder.iterdir() if path.suffix in CONTENT_TYPES)
        files = {path.name: path.read_bytes() for path in paths}
        digest = sha256()
        for name, content in files.items():
            digest.update(f"{name} {len(content)} ".encode() + content)
        pages = {
            path.name: Template(path.read_text("utf-8"), whitespace="all") for path in folder.glob("*.html")
        }
        return cls(pages, files, digest.hexdigest()[:16])


class PageHandler(BaseHandler):
    """Base of the handlers that send pages for browsers."""

    def send_page(self, page: str | bytes) -> None:
        """Send *page* with the headers that restrict what it may do."""
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Security-Policy", content_policy(self.request.host))
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(page)


class IndexHandler(PageHandler):
    """One of the console's pages, *name*, with the values that only the server knows."""

    def initialize(self, console: ConsoleFiles, url_prefix: str, name: str = "index.html") -> None:
        self._console = console
        self._prefix = url_prefix
        self._page = console.pages[name]

    def get(self) -> None:
        scheme, host = self.request.protocol, self.request.host
        page = self._page.generate(
            prefix=self._prefix,
            files=f"{self._prefix}/console/{self._console.version}",
            version=__version__,
            websocket=f"{'wss' if scheme == 'https' else 'ws'}://{host}{self._prefix}/ws",
            page=f"{scheme}://{host}{self._prefix}/",
        )
        self.send_page(page)


class ConsoleFileHandler(BaseHandler):
    """One of the pages' files, in the version that its address names."""

    def initialize(self, console: ConsoleFiles) -> None:
        self._console = console

    def get(self, version: str, name: str) -> None:
        content = self._console.files.get(name)
        if content is None or version != self._console.version:
            raise HTTPError(404)
        self.set_header("Content-Type", CONTENT_TYPES[Path(name).suffix])
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.finish(content)


class LlmsTextHandler(BaseHandler):
    """The file ``llms.txt``: the documentation's index for language models."""

    def get(self) -> None:
        path = FOLDER.parent / "llms.txt"
        if not path.is_file():
            raise HTTPError(404)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(with_address(path.read_text("utf-8"), self.request))


def with_address(text: str, request: HTTPServerRequest) -> str:
    """Return *text* with the address that *request* came to instead of the default one."""
    if not HOST.fullmatch(request.host):
        return text
    return text.replace(DEFAULT_ADDRESS, f"{request.protocol}://{request.host}")


def content_policy(host: str) -> str:
    """Return the policy of a page: it runs and shows what the server sends, and connects to *host*.

    Text never becomes HTML. Not every browser lets 'self' cover WebSockets, so they are named, unless *host*
    is not valid.
    """
    sockets = f" ws://{host} wss://{host}" if HOST.fullmatch(host) else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self'{sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
