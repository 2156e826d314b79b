"""Routes: which handler serves which address.

The endpoints themselves are WebSockets and event streams; see :mod:`chateau.net.accept` and
:mod:`chateau.net.channel_handlers`. :mod:`chateau.net.publish_handler` serves publishes before this.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from tornado.routing import PathMatches, Rule
from tornado.web import Application, HTTPError

from chateau.net.accept import WebSocketUpgradeHandler, asks_for_websocket
from chateau.net.admin_api import admin_routes
from chateau.net.base_handler import BaseHandler
from chateau.net.channel_handlers import BroadcastHandler, ChannelStreamHandler, ChannelUpgradeHandler
from chateau.net.console_handlers import ConsoleFileHandler, ConsoleFiles, IndexHandler, LlmsTextHandler
from chateau.net.health_handlers import health_routes
from chateau.net.http_heads import ANY_TARGET
from chateau.net.reference_handlers import reference_routes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tornado.httputil import HTTPServerRequest
    from tornado.web import RequestHandler

    from chateau.net.accept import HandshakePolicy
    from chateau.net.admin_api import Admin
    from chateau.net.channel_handlers import Subscriptions
    from chateau.net.health_handlers import NotReady
    from chateau.net.reference_handlers import Reference, Schemas
    from chateau.protocols.transport import Endpoint

log = logging.getLogger(__name__)

CHANNEL_PATH = "/channel/[^/]+"


def make_application(
    endpoints: Mapping[str, Endpoint],
    policy: HandshakePolicy,
    subscriptions: Subscriptions,
    *,
    schemas: Schemas,
    admin: Admin,
    reference: Reference,
    not_ready: NotReady,
) -> Application:
    """Return the server's routes: each of *endpoints* at its path, channels, schemas, admin API, pages.

    The endpoint at ``/`` is for WebSockets; plain HTTP gets the console there. The final slash of an address
    is optional. Publishes do not get here: see :mod:`chateau.net.publish_handler`.
    """
    url_prefix = reference.url_prefix
    prefix = re.escape(url_prefix)
    channels = {"policy": policy, "subscriptions": subscriptions}
    console = ConsoleFiles.of_server()
    page = {"console": console, "url_prefix": url_prefix}
    routes: list[Any] = [
        *(
            (prefix + path, WebSocketUpgradeHandler, {"open_peer": endpoint.open, "policy": policy})
            for path, endpoint in endpoints.items()
            if path != "/"
        ),
        (prefix + CHANNEL_PATH, ChannelStreamHandler, channels),
        (prefix + "/broadcast", BroadcastHandler),
        *health_routes(prefix, not_ready),
        *admin_routes(prefix, admin, policy),
        (prefix + "/schemas", SchemaIndexHandler, {"schemas": schemas, "url_prefix": url_prefix}),
        (prefix + r"/schemas/(.+)\.json", SchemaHandler, {"schemas": schemas}),
        *reference_routes(prefix, reference, console, policy),
        (prefix + r"/llms\.txt", LlmsTextHandler),
        (prefix, IndexHandler, page),
        (prefix + "/console/admin", IndexHandler, page | {"name": "admin.html"}),
        (prefix + "/console/([0-9a-f]{16})/([^/]+)", ConsoleFileHandler, {"console": console}),
        (re.escape(ANY_TARGET), AnyTargetHandler),
    ]
    return Application(
        [
            Rule(
                UpgradeMatches(prefix + "/?"),
                WebSocketUpgradeHandler,
                {"open_peer": endpoints["/"].open, "policy": policy},
            ),
            Rule(UpgradeMatches(prefix + CHANNEL_PATH + "/?"), ChannelUpgradeHandler, channels),
            *map(with_optional_slash, routes),
        ],
        default_handler_class=NotFoundHandler,
        log_function=_log_request,
        origins=policy.origins,
    )


def with_optional_slash(route: Any) -> Any:
    """Return *route*, whose pattern has no final slash, for its address with and without one."""
    pattern, *rest = route
    return (pattern + "/?", *rest)


def make_single_application(endpoint: Endpoint, policy: HandshakePolicy) -> Application:
    """Return the routes of a port with one endpoint, at every address."""
    return Application(
        [(".*", WebSocketUpgradeHandler, {"open_peer": endpoint.open, "policy": policy})],
        log_function=_log_request,
    )


class UpgradeMatches(PathMatches):
    """Matches requests for a WebSocket at a path."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return super().match(request) if asks_for_websocket(request.headers) else None


class SchemaIndexHandler(BaseHandler):
    """The addresses of all schemas."""

    def initialize(self, schemas: Schemas, url_prefix: str) -> None:
        self._urls = [f"{url_prefix}/schemas/{name}.json" for name in schemas]

    def get(self) -> None:
        self.send_json(self._urls)


class SchemaHandler(BaseHandler):
    """One schema."""

    def initialize(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def get(self, name: str) -> None:
        if (schema := self._schemas.get(name)) is None:
            raise HTTPError(404)
        self.send_json(schema, "application/schema+json")


class AnyTargetHandler(BaseHandler):
    """The server as a whole, in ``OPTIONS *``: it lists what some address takes."""

    served_elsewhere = ("GET", "HEAD", "POST")


class NotFoundHandler(BaseHandler):
    """Any other address."""

    def prepare(self) -> None:
        raise HTTPError(404)


def _log_request(handler: RequestHandler) -> None:
    request = handler.request
    milliseconds = 1000 * request.request_time()
    log.debug("%d %s %s (%.1f ms)", handler.get_status(), request.method, request.path, milliseconds)
