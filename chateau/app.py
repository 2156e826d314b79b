"""The composition root: builds the server from the settings, opens the listeners, drains on shutdown.

Everything is put together here and nowhere else; no module below this one knows the settings.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from chateau import logs
from chateau.check import check, loaded_plugins
from chateau.exposure import exposure, is_loopback
from chateau.hub.hub import Hub
from chateau.ids import MessageIdGenerator
from chateau.lookalikes import look_of
from chateau.names import normalize_name
from chateau.names import preload as preload_names
from chateau.net import frames
from chateau.net.accept import HandshakePolicy, LinesServer
from chateau.net.admin_api import Admin
from chateau.net.admin_streams import LiveStream, Taps
from chateau.net.allowance import AddressAllowances
from chateau.net.channel_handlers import Subscriptions
from chateau.net.connection_group import ConnectionGroup
from chateau.net.connection_limits import ConnectionLimits
from chateau.net.event_stream_handler import ByVersion
from chateau.net.framing import CHUNKED_EVENT_STREAM, EVENT_STREAM, LINES, WEBSOCKET
from chateau.net.host_policy import host_policy
from chateau.net.http_heads import HeadLimits
from chateau.net.liveness import end_stalled, keep_alive
from chateau.net.metrics import Metrics, Probe
from chateau.net.origin_policy import OriginPolicy
from chateau.net.partial_input import PartialInput
from chateau.net.proxies import TrustedProxies
from chateau.net.publish_connection import PUBLISHING
from chateau.net.publish_handler import HttpFrontend
from chateau.net.reference_handlers import Reference
from chateau.net.request_checks import RequestChecks
from chateau.net.routes import make_application, make_single_application
from chateau.net.sockets import (
    StartError,
    bind_port,
    bind_usock,
    format_address,
    raise_descriptor_limit,
)
from chateau.net.tls import tls_context
from chateau.net.web_server import WebServer
from chateau.process import (
    announce,
    complain,
    end_if_prevented,
    end_later,
    flush_output,
    handle_signals,
    open_standard_streams,
    run,
)
from chateau.protocols.admin import AdminProtocol
from chateau.protocols.catalog import ALL
from chateau.protocols.event_streams import EventStreams
from chateau.protocols.schemas import compiled_schemas, schemas_folder
from chateau.protocols.spec import ProtocolContext, ServerAddress
from chateau.settings import ALL as ALL_HOSTS
from chateau.settings import MEMORY, Settings, SettingsError, described, load
from chateau.store import StoreError
from chateau.store.memory import MemoryStore
from chateau.store.sqlite import SqliteStore
from chateau.times import rfc3339

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from tornado.httputil import HTTPServerConnectionDelegate
    from tornado.tcpserver import TCPServer

    from chateau.hub.ports import Store
    from chateau.net.framing import Framing
    from chateau.protocols.schemas import SchemaSet
    from chateau.protocols.spec import EndpointSpec, ProtocolSpec
    from chateau.protocols.transport import Endpoint

log = logging.getLogger(__name__)

DRAIN_SECONDS = 5.0
"""How long clients have at shutdown to read their queued frames and to complete the closing handshake."""

LINE_BYTES = 16_384
"""Maximum size of a line, in bytes (protocols, section 3)."""

USAGE_ERROR = 2
FAILURE = 1
INTERRUPTED = 130


class Server:
    """One running server. Create it inside the event loop that runs it."""

    def __init__(self, settings: Settings, protocols: Sequence[ProtocolSpec] = ALL) -> None:
        """Build the server from *protocols* and open the store; nothing listens yet.

        Raises:
            StartError: a plug-in, the certificate or the store cannot be used.
        """
        self._loop = asyncio.get_running_loop()
        self.settings = settings
        self.specs = tuple(protocols)
        self.stopping: asyncio.Future[str | None] = self._loop.create_future()  # for the reason that is given
        self._commands = loaded_plugins(settings.plugin)
        self._tls = tls_context(settings)
        self._takes_sockets = settings.transport == "auto" and watches_sockets(self._loop)
        self.group = self._make_group(WEBSOCKET, settings.max_frame, beside=None)
        self.group.limits = ConnectionLimits(
            total=settings.max_connections, per_address=settings.max_connections_per_address
        )
        self.group.partial_input = PartialInput(settings.max_partial_input)
        self._lines_group = self._make_group(LINES, LINE_BYTES, beside=self.group)
        self._stream_group = self._make_group(CHUNKED_EVENT_STREAM, settings.max_frame, beside=self.group)
        self._plain_stream_group = self._make_group(EVENT_STREAM, settings.max_frame, beside=self.group)
        self._publish_group = self._make_group(PUBLISHING, settings.max_frame, beside=self.group)
        self._groups = (
            self.group,
            self._lines_group,
            self._stream_group,
            self._plain_stream_group,
            self._publish_group,
        )
        self.store = opened_store(settings, self._loop)
        self.hub = Hub(
            store=self.store,
            normalize_name=normalize_name,
            look_of=look_of,
            next_id=MessageIdGenerator(time.time),
            clock=time.monotonic,
            call_later=self._loop.call_later,
            presence_limit=settings.presence_limit,
            secret_key=settings.secret_key,
            reserved_names=(settings.server_name,),
            stores_publications=settings.channel_history > 0,
            stores_messages=settings.history > 0,
        )
        self._servers: list[TCPServer] = []
        self._unix_socket: Path | None = None  # to be removed at the end
        self._sweeps: list[asyncio.Task[None]] = []
        self.greetings: list[str] = []  # where each listener is
        self.addresses: list[str] = []  # on which it listens, without ports

    def start(self) -> None:
        """Open the listeners.

        Raises:
            StartError: a listener cannot be opened.
            SettingsError: behind a proxy, the names of the server have to be given.
        """
        raise_descriptor_limit()
        preload_names()
        scheme = "https" if self._tls is not None else "http"
        sockets = bind_port(self.settings, "port")
        policy = self._handshake_policy(sockets)
        web = self._web_server(policy)
        greeting = f"Chateau is at {scheme}://"
        self._listen(web, sockets, greeting, f"{self.settings.url_prefix}/")
        if self.settings.usock is not None:
            web.add_socket(bind_usock(self.settings.usock, self.settings.usock_permissions))
            self._unix_socket = self.settings.usock
            self.greetings.append(f"Chateau is at the UNIX socket {self.settings.usock}")
        for spec in self.specs:
            own = [self._listen_on_own_port(spec, each, policy) for each in spec.endpoints]
            self._contexts[spec.name].address.port = next(filter(None, own), sockets)[0].getsockname()[1]
        if self.settings.ping:
            self._sweeps.append(asyncio.create_task(keep_alive(self._groups, self.settings.ping)))
        if self.settings.request_timeout:
            self._sweeps.append(asyncio.create_task(end_stalled(self._groups, self.settings.request_timeout)))

    def stop(self, reason: str | None = None) -> None:
        """Make the server drain, for *reason*. Idempotent."""
        if not self.stopping.done():
            self.stopping.set_result(reason)

    def reload(self) -> None:
        """Use the certificate and key as they are now for new connections; continue with the old ones if they
        cannot be used."""
        files = (self.settings.tls_cert, self.settings.tls_key)
        if not any(files):
            log.info("reload: nothing to reload, since there is no --tls-cert")
            return
        try:
            for file in files:
                if file is None or not file.is_file():  # a pipe would block, and has been read
                    raise StartError(f"{file} is not a file")
            self._tls = tls_context(self.settings)
        except StartError as exc:
            log.error("reload: the old certificate stays in use: %s", exc)  # noqa: TRY400 - one line, for people
            return
        for server in self._servers:
            if isinstance(server, WebServer):
                server.ssl_options = self._tls
        log.info("reload: the certificate of %s is used for new connections", self.settings.tls_cert)

    def not_ready(self) -> list[str]:
        """Return why no more clients should come to this server, in sentences; nothing if they may."""
        read_only = self.store.why_read_only()
        draining = ["The server is shutting down."] if self.stopping.done() else []
        return draining if read_only is None else [*draining, read_only]

    async def drain(self, reason: str | None = None) -> None:
        """Stop: accept no connections, notify every client, flush their outboxes, close with 1001."""
        for server in self._servers:
            server.stop()
        for sweep in self._sweeps:
            sweep.cancel()
        for group in self._groups:
            group.freeze()
        with suppress(TimeoutError):  # a disk that hangs must not block the shutdown
            async with asyncio.timeout(DRAIN_SECONDS):
                await self.store.settle()  # so that clients receive their responses before the shutdown
        self.hub.shut_down(reason)
        closing = (
            group.close(frames.GOING_AWAY, "server shutdown", within_seconds=DRAIN_SECONDS)
            for group in self._groups
        )
        await asyncio.gather(*closing)
        for server in self._servers:
            if isinstance(server, WebServer):
                await server.close_all_connections()
        self.close()

    def close(self) -> None:
        """Release the resources of the server, drained or never started."""
        self.group.poller.close()
        self.store.close()
        if self._unix_socket is not None:
            self._unix_socket.unlink(missing_ok=True)

    # Protocols

    @cached_property
    def schema_sets(self) -> dict[str, SchemaSet]:
        """The schemas of each protocol and of the admin API, by the names of their folders."""
        folders = {spec.name: spec.schemas for spec in self.specs} | {"admin": schemas_folder() / "admin"}
        url = f"{self.settings.url_prefix}/schemas"
        return {name: compiled_schemas(folders[name], f"{url}/{name}") for name in sorted(folders)}

    @cached_property
    def _contexts(self) -> dict[str, ProtocolContext]:
        return {spec.name: self._context_of(spec) for spec in self.specs}

    def _context_of(self, spec: ProtocolSpec) -> ProtocolContext:
        settings = self.settings
        group = self._lines_group if spec.endpoints[0].transport == "tcp" else self.group
        return ProtocolContext(
            hub=self.hub,
            schemas=self.schema_sets[spec.name],
            broadcast=group.broadcast,
            broadcast_binary=group.broadcast_binary,
            clock=time.monotonic,
            stop=self.stop,
            max_rate=settings.max_rate,
            max_frame=settings.max_frame,
            server_name=settings.server_name,
            command_prefix=settings.command_prefix,
            default_privacy=settings.default_privacy,
            publish_password=settings.pwd,
            address=ServerAddress("0.0.0.0" if settings.hosts[0] == ALL_HOSTS else settings.hosts[0]),
            plugins=self._commands,
        )

    @cached_property
    def protocols(self) -> dict[str, Any]:
        """The protocols that this server serves, by their names."""
        return {spec.name: spec.make(self._contexts[spec.name]) for spec in self.specs}

    def _endpoints(self) -> dict[str, Endpoint]:
        """Return the protocol to use for WebSockets at each path."""
        return {
            endpoint.address: self.protocols[spec.name]
            for spec in self.specs
            for endpoint in spec.endpoints
            if endpoint.is_path
        }

    def _web_server(self, policy: HandshakePolicy) -> WebServer:
        settings, schema_sets = self.settings, self.schema_sets
        channels = self.protocols["channels"]
        schemas = _schemas(schema_sets)
        groups = self._stream_groups
        streams = ByVersion(*(EventStreams(self.hub, broadcast=group.broadcast) for group in groups))
        application = make_application(
            self._endpoints(),
            policy,
            Subscriptions(channels, streams, groups),
            schemas=schemas,
            admin=self.admin,
            reference=Reference(
                self.specs,
                schema_sets,
                schemas,
                described,
                server_name=settings.server_name,
                url_prefix=settings.url_prefix,
                command_prefix=settings.command_prefix,
            ),
            not_ready=self.not_ready,
        )
        frontend = self._frontend = HttpFrontend(
            application,
            channels,
            url_prefix=settings.url_prefix,
            address_of=policy.proxies.address_of,
            origins=policy.origins,
            hosts=policy.hosts,
            limits=self._head_limits,
            group=self._publish_group,
            allowances=policy.allowances,
            is_proxy=policy.proxies.is_proxy,
        )
        server = self._http_server(frontend, policy)
        frontend.resume_with(server.resume)
        return server

    @cached_property
    def admin(self) -> Admin:
        """The admin API and its streams."""
        settings = self.settings
        protocol = AdminProtocol(
            self.hub, self.schema_sets["admin"], stop=self.stop, has_key=settings.secret_key is not None
        )
        taps = Taps(self.hub, self._groups, now=now)
        metrics = Metrics(
            self.hub,
            self._groups,
            published=lambda: self._frontend.endpoint.served,
            is_tapped=taps.is_tapped,
            clock=time.monotonic,
            now=now,
        )
        live = LiveStream(protocol, metrics, Probe(self.group, clock=time.perf_counter), self._loop)
        return Admin(protocol, metrics, live, taps, self._stream_groups)

    # Connection groups and listeners

    def _make_group(
        self, framing: Framing, max_frame: int, *, beside: ConnectionGroup | None
    ) -> ConnectionGroup:
        return ConnectionGroup(
            self._loop,
            max_frame=max_frame,
            max_outbox=self.settings.max_outbox,
            max_rate=0 if framing is PUBLISHING else self.settings.max_rate,
            ping_seconds=self.settings.ping,
            takes_sockets=self._takes_sockets,
            framing=framing,
            beside=beside,
        )

    @property
    def _stream_groups(self) -> ByVersion[ConnectionGroup]:
        return ByVersion(self._stream_group, self._plain_stream_group)

    @property
    def _head_limits(self) -> HeadLimits:
        settings = self.settings
        return HeadLimits(settings.max_target, settings.max_headers, settings.max_head)

    def _http_server(self, delegate: HTTPServerConnectionDelegate, policy: HandshakePolicy) -> WebServer:
        checks = RequestChecks(delegate, hosts=policy.hosts, origins=policy.origins, proxies=policy.proxies)
        return WebServer(
            checks,
            group=self.group,
            limits=self._head_limits,
            request_seconds=self.settings.request_timeout,
            is_shared=policy.proxies.is_trusted,
            ssl_options=self._tls,
        )

    def _handshake_policy(self, sockets: Sequence[socket.socket]) -> HandshakePolicy:
        """Return the policy of a server that listens on *sockets*.

        Raises:
            SettingsError: they have loopback addresses, and a proxy sends other names, which are not given.
        """
        settings = self.settings
        try:
            hosts = host_policy(settings, sockets)
        except SettingsError:
            for sock in sockets:
                sock.close()
            raise
        origins = OriginPolicy(settings.allow_origin, url_prefix=settings.url_prefix)
        allowances = AddressAllowances(settings.max_publish_rate, time.monotonic)
        return HandshakePolicy(self.group, TrustedProxies(settings.trusted_proxy), origins, hosts, allowances)

    def _listen(
        self, server: TCPServer, sockets: list[socket.socket], greeting: str, path: str = ""
    ) -> list[socket.socket]:
        server.add_sockets(sockets)
        self._servers.append(server)
        self.greetings += [f"{greeting}{format_address(sock)}{path}" for sock in sockets]
        self.addresses += [sock.getsockname()[0] for sock in sockets]
        return sockets

    def _listen_on_own_port(
        self, spec: ProtocolSpec, endpoint: EndpointSpec, policy: HandshakePolicy
    ) -> list[socket.socket]:
        """Listen on the port of *endpoint*; return no sockets if it has none or its setting is 0."""
        setting = endpoint.port_setting
        if setting is None or not getattr(self.settings, setting):
            return []
        protocol = self.protocols[spec.name]
        if endpoint.transport == "tcp":
            lines = LinesServer(protocol.open, self._lines_group)
            return self._listen(lines, bind_port(self.settings, setting), endpoint.greeting)
        server = self._http_server(make_single_application(protocol, policy), policy)
        scheme = "ws" if self._tls is None else "wss"
        sockets = bind_port(self.settings, setting)
        return self._listen(server, sockets, f"{endpoint.greeting}{scheme}://", "/")


def opened_store(settings: Settings, loop: asyncio.AbstractEventLoop) -> Store:
    """Return the store that the settings select, opened.

    Raises:
        StartError: it cannot be opened.
    """
    if settings.data == MEMORY:
        return MemoryStore(
            history=settings.history,
            channel_history=settings.channel_history,
            max_age_seconds=settings.history_seconds,
        )
    try:
        return SqliteStore(
            Path(settings.data),
            loop=loop,
            history=settings.history,
            channel_history=settings.channel_history,
            max_age_seconds=settings.history_seconds,
        )
    except StoreError as exc:
        raise StartError(f"--data {settings.data}: {exc}") from exc


def _schemas(schema_sets: Mapping[str, SchemaSet]) -> dict[str, Any]:
    """Return every schema by its path below schemas/, including those of the test client's files."""
    of_protocols = {
        f"{protocol}/{name}": schema
        for protocol, schemas in schema_sets.items()
        for name, schema in schemas.schemas.items()
    }
    of_files = {
        path.stem: orjson.loads(path.read_bytes()) for path in sorted(schemas_folder().glob("*.json"))
    }
    return of_protocols | of_files


