"""HTTP: which address leads where, the console's pages, the schemas and the specifications.

The doors themselves are WebSockets and event streams; see :mod:`chateau.net.websocket` and
:mod:`chateau.net.subscribing`. What is published comes in by :mod:`chateau.net.publishing`.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import orjson
from tornado.routing import PathMatches, Rule
from tornado.web import Application, HTTPError

from chateau.net.admin.addresses import admin_routes
from chateau.net.page import Console, ConsoleFile, FrontPage, Page
from chateau.net.reference_pages import Reference, reference_routes
from chateau.net.renderings import RenderingsPage
from chateau.net.specifications import SpecificationPage, specifications
from chateau.net.subscribing import ChannelEntrance, EventStreamEntrance
from chateau.net.websocket import WebSocketEntrance, asks_for_websocket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tornado.httputil import HTTPServerRequest
    from tornado.web import RequestHandler

    from chateau.net.admin.addresses import Admin
    from chateau.net.subscribing import Subscriptions
    from chateau.net.websocket import HandshakePolicy
    from chateau.protocols.transport import Endpoint
    from chateau.reference.messages import Sources
    from chateau.reference.translations import Translator

log = logging.getLogger(__name__)

Schemas = dict[str, Any]  # by their paths below /schemas/, without the ending

CHANNEL_PATH = "/channel/[^/]+/?"


def make_application(
    endpoints: Mapping[str, Endpoint],
    policy: HandshakePolicy,
    subscriptions: Subscriptions,
    *,
    schemas: Schemas,
    admin: Admin,
    renderer: Translator,
    reference: Sources,
    url_prefix: str = "",
    command_prefix: str = "!",
) -> Application:
    """The server's addresses: each of *endpoints* at its path, the channels, *schemas*, *admin*, the pages.

    The door at ``/`` is for WebSockets; whoever asks for that address by plain HTTP gets the page.
    """
    prefix = re.escape(url_prefix)
    root = {"endpoint": endpoints["/"], "policy": policy}
    channels = {"policy": policy, "subscriptions": subscriptions}
    console = Console.read()
    return Application(
        [
            *(
                (prefix + path, WebSocketEntrance, {"endpoint": endpoint, "policy": policy})
                for path, endpoint in endpoints.items()
                if path != "/"
            ),
            Rule(UpgradeMatches(prefix + "/?"), WebSocketEntrance, root),
            Rule(UpgradeMatches(prefix + CHANNEL_PATH), ChannelEntrance, channels),
            (prefix + CHANNEL_PATH, EventStreamEntrance, channels),
            *admin_routes(prefix, admin, policy),
            (prefix + "/schemas/", SchemaIndex, {"schemas": schemas, "url_prefix": url_prefix}),
            (prefix + r"/schemas/(.+)\.json", SchemaPage, {"schemas": schemas}),
            *(
                (f"{prefix}/{re.escape(name)}", SpecificationPage, {"specification": specification})
                for name, specification in specifications(reference.specs, schemas, url_prefix).items()
            ),
            (
                prefix + "/renderings",
                RenderingsPage,
                {"renderer": renderer, "url_prefix": url_prefix, "command_prefix": command_prefix},
            ),
            *reference_routes(prefix, url_prefix, Reference(reference, console)),
            (prefix + "/?", FrontPage, {"console": console, "url_prefix": url_prefix}),
            (
                prefix + "/console/admin",
                FrontPage,
                {"console": console, "url_prefix": url_prefix, "name": "admin.html"},
            ),
            (prefix + "/console/([0-9a-f]{16})/([^/]+)", ConsoleFile, {"console": console}),
        ],
        default_handler_class=NotFound,
        log_function=_log_request,
    )


def make_single_application(endpoint: Endpoint, policy: HandshakePolicy) -> Application:
    """The addresses of a port of its own: *endpoint* at each of them."""
    return Application(
        [(".*", WebSocketEntrance, {"endpoint": endpoint, "policy": policy})], log_function=_log_request
    )


class UpgradeMatches(PathMatches):
    """Matches requests for a WebSocket at a path."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return super().match(request) if asks_for_websocket(request.headers) else None


class SchemaIndex(Page):
    """Where each schema is."""

    def initialize(self, schemas: Schemas, url_prefix: str) -> None:
        self._urls = [f"{url_prefix}/schemas/{name}.json" for name in schemas]

    def get(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(orjson.dumps(self._urls, option=orjson.OPT_INDENT_2))


class SchemaPage(Page):
    """One schema."""

    def initialize(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def get(self, name: str) -> None:
        if (schema := self._schemas.get(name)) is None:
            raise HTTPError(404)
        self.set_header("Content-Type", "application/schema+json")
        self.finish(orjson.dumps(schema, option=orjson.OPT_INDENT_2))


class NotFound(Page):
    """Any other address."""

    def prepare(self) -> None:
        raise HTTPError(404)


def _log_request(handler: RequestHandler) -> None:
    request = handler.request
    milliseconds = 1000 * request.request_time()
    log.debug("%d %s %s (%.1f ms)", handler.get_status(), request.method, request.path, milliseconds)
