"""The reference over HTTP: the pages at ``/docs/``, the specifications, and ``/renderings``.

The content is made in :mod:`chateau.reference`, which is imported at the first request that needs it, not at
the start of the server. ``/renderings`` takes a frame and shows it in all protocols; it sends nothing to
anyone else, and stores nothing.
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from tornado.web import HTTPError, stream_request_body

from chateau.hub.errors import HubError
from chateau.net.base_handler import BaseHandler, BoundedBody, body_length
from chateau.net.console_handlers import PageHandler, with_address
from chateau.net.frames import masked_text_frame
from chateau.net.framing import CHUNKED_EVENT_STREAM, LINES, WEBSOCKET
from chateau.net.http_responses import date_line, encode_response, error_response
from chateau.net.media import check_media
from chateau.protocols import chateau
from chateau.protocols.errors import InvalidJson, TooLarge, TooManyRequests
from chateau.protocols.http_errors import UnsupportedMedia
from chateau.protocols.json_text import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chateau.net.accept import HandshakePolicy
    from chateau.net.console_handlers import ConsoleFiles
    from chateau.protocols.schemas import SchemaSet
    from chateau.protocols.spec import ProtocolSpec
    from chateau.reference.request_translations import EncodedFrame
    from chateau.reference.translations import Translation
    from chateau.settings import Described

Document = dict[str, Any]
Schemas = dict[str, Any]  # by path below /schemas/, without the suffix
Made = TypeVar("Made")

Translate = Callable[[str, str], "Translation"]
"""Return a frame, given as text, as all protocols encode it on a server at a host.

Raises:
    HubError: it is not a frame of the chateau protocol.
