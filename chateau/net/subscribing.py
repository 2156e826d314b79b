"""The ways in for who listens to a channel: a WebSocket, or server-sent events over plain HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tornado.iostream import StreamClosedError

from chateau import __version__
from chateau.hub.errors import AccessDenied, Banned, HubError
from chateau.net.entrance import port_of, take_over
from chateau.net.page import Page, say
from chateau.net.publish_desk import decoded_name
from chateau.net.websocket import WebSocketEntrance

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest
    from tornado.web import RequestHandler

    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.websocket import HandshakePolicy
    from chateau.protocols.transport import Endpoint

EVENT_STREAM = "text/event-stream"
HOW_TO_SUBSCRIBE = "Subscribe with a WebSocket, or with Accept: text/event-stream."


class Channels(Protocol):
    """The channel protocol, as its listeners come to it."""

    def check_subscription(self, name: str, address: str) -> None:
        """Refuse who may not listen to the channel *name*: :class:`HubError`."""

    def endpoint(self, name: str) -> Endpoint:
        """The way in for WebSockets."""


class Streams(Protocol):
    """The same for event streams."""

    def endpoint(self, name: str, last_event_id: str | None) -> Endpoint:
        """The way in; the stream goes on behind the event *last_event_id*."""


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The *channels*, their event *streams*, and the wire that these are on."""

    channels: Channels
    streams: Streams
    stream_group: ConnectionGroup


class ChannelEntrance(WebSocketEntrance):
    """Takes WebSocket handshakes for channels."""

    def initialize(self, policy: HandshakePolicy, subscriptions: Subscriptions) -> None:  # type: ignore[override]
        self._policy = policy
        self._channels = subscriptions.channels

    async def get(self, *args: Any, **kwargs: Any) -> None:
        try:
            name = channel_of(self.request)
            self._channels.check_subscription(name, self._policy.address_of(self.request))
        except HubError as error:
            refuse(self, error)
            return
        self._endpoint = self._channels.endpoint(name)
        await super().get(*args, **kwargs)


class EventStreamEntrance(Page):
    """Answers GET with a stream of server-sent events that does not end."""

    def initialize(self, policy: HandshakePolicy, subscriptions: Subscriptions) -> None:
        self._policy = policy
        self._subscriptions = subscriptions

    async def head(self) -> None:
        say(self, 426, HOW_TO_SUBSCRIBE)

    async def get(self) -> None:
        if EVENT_STREAM not in self.request.headers.get("Accept", "").lower():
            say(self, 426, HOW_TO_SUBSCRIBE)
        elif self._subscriptions.stream_group.is_closing:
            say(self, 503, "The server is shutting down.")
        else:
            await self._subscribe()

    async def _subscribe(self) -> None:
        address = self._policy.address_of(self.request)
        try:
            name = channel_of(self.request)
            self._subscriptions.channels.check_subscription(name, address)
        except HubError as error:
            refuse(self, error)
            return
        endpoint = self._subscriptions.streams.endpoint(name, self.request.headers.get("Last-Event-ID"))
        head = stream_head(self._allowed_origin())
        stream = self.detach()
        try:
            await stream.write(head)
        except StreamClosedError:
            return
        group = self._subscriptions.stream_group
        await take_over(stream, group, endpoint, address=address, port=port_of(stream))

    def _allowed_origin(self) -> str | None:
        """The origin that a browser is told may read the stream, where that is another one than ours."""
        origin = self.request.headers.get("Origin")
        return origin if origin is not None and self._policy.allows_origin(origin) else None


def channel_of(request: HTTPServerRequest) -> str:
    """The channel's name in the path of *request*.

    Raises:
        InvalidName: it is not UTF-8.
    """
    return decoded_name(request.path.removesuffix("/").rpartition("/")[2])


def refuse(handler: RequestHandler, error: HubError) -> None:
    """Answer a subscription that *error* refuses."""
    status = 403 if isinstance(error, AccessDenied | Banned) else 400
    say(handler, status, str(error).encode("unicode_escape").decode())


def stream_head(origin: str | None = None) -> bytes:
    """The head of an event stream that does not end; pages of *origin* may read it."""
    lines = [
        "HTTP/1.1 200 OK",
        f"Server: Chateau/{__version__}",
        f"Content-Type: {EVENT_STREAM}",
        "Cache-Control: no-store",
        "X-Accel-Buffering: no",  # nginx would hold events back
        "Connection: close",
    ]
    if origin is not None:
        lines += [f"Access-Control-Allow-Origin: {origin}", "Vary: Origin"]
    return "\r\n".join([*lines, "", ""]).encode()
