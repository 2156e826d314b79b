"""Origin policy: which web pages may connect, publish and read, and the CORS headers for their browsers.

A browser sends the origin of the page with each request that the page makes to another server, and in
``Sec-Fetch-Site`` how the two are related. Clients that are no browsers send neither, and are not restricted.
CORS is that of the Fetch standard, section 3.2: without its headers a browser hides the response from the
page, and asks first (a preflight) where a form could not have made the request.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from chateau.hosts import ORIGIN_LIMIT, is_own_origin, normalized_origin
from chateau.net.log_limits import LogLimit, shown
from chateau.settings import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

log = logging.getLogger(__name__)

HeaderLines = Sequence[tuple[str, str]]

METHODS: Final = {
    "/channel/": "GET, HEAD, POST",
    "/broadcast": "POST",
    "/openapi.json": "GET, HEAD",
    "/asyncapi.json": "GET, HEAD",
    "/schemas/": "GET, HEAD",
}
"""The methods that a page of an allowed origin may use, by the beginning of the path."""

ALLOWED_HEADERS: Final = (
    "Authorization, Cache-Control, Content-Type, Idempotency-Key, Last-Event-ID, Package-Type"
)
EXPOSED_HEADERS: Final = "Allow, Retry-After, X-Delivered, X-Error"

PREFLIGHT_SECONDS: Final = 600
"""How long a browser may use the response to a preflight."""

_SAME_SITE = ("same-origin", "none")


class OriginPolicy:
    """The origins that are *allowed*, normalized, besides the server's own; ``*`` allows all."""

    def __init__(
        self,
        allowed: Iterable[str] = (),
        *,
        url_prefix: str = "",
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._allowed = frozenset(allowed)
        self._allows_all = ALL in self._allowed
        self._methods = {url_prefix + path: methods for path, methods in METHODS.items()}
        self._paths = tuple(self._methods)
        self._log_limit = LogLimit() if clock is None else LogLimit(clock=clock)

    def allows(self, origin: str) -> bool:
        """Return whether pages of *origin*, other than the server's own, may connect."""
        return self._allows_all or (len(origin) <= ORIGIN_LIMIT and _normalized(origin) in self._allowed)

    def rejection(self, headers: Mapping[str, str], action: str = "connect") -> str | None:
        """Return why a page may not make the request with *headers*, and log it; None if it may.

        *action* is, in the sentence, what the page wants.
        """
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if site in _SAME_SITE or (origin is None and site is None):
            return None
        if origin is None:
            return f"Pages of another site may not {action} here without sending their origin."
        if self.allows(origin) or (site is None and _is_own(origin, headers.get("host", ""))):
            return None
        named = _flag_value(origin)
        if self._log_limit.allows(named):
            log.info("a page of the origin %s is refused; --allow-origin %s would allow it", named, named)
        return f"Pages of this origin may not {action} here; --allow-origin {named} would allow it."

    # CORS

    def covers(self, path: str) -> bool:
        """Return whether responses at *path* have CORS headers."""
        return path.startswith(self._paths)

    def cors_headers(self, origin: str | None) -> HeaderLines:
        """Return the CORS headers of a response to a page of *origin*."""
        varies = ("Vary", "Origin")
        if origin is None or not self.allows(origin):
            return [varies]
        readable = _normalized(origin) is not None  # with *, anything is allowed
        return [
            ("Access-Control-Allow-Origin", origin if readable else ALL),
            ("Access-Control-Expose-Headers", EXPOSED_HEADERS),
            varies,
        ]

    def is_preflight(self, method: str, path: str, headers: Mapping[str, str]) -> bool:
        """Return whether a browser asks by this request whether a page may make another one."""
        return (
            method == "OPTIONS"
            and "origin" in headers
            and "access-control-request-method" in headers
            and self.covers(path)
        )

    def preflight_headers(self, path: str, headers: Mapping[str, str]) -> HeaderLines:
        """Return the headers of the response to a preflight for *path*, which is not refused."""
        methods = next(methods for start, methods in self._methods.items() if path.startswith(start))
        answer = [
            ("Access-Control-Allow-Methods", methods),
            ("Access-Control-Allow-Headers", ALLOWED_HEADERS),
            ("Access-Control-Max-Age", str(PREFLIGHT_SECONDS)),
        ]
        if headers.get("access-control-request-private-network") == "true":
            answer.append(("Access-Control-Allow-Private-Network", "true"))
        return answer


@lru_cache(maxsize=1_024)
def _normalized(origin: str) -> str | None:
    try:
        return normalized_origin(origin)
    except ValueError:
        return None


def _is_own(origin: str, host: str) -> bool:
    normalized = _normalized(origin) if len(origin) <= ORIGIN_LIMIT else None
    return normalized is not None and is_own_origin(normalized, host)


def _flag_value(origin: str) -> str:
    """Return *origin* as a value of ``--allow-origin``; ``*`` if no other value would allow it."""
    normalized = _normalized(origin) if len(origin) <= ORIGIN_LIMIT else None
    return "*" if normalized is None else shown(normalized)
