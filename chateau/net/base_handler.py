"""What all HTTP handlers share: methods, headers, plain-text errors, request bodies of a bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import orjson
from tornado.web import HTTPError, RequestHandler

from chateau import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tornado.http1connection import HTTP1Connection
    from tornado.httputil import HTTPConnection

    from chateau.net.origin_policy import OriginPolicy

LENGTH_DIGITS = 18
"""Digits of a ``Content-Length`` that are parsed; a longer number counts as 10**18."""

NO_LIMIT = 2**62  # beyond its own limit, Tornado sends an empty 400


class BaseHandler(RequestHandler):
    """Sends the headers that all responses have, and errors as plain text.

    HEAD responds as GET, without the body. OPTIONS, and every 405, list the methods in ``Allow``. To respond
    to OPTIONS with more headers, as CORS requires, a handler sets them in :meth:`options` and calls this one
    last.
    """

    served_elsewhere: ClassVar[tuple[str, ...]] = ()
    """Methods of the same address that are served before the request reaches a handler."""

    @classmethod
    def allowed_methods(cls) -> list[str]:
        """Return the methods of the handler's address, sorted."""
        own = {"HEAD": cls.get, "OPTIONS": cls.options} | {
            method: getattr(cls, method.lower()) for method in cls.SUPPORTED_METHODS if method != "HEAD"
        }
        is_served = (method for method, serve in own.items() if serve is not cls._unimplemented_method)
        return sorted({*is_served, *cls.served_elsewhere})

    def set_default_headers(self) -> None:
        self.set_header("Server", f"Chateau/{__version__}")
        self.set_header("X-Content-Type-Options", "nosniff")
        origins: OriginPolicy | None = self.settings.get("origins")
        if origins is not None and origins.covers(self.request.path):
            for name, value in origins.cors_headers(self.request.headers.get("Origin")):
                self.set_header(name, value)

    def head(self, *args: Any, **kwargs: Any) -> Any:
        return self.get(*args, **kwargs)

    def options(self, *_args: Any, **_kwargs: Any) -> None:
        self.set_allow()
        self.set_status(204)
        self.finish()

    def send_json(self, value: object, content_type: str = "application/json") -> None:
        """Send *value* as JSON that people can read."""
        self.set_header("Content-Type", content_type)
        self.finish(orjson.dumps(value, option=orjson.OPT_INDENT_2))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if not isinstance(value, HTTPError):  # an error of the client is not logged
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if status_code == 405:
            self.set_allow()
            send_text(self, 405, f"This address takes {self.methods_in_words()}.")
        else:
            send_text(self, status_code, f"{status_code} {self._reason}")

    def set_allow(self) -> None:
        """Set the header ``Allow``, which a 405 must have (RFC 9110, section 15.5.6)."""
        self.set_header("Allow", ", ".join(self.allowed_methods()))

    def methods_in_words(self) -> str:
        """Return the methods of the address for a sentence: ``the method POST``."""
        methods = [method for method in self.allowed_methods() if method not in ("HEAD", "OPTIONS")]
        return f"the method {methods[0]}" if len(methods) == 1 else f"the methods {', '.join(methods)}"


def send_text(handler: RequestHandler, status: int, text: str) -> None:
    """Respond with *status* and *text*, in plain text."""
    handler.set_status(status)
    if status == 426:  # RFC 9110, 15.5.22: the response names the protocol to upgrade to
        handler.set_header("Upgrade", "websocket")
        handler.set_header("Connection", "Upgrade")
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    handler.finish(f"{text}\n")


class BoundedBody:
    """A request body of at most *max_bytes*.

    A client that is still writing does not read the response, and closing the connection on it would discard
    the response. So a longer body is read and dropped, up to *max_dropped* bytes, and then refused.
    """

    __slots__ = ("_chunks", "_max_bytes", "_max_dropped", "size")

    def __init__(self, connection: HTTPConnection | None, *, max_bytes: int, max_dropped: int) -> None:
        """*connection* is that of the request; Tornado's own limit is lifted."""
        cast("HTTP1Connection", connection).set_max_body_size(NO_LIMIT)
        self._max_bytes = max_bytes
        self._max_dropped = max_dropped
        self._chunks: list[bytes] = []
        self.size = 0

    def must_stop(self, size: int) -> bool:
        """Return whether a body of *size* bytes is too long even to be read and dropped."""
        return size > self._max_dropped

    def add(self, chunk: bytes) -> bool:
        """Add *chunk*; return whether reading must stop, because the body is too long even to be dropped."""
        self.size += len(chunk)
        if not self.is_too_large:
            self._chunks.append(chunk)
            return False
        self._chunks.clear()
        return self.must_stop(self.size)

    @property
    def is_too_large(self) -> bool:
        """Whether the body so far has more than *max_bytes*."""
        return self.size > self._max_bytes

    def __bytes__(self) -> bytes:
        """Return the body, which is not too large."""
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)


def body_length(headers: Mapping[str, str]) -> int | None:
    """Return the value of ``Content-Length`` in bytes; None if it is missing or not a number."""
    value = headers.get("content-length", "")
    if not value.isascii() or not value.isdecimal():
        return None
    return int(value) if len(value) <= LENGTH_DIGITS else 10**LENGTH_DIGITS


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """Return the KEY of ``Authorization: Bearer KEY``; None without such a header."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip().encode("latin-1").decode(errors="replace") if scheme.lower() == "bearer" else None