def now() -> str:
    """Return the current time, in the format of messages."""
    return rfc3339(datetime.now(UTC))


def watches_sockets(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether *loop* can watch sockets; the default loop on Windows cannot."""
    return isinstance(loop, asyncio.SelectorEventLoop)


async def serve(settings: Settings) -> None:
    """Run the server until a signal or an admin stops it, then drain it."""
    server = Server(settings)
    handle_signals(stop=server.stop, reload=server.reload)
    try:
        server.start()
    except BaseException:
        server.close()
        raise
    for greeting in server.greetings:
        announce(greeting)
    if not is_loopback(server.addresses):
        for line in exposure(settings, server.addresses):
            log.info("exposed: %s", line)
    spare_the_collector()
    reason = await server.stopping
    end_later()
    log.info("draining: %d session(s) open", server.hub.session_count())
    await server.drain(reason)


def spare_the_collector() -> None:
    """Collect cyclic garbage less often, and never among the objects made at the start.

    The objects of a request are freed by their reference counts. With the default threshold of 700 objects,
    the collector took 3 % of the time in a room of 1,000, and gets more expensive with every connection.
    """
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server with the command line *arguments* (``sys.argv`` by default) and return its exit code."""
    open_standard_streams()
    try:
        settings = load(sys.argv[1:] if arguments is None else arguments)
        if settings.is_check:
            return _check(settings)
        limits = logs.Limits(settings.max_log_line, settings.max_log_rate)
        logs.configure(settings.log_level, settings.log_format, limits)
        for warning in settings.warnings:
            log.warning("%s", warning)
        end_if_prevented(0, run(serve(settings)))
    except SettingsError as exc:
        complain(exc)
        return USAGE_ERROR
    except StartError as exc:
        complain(exc)
        end_if_prevented(FAILURE)
        return FAILURE
    except KeyboardInterrupt:  # before the server handles signals
        return INTERRUPTED
    finally:
        flush_output()
    return 0


def _check(settings: Settings) -> int:
    for warning in settings.warnings:
        announce(f"warning: {warning}")
    for line in check(settings):
        announce(line)
    return 0