"""


class Reference:
    """The reference of one server, made from its protocols, schemas and settings when it is first
    requested."""

    def __init__(
        self,
        specs: tuple[ProtocolSpec, ...],
        schema_sets: Mapping[str, SchemaSet],
        schemas: Schemas,
        settings: Callable[[], Iterable[Described]],
        *,
        server_name: str,
        url_prefix: str = "",
        command_prefix: str = "!",
    ) -> None:
        """*schemas* are those that the server serves; *settings* returns its settings."""
        self.url_prefix = url_prefix
        self._specs = specs
        self._schema_sets = schema_sets
        self._schemas = schemas
        self._settings = settings
        self._server_name = server_name
        self._command_prefix = command_prefix

    def make_translate(self) -> Translate:
        """Return the function that translates a frame."""
        from chateau.reference.request_translations import TargetServer
        from chateau.reference.translations import Translator

        translator = Translator(
            self._schema_sets["chateau"], server_name=self._server_name, http_error=http_error_bytes
        )
        return lambda text, host: translator.translate(
            text, TargetServer(host, self.url_prefix, self._command_prefix)
        )

    def make_pages(self, files: str) -> dict[str, str]:
        """Return the pages by name, "" for the index; their style sheets and scripts are at *files*."""
        from chateau.reference.html import to_html
        from chateau.reference.markdown import INDEX
        from chateau.reference.messages import Sources
        from chateau.reference.site import pages

        settings = tuple(self._settings())
        made = pages(Sources(self._specs, self._schema_sets, settings, http_error_text, self.url_prefix))
        return {"" if page.name == INDEX else page.name: to_html(page, made, files) for page in made}

    @cached_property
    def _asyncapi(self) -> Document:
        from chateau.reference.asyncapi import asyncapi

        return asyncapi(self._specs, self._schemas, self.url_prefix)

    @cached_property
    def _openapi(self) -> Document:
        from chateau.reference.openapi import openapi

        return openapi(self._schemas)

    def asyncapi(self, scheme: str, host: str) -> Document:
        """Return ``/asyncapi.json`` for a client that uses *scheme* and *host*."""
        from chateau.reference.asyncapi import servers

        return self._asyncapi | {"servers": servers(scheme, host, self.url_prefix)}

    def openapi(self, scheme: str, host: str) -> Document:
        """Return ``/openapi.json`` for a client that uses *scheme* and *host*."""
        from chateau.reference.openapi import servers

        return self._openapi | {"servers": servers(scheme, host, self.url_prefix)}


def reference_routes(
    prefix: str, reference: Reference, console: ConsoleFiles, policy: HandshakePolicy
) -> list[Any]:
    """Return the routes of *reference*; *prefix* is its URL prefix as a pattern."""
    files = f"../console/{console.version}"
    pages = _once_in_a_thread(lambda: reference.make_pages(files))
    translate = _once_in_a_thread(reference.make_translate)
    return [
        (prefix + r"/asyncapi\.json", SpecificationHandler, {"make": reference.asyncapi}),
        (prefix + r"/openapi\.json", SpecificationHandler, {"make": reference.openapi}),
        (prefix + "/renderings", TranslationsHandler, {"translate": translate, "policy": policy}),
        (prefix + "/docs(?!/)", ReferenceRedirectHandler, {"to": f"{reference.url_prefix}/docs/"}),
        (prefix + "/docs/([^/]+)(?=/)", ReferenceRedirectHandler, {"to": f"{reference.url_prefix}/docs/"}),
        (prefix + "/docs/([^/]*)", ReferencePageHandler, {"pages": pages}),
    ]


def _once_in_a_thread(make: Callable[[], Made]) -> Callable[[], Future[Made]]:
    """Return a function that calls *make* once, in a thread: it imports much, and the pages take half a
    second of CPU."""
    return cache(lambda: asyncio.get_running_loop().run_in_executor(None, make))


# Pages


class ReferenceRedirectHandler(BaseHandler):
    """An address whose final slash is missing or one too many: the links of a page are relative to it."""

    def initialize(self, to: str) -> None:
        self._to = to

    def get(self, name: str = "") -> None:
        self.redirect(self._to + quote(name))


class ReferencePageHandler(PageHandler):
    """One page of the reference."""

    def initialize(self, pages: Callable[[], Future[dict[str, str]]]) -> None:
        self._pages = pages

    async def get(self, name: str) -> None:
        page = (await self._pages()).get(name)
        if page is None:
            raise HTTPError(404)
        self.send_page(with_address(page, self.request))


SHOWN = ("HTTP/", "X-Error:")
"""Prefixes of the header lines that the pages show."""


def http_error_text(error: HubError) -> str:
    """Return the response to a publish that *error* rejects, without the headers that all responses have."""
    head, _, body = encode_response(error_response(error), b"").decode().partition("\r\n\r\n")
    return "\n".join([*(line for line in head.split("\r\n") if line.startswith(SHOWN)), "", body])


# Specifications


class SpecificationHandler(BaseHandler):
    """One specification, with the address of each request as its server."""

    def initialize(self, make: Callable[[str, str], Document]) -> None:
        self._make = make

    async def get(self) -> None:
        self.send_json(await asyncio.to_thread(self._make, self.request.protocol, self.request.host))


# Translations

BODY_BYTES = 65_536
"""Maximum size of a frame to translate, in bytes."""

DRAIN_FACTOR = 16
"""A body of up to this many times the maximum size is read and dropped before the response."""

MASKING_KEY = bytes.fromhex("37fa213d")
"""The key of the example in RFC 6455, section 5.7."""

MASKED = (
    "The masking key, 37 fa 21 3d, is that of RFC 6455's example: a client takes a new one for each frame."
)

FRAMINGS: dict[tuple[str | None, str | None], Callable[[bytes], bytes]] = {
    ("WebSocket", "server"): WEBSOCKET.text,
    ("WebSocket", "client"): lambda payload: masked_text_frame(payload, MASKING_KEY),
    ("TCP", "server"): LINES.text,
    ("TCP", "client"): lambda payload: payload + b"\n",
    ("server-sent events", "server"): CHUNKED_EVENT_STREAM.text,
    ("HTTP", "server"): bytes,  # complete as they are
    ("HTTP", "client"): bytes,
}
"""The function that frames a payload, by transport and sender."""

FAILURES = {405: ("unknown_type", "This address takes the method POST.")}
"""Code and text of errors that Tornado finds, by status."""


@stream_request_body
class TranslationsHandler(BaseHandler):
    """Translates the frame in the body of a POST."""

    def initialize(self, translate: Callable[[], Future[Translate]], policy: HandshakePolicy) -> None:
        self._translate = translate
        self._policy = policy

    def prepare(self) -> None:
        """Take a body of any length, so that a long one is refused in JSON."""
        self._body = BoundedBody(
            self.request.connection, max_bytes=BODY_BYTES, max_dropped=BODY_BYTES * DRAIN_FACTOR
        )
        if self._body.must_stop(body_length(self.request.headers) or 0):
            self._send_error(413, _too_large())

    def data_received(self, chunk: bytes) -> None:
        """Collect the body."""
        if self._body.add(chunk):
            self._send_error(413, _too_large())  # no more data is received here; the connection closes

    async def post(self) -> None:
        if self._body.is_too_large:
            self._send_error(413, _too_large())
            return
        try:
            self._policy.take_token(self.request)
            check_media(self.request.headers)
            text = _decode(bytes(self._body))
            translation = (await self._translate())(text, self.request.host)
        except TooManyRequests as error:
            self.set_header("Retry-After", str(error.retry_seconds))
            self._send_error(429, error)
        except HubError as error:
            self._send_error(415 if isinstance(error, UnsupportedMedia) else 400, error)
        else:
            self._finish_with(translation_frame(translation))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send in JSON what is wrong with a request that is not a POST, or that failed."""
        if status_code == 405:
            self.set_allow()
        code, text = FAILURES.get(status_code, ("internal", "The server failed; see its log."))
        self._finish_with({"status": status_code, "code": code, "error": text})

    def _send_error(self, status: int, error: HubError) -> None:
        self.set_status(status)
        self._finish_with(chateau.error_response(error, {}) | {"status": status})

    def _finish_with(self, response: dict[str, Any]) -> None:
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(encode(response))


def translation_frame(translation: Translation) -> dict[str, Any]:
    """Return the response with *translation*."""
    frames = [_framed(each) for each in translation.frames]
    return {"event": translation.event, "kind": translation.kind, "writings": frames}


def _framed(encoded: EncodedFrame) -> dict[str, Any]:
    protocol, transport, sender, payload, note = encoded
    frame: dict[str, Any] = {"protocol": protocol, "wire": transport, "who": sender}
    if payload is None:
        frame |= {"text": None, "hex": None, "head": 0, "tail": 0}
    else:
        framed = FRAMINGS[transport, sender](payload)
        added = len(framed) - len(payload)
        tail = {"TCP": added, "server-sent events": len(b"\r\n")}.get(transport or "", 0)
        head = added - tail
        frame |= {"text": payload.decode(), "hex": framed.hex(), "head": head, "tail": tail}
    if (transport, sender) == ("WebSocket", "client"):
        note = f"{note} {MASKED}" if note else MASKED
    return frame if note is None else frame | {"note": note}


def http_error_bytes(error: HubError) -> bytes:
    """Return the response to a publish that *error* rejects now."""
    return encode_response(error_response(error), date_line(int(time.time())))


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as exc:
        raise InvalidJson("it is not UTF-8") from exc


def _too_large() -> TooLarge:
    return TooLarge(f"A frame may have {BODY_BYTES} bytes here.")
