"""Subscribing to a channel: a WebSocket, or server-sent events over plain HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamClosedError

from chateau import __version__
from chateau.hub.errors import AccessDenied, Banned, HubError
from chateau.net.accept import WebSocketUpgradeHandler, adopt
from chateau.net.base_handler import BaseHandler, send_text
from chateau.net.publish_handler import decode_name

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest
    from tornado.web import RequestHandler

    from chateau.net.accept import HandshakePolicy
    from chateau.net.connection import PeerFactory
    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.origin_policy import HeaderLines
    from chateau.protocols.channels import ChannelsProtocol
    from chateau.protocols.event_streams import EventStreams

EVENT_STREAM = "text/event-stream"
HOW_TO_SUBSCRIBE = "Subscribe with a WebSocket, or with Accept: text/event-stream."


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The *channels*, their event *streams*, and the group of the connections of these."""

    channels: ChannelsProtocol
    streams: EventStreams
    stream_group: ConnectionGroup


class ChannelUpgradeHandler(WebSocketUpgradeHandler):
    """Accepts WebSocket handshakes for channels."""

    def initialize(self, policy: HandshakePolicy, subscriptions: Subscriptions) -> None:  # type: ignore[override]
        self._policy = policy
        self._channels = subscriptions.channels

    async def get(self, *args: Any, **kwargs: Any) -> None:
        try:
            name = channel_of(self.request)
            self._channels.check_subscription(name, self._policy.address_of(self.request))
        except HubError as error:
            send_error(self, error)
            return
        self._open_peer = self._channels.endpoint(name).open
        await super().get(*args, **kwargs)


class EventStreamHandler(BaseHandler):
    """Base of the handlers that respond with a stream of server-sent events that does not end."""

    async def stream_to(
        self, group: ConnectionGroup, open_peer: PeerFactory, *, address: str, headers: HeaderLines = ()
    ) -> None:
        """Send the head, with *headers*, and hand the connection over to *group*."""
        stream = self.detach()
        try:
            await stream.write(stream_head(headers))
        except StreamClosedError:
            return
        await adopt(stream, group, open_peer, address=address)


class ChannelStreamHandler(EventStreamHandler):
    """Responds to GET with the publications of a channel."""

    def initialize(self, policy: HandshakePolicy, subscriptions: Subscriptions) -> None:
        self._policy = policy
        self._subscriptions = subscriptions

    async def head(self) -> None:
        send_text(self, 426, HOW_TO_SUBSCRIBE)

    async def get(self) -> None:
        subscriptions, request = self._subscriptions, self.request
        if EVENT_STREAM not in request.headers.get("Accept", "").lower():
            send_text(self, 426, HOW_TO_SUBSCRIBE)
            return
        if subscriptions.stream_group.is_closing:
            send_text(self, 503, "The server is shutting down.")
            return
        address = self._policy.address_of(request)
        try:
            name = channel_of(request)
            subscriptions.channels.check_subscription(name, address)
        except HubError as error:
            send_error(self, error)
            return
        endpoint = subscriptions.streams.endpoint(name, request.headers.get("Last-Event-ID"))
        cors = self._policy.origins.cors_headers(request.headers.get("Origin"))
        await self.stream_to(subscriptions.stream_group, endpoint.open, address=address, headers=cors)


def channel_of(request: HTTPServerRequest) -> str:
    """Return the channel's name in the path of *request*.

    Raises:
        InvalidName: it is not UTF-8.
    """
    return decode_name(request.path.removesuffix("/").rpartition("/")[2])


def send_error(handler: RequestHandler, error: HubError) -> None:
    """Respond to a subscription that *error* rejects."""
    status = 403 if isinstance(error, AccessDenied | Banned) else 400
    send_text(handler, status, str(error).encode("unicode_escape").decode())


def stream_head(headers: HeaderLines = ()) -> bytes:
    """Return the head of an event stream that does not end, with *headers*."""
    lines = [
        "HTTP/1.1 200 OK",
        f"Server: Chateau/{__version__}",
        f"Content-Type: {EVENT_STREAM}",
        "Cache-Control: no-store",
        "X-Accel-Buffering: no",  # nginx would buffer the events
        "Connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode()
