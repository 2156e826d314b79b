"""What all plain answers over HTTP have in common."""

from __future__ import annotations

from typing import Any

from tornado.web import RequestHandler

from chateau import __version__


class Page(RequestHandler):
    """Says who serves, and what went wrong in plain text."""

    def set_default_headers(self) -> None:
        self.set_header("Server", f"Chateau/{__version__}")
        self.set_header("X-Content-Type-Options", "nosniff")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        say(self, status_code, f"{status_code} {self._reason}")


def say(handler: RequestHandler, status: int, sentence: str) -> None:
    """Answer with *status* and *sentence*, in plain text."""
    handler.set_status(status)
    if status == 426:  # Upgrade Required: RFC 9110, 15.5.22, wants to hear to what
        handler.set_header("Upgrade", "websocket")
        handler.set_header("Connection", "Upgrade")
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    handler.finish(f"{sentence}\n")
