"""An HTTP server that publishes, inside the test's event loop, with an application behind it.

The application responds to ``GET /hello`` with "hello" and echoes bodies of ``POST /echo``.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from raw_client import RawClient
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

from chateau.hub.hub import Hub
from chateau.ids import MessageIdGenerator
from chateau.lookalikes import look_of
from chateau.names import normalize_name
from chateau.net.allowance import AddressAllowances
from chateau.net.channel_handlers import BroadcastHandler
from chateau.net.connection_group import ConnectionGroup
from chateau.net.http_heads import DEFAULT_LIMITS, HeadLimits
from chateau.net.http_server import HttpServer
from chateau.net.proxies import TrustedProxies
from chateau.net.publish_connection import PUBLISHING
from chateau.net.publish_handler import HttpFrontend
from chateau.protocols.channels import ChannelsProtocol
from chateau.protocols.schemas import SchemaSet
from chateau.protocols.spec import ProtocolContext
from chateau.store.memory import MemoryStore

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas" / "channels"
SCHEMA_SET = SchemaSet(SCHEMAS, url="/schemas/channels")
TLS = Path(__file__).parent / "tls"
NOON = 1_795_176_000.0  # 2026-11-20T12:00:00Z


class Hello(RequestHandler):
    """Responds to requests other than publishes."""

    def get(self) -> None:
        self.finish("hello")

    def post(self) -> None:
        self.finish(self.request.body)


class Echo(WebSocketHandler):
    """A WebSocket on the same server."""

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message)


class MemoryOutbox:
    """A subscriber without a socket."""

    def __init__(self) -> None:
        self.got: list[str | bytes] = []

    def send(self, payload: bytes) -> None:
        self.got.append(payload.decode())

    def send_binary(self, payload: bytes) -> None:
        self.got.append(payload)

    def disconnect(self, code: int, reason: str) -> None:
        raise AssertionError("a subscriber is sent away")


def broadcast(payload: bytes, outboxes: Iterable[Any]) -> None:
    for outbox in outboxes:
        outbox.send(payload)


def broadcast_binary(payload: bytes, outboxes: Iterable[Any]) -> None:
    for outbox in outboxes:
        outbox.send_binary(payload)


class PublishingServer:
    """One server; *has_lane* enables publish connections."""

    def __init__(
        self,
        *,
        has_lane: bool,
        password: str | None = None,
        store: Any = None,
        max_frame: int = 1_048_576,
        max_outbox: int = 4_194_304,
        url_prefix: str = "",
        has_tls: bool = False,
        limits: HeadLimits = DEFAULT_LIMITS,
        max_publish_rate: float = 0,
        trusted_proxies: Iterable[str] = (),
    ) -> None:
        loop = asyncio.get_running_loop()
        self.hub = Hub(
            store=store or MemoryStore(),
            normalize_name=normalize_name,
            look_of=look_of,
            next_id=MessageIdGenerator(time.time),
            clock=time.monotonic,
            call_later=loop.call_later,
            stores_publications=store is not None,
        )
        self.channels = ChannelsProtocol(
            ProtocolContext(
                hub=self.hub,
                schemas=SCHEMA_SET,
                broadcast=broadcast,
                broadcast_binary=broadcast_binary,
                clock=time.monotonic,
                publish_password=password,
                max_frame=max_frame,
            )
        )
        self.application = Application(
            [
                (url_prefix + "/(?:hello|echo)", Hello),
                (url_prefix + "/socket", Echo),
                (url_prefix + "/broadcast/?", BroadcastHandler),
            ],
            log_function=lambda _: None,
        )
        self.group = ConnectionGroup(loop, max_outbox=max_outbox, framing=PUBLISHING)
        self.time = 1_000.0  # of the allowances
        self.allowances = AddressAllowances(max_publish_rate, lambda: self.time)
        if max_publish_rate:
            self.group.turns.clock = lambda: self.time
        proxies = TrustedProxies(trusted_proxies)
        self.frontend = HttpFrontend(
            self.application,
            self.channels,
            url_prefix=url_prefix,
            clock=lambda: NOON,
            limits=limits,
            group=self.group if has_lane else None,
            allowances=self.allowances,
            address_of=proxies.address_of,
            is_proxy=proxies.is_proxy,
        )
        context = None
        if has_tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
        self.http = HttpServer(self.frontend, limits=limits, ssl_options=context, max_body_size=1_048_576)
        self.frontend.resume_with(self.http.handle_stream)
        sockets = bind_sockets(0, "127.0.0.1")
        self.port = int(sockets[0].getsockname()[1])
        self.http.add_sockets(sockets)
        self.tls = ssl.create_default_context(cafile=TLS / "certificate.pem") if has_tls else None
        self.clients: list[RawClient] = []

    def subscribe(self, channel: str = "a") -> MemoryOutbox:
        """Add a subscriber of *channel*."""
        outbox = MemoryOutbox()
        self.channels.endpoint(channel).open(outbox, "192.0.2.1", 50_000)
        return outbox

    async def connect(self, *, publishes: int = 0) -> RawClient:
        """Connect a client that has already published *publishes* times, to a channel of its own."""
        client = await RawClient.connect(self.port, tls=self.tls)
        self.clients.append(client)
        for _ in range(publishes):
            client.send(post("/channel/warm-up/", b"hi", Authorization="Bearer swordfish"))
            assert (await client.response()).status == 201
        return client

    async def close(self) -> None:
        """Disconnect the clients, and check that no connection is left."""
        for client in self.clients:
            await client.leave()
        self.http.stop()
        await self.http.close_all_connections()
        await self.group.close(1001, "", within_seconds=5)
        self.group.poller.close()
        assert not self.group.connections


def post(target: str, body: bytes = b"", *, method: str = "POST", **headers: str | None) -> bytes:
    """Return a plain request; ``_`` in a header name stands for ``-``, headers of None are omitted."""
    given = {"Host": "localhost", "Content_Length": str(len(body))} | headers
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode("latin-1") + body


def chunked(target: str, *chunks: bytes) -> bytes:
    """Return a request with a chunked body."""
    head = post(target, Content_Length=None, Transfer_Encoding="chunked")
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
