"""Health checks for load balancers and container platforms: is the process alive, should it get clients?

Both are for everybody, take no parameters, and change nothing. A server that is not ready still serves; it
asks for clients to be sent elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chateau.net.base_handler import BaseHandler

NotReady = Callable[[], list[str]]
"""Return the reasons, in sentences, why no more clients should be sent here; none if the server is ready."""


class HealthHandler(BaseHandler):
    """Base of both: JSON that no proxy stores."""

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        return None  # a check wants the status 200, not 304


class AliveHandler(HealthHandler):
    """``/healthz``: 200 as long as the event loop runs."""

    def get(self) -> None:
        self.send_json({"status": "alive"})


class ReadyHandler(HealthHandler):
    """``/readyz``: 200 if the server is ready for clients, otherwise 503, with the reasons."""

    def initialize(self, not_ready: NotReady) -> None:
        self._not_ready = not_ready

    def get(self) -> None:
        reasons = self._not_ready()
        self.set_status(503 if reasons else 200)
        self.send_json({"status": "not ready" if reasons else "ready", "reasons": reasons})


def health_routes(prefix: str, not_ready: NotReady) -> list[Any]:
    """Return the routes; *prefix* is a pattern."""
    return [
        (prefix + "/healthz", AliveHandler),
        (prefix + "/readyz", ReadyHandler, {"not_ready": not_ready}),
    ]
