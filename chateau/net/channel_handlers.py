"""Subscribing to a channel: a WebSocket, or server-sent events over plain HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chateau.hub.errors import AccessDenied, Banned, HubError
from chateau.net.accept import WebSocketUpgradeHandler
from chateau.net.base_handler import BaseHandler, send_text
from chateau.net.event_stream_handler import ByVersion, EventStreamHandler, accepts_event_stream
from chateau.net.http_responses import BODIES
from chateau.net.publish_handler import decode_name

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest
    from tornado.web import RequestHandler

    from chateau.net.accept import HandshakePolicy
    from chateau.net.connection_group import ConnectionGroup
    from chateau.protocols.channels import ChannelsProtocol
    from chateau.protocols.event_streams import EventStreams

HOW_TO_SUBSCRIBE = "Subscribe with a WebSocket, or with Accept: text/event-stream."


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The *channels*, their event *streams*, and the *groups* of the connections of these."""

    channels: ChannelsProtocol
    streams: ByVersion[EventStreams]
    groups: ByVersion[ConnectionGroup]


class ChannelUpgradeHandler(WebSocketUpgradeHandler):
    """Accepts WebSocket handshakes for channels."""

    def initialize(self, policy: HandshakePolicy, subscriptions: Subscriptions) -> None:  # type: ignore[override]
        self._policy = policy
        self._channels = subscriptions.channels

    served_elsewhere = ("POST",)

    async def get(self, *args: Any, **kwargs: Any) -> None:
        try:
            name = channel_of(self.request)
            self._channels.check_subscription(name, self._policy.address_of(self.request))
        except HubError as error:
            send_error(self, error)
            return
        self._open_peer = self._channels.endpoint(name).open
        await super().get(*args, **kwargs)


class ChannelHandler(BaseHandler):
    """Base of the handlers of addresses to which clients publish; POST is served before they are reached."""

    served_elsewhere = ("POST",)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send an error as a publish gets it."""
        if status_code != 405:
            super().write_error(status_code, **kwargs)
            return
        self.set_allow()
        self.set_header("X-Error", f"This address takes {self.methods_in_words()}.")
        self.set_header("Content-Type", "application/json")
        self.finish(BODIES[405])


class BroadcastHandler(ChannelHandler):
    """Responds to everything at ``/broadcast/`` but POST."""


class ChannelStreamHandler(ChannelHandler, EventStreamHandler):
    """Responds to GET with the publications of a channel."""

    def initialize(self, policy: HandshakePolicy, subscriptions: Subscriptions) -> None:
        self._policy = policy
        self._subscriptions = subscriptions

    async def get(self) -> None:
        subscriptions, request = self._subscriptions, self.request
        group = subscriptions.groups.of(request)
        if not accepts_event_stream(request.headers.get("Accept")):
            send_text(self, 426, HOW_TO_SUBSCRIBE)
            return
        if group.is_closing:
            send_text(self, 503, "The server is shutting down.")
            return
        address = self._policy.address_of(request)
        try:
            name = channel_of(request)
            subscriptions.channels.check_subscription(name, address)
        except HubError as error:
            send_error(self, error)
            return
        endpoint = subscriptions.streams.of(request).endpoint(name, request.headers.get("Last-Event-ID"))
        cors = self._policy.origins.cors_headers(request.headers.get("Origin"))
        await self.stream_to(group, endpoint.open, address=address, headers=cors)


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
