"""Plain answers over HTTP: what all have in common, and the console's pages with their files.

The files are read once, at the start. They are served below an address with a hash of all of them in it, so
that a browser keeps them for good, and never mixes two versions; between themselves they name each other as
they lie in the folder. What the pages do is in ``chateau/console/``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError, RequestHandler

from chateau import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent.parent / "console"

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

HOST = re.compile(r"[\w.\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?", re.A)


@dataclass(frozen=True, slots=True)
class Console:
    """The pages and their files, by their names; *version* changes whenever one of the files does."""

    pages: Mapping[str, str]
    files: Mapping[str, bytes]
    version: str

    @classmethod
    def read(cls, folder: Path = FOLDER) -> Console:
        """What lies in *folder*."""
        paths = sorted(path for path in folder.iterdir() if path.suffix in CONTENT_TYPES)
        files = {path.name: path.read_bytes() for path in paths}
        digest = sha256()
        for name, content in files.items():
            digest.update(f"{name} {len(content)} ".encode() + content)
        pages = {path.name: path.read_text("utf-8") for path in folder.glob("*.html")}
        return cls(pages, files, digest.hexdigest()[:16])


class Page(RequestHandler):
    """Says who serves, and what went wrong in plain text."""

    def set_default_headers(self) -> None:
        self.set_header("Server", f"Chateau/{__version__}")
        self.set_header("X-Content-Type-Options", "nosniff")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        say(self, status_code, f"{status_code} {self._reason}")


class FrontPage(Page):
    """One of the console's pages, *name*, with what only the server knows written into it."""

    def initialize(self, console: Console, url_prefix: str, name: str = "index.html") -> None:
        self._console = console
        self._prefix = url_prefix
        self._page = console.pages[name]

    def get(self) -> None:
        scheme, host = self.request.protocol, self.request.host
        shown = {
            "prefix": self._prefix,
            "files": f"{self._prefix}/console/{self._console.version}",
            "version": __version__,
            "websocket": f"{'wss' if scheme == 'https' else 'ws'}://{host}{self._prefix}/ws",
            "page": f"{scheme}://{host}{self._prefix}/",
        }
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Security-Policy", content_policy(host))
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(re.sub(r"\{\{ (\w+) \}\}", lambda name: escape(shown[name[1]]), self._page))


class ConsoleFile(Page):
    """One of the page's files, in the version that its address names."""

    def initialize(self, console: Console) -> None:
        self._console = console

    def get(self, version: str, name: str) -> None:
        content = self._console.files.get(name)
        if content is None or version != self._console.version:
            raise HTTPError(404)
        self.set_header("Content-Type", CONTENT_TYPES[Path(name).suffix])
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.finish(content)


def content_policy(host: str) -> str:
    """What the page may do: run and show what comes from here, and talk with *host*; text never becomes HTML.

    Not every browser takes 'self' for WebSockets too, so they are named. A host that is no host is left out.
    """
    sockets = f" ws://{host} wss://{host}" if HOST.fullmatch(host) else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self'{sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def say(handler: RequestHandler, status: int, sentence: str) -> None:
    """Answer with *status* and *sentence*, in plain text."""
    handler.set_status(status)
    if status == 426:  # Upgrade Required: RFC 9110, 15.5.22, wants to hear to what
        handler.set_header("Upgrade", "websocket")
        handler.set_header("Connection", "Upgrade")
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    handler.finish(f"{sentence}\n")
