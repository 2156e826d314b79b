"""Responding with an event stream: the content negotiation, the head, and handing the connection over.

A client of HTTP/1.1 gets the stream in chunks, one per event: libraries such as requests pass on what they
have read at the end of a chunk, and without chunks only when a buffer of theirs is full. A client of HTTP/1.0
gets the events as they are, and the stream ends with the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from tornado.iostream import StreamClosedError

from chateau import __version__
from chateau.net.accept import adopt
from chateau.net.base_handler import BaseHandler

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest

    from chateau.net.connection import PeerFactory
    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.origin_policy import HeaderLines

MEDIA_TYPE = "text/event-stream"
RANGES = (MEDIA_TYPE, "text/*", "*/*")
"""The media ranges that cover event streams, the most specific one first."""

PAGES = ("text/html", "application/xhtml+xml")
"""What a browser asks for first when a person opens an address."""

STREAM_HEADERS = {
    "Content-Type": MEDIA_TYPE,
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would buffer the events
}
"""The headers of every event stream."""

Kind = TypeVar("Kind")


class ByVersion(NamedTuple, Generic[Kind]):
    """What is there once per framing of event streams: for streams in chunks, and for those of HTTP/1.0."""

    chunked: Kind
    plain: Kind

    def of(self, request: HTTPServerRequest) -> Kind:
        """Return the one for the client of *request*."""
        return self.plain if request.version == "HTTP/1.0" else self.chunked


class EventStreamHandler(BaseHandler):
    """Base of the handlers that respond with a stream of server-sent events that does not end."""

    async def stream_to(
        self, group: ConnectionGroup, open_peer: PeerFactory, *, address: str, headers: HeaderLines = ()
    ) -> None:
        """Send the head, with *headers* too, and hand the connection over to *group*."""
        headers_by_name = STREAM_HEADERS | dict(headers)
        if self.request.method == "HEAD":
            for name, value in headers_by_name.items():
                self.set_header(name, value)
            self.flush()  # without a length, which a stream does not have
            self.finish()
            return
        headers_by_name |= ByVersion({"Transfer-Encoding": "chunked"}, {}).of(self.request)
        stream = self.detach()
        try:
            await stream.write(stream_head(headers_by_name))
        except StreamClosedError:
            return
        await adopt(stream, group, open_peer, address=address)


def stream_head(headers: dict[str, str]) -> bytes:
    """Return the head of an event stream with *headers*; nothing follows it on its connection."""
    all_headers = {"Server": f"Chateau/{__version__}"} | headers | {"Connection": "close"}
    lines = [f"{name}: {value}" for name, value in all_headers.items()]
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()


def accepts_event_stream(accept: str | None) -> bool:
    """Return whether a client with the header *accept* takes an event stream (RFC 9110, section 12.5.1).

    A browser in which a person opens the address does not: it takes anything, but prefers pages.
    """
    if accept is None or not accept.strip():
        return True
    qualities = dict(map(_range_and_quality, accept.lower().split(",")))
    if MEDIA_TYPE not in qualities and any(qualities.get(page, 0) > 0 for page in PAGES):
        return False
    named = next((name for name in RANGES if name in qualities), None)
    return named is not None and qualities[named] > 0


def _range_and_quality(item: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in item.split(";"))
    quality = next(
        (
            value
            for key, _, value in (each.replace(" ", "").partition("=") for each in parameters)
            if key == "q"
        ),
        "1",
    )
    try:
        return name, float(quality)
    except ValueError:
        return name, 1.0
