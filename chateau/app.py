"""The composition root: picks the backends, opens the listeners, and drains on shutdown.

Everything is put together here and nowhere else; no other module of the server knows the settings.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import signal
import ssl
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tornado.httpserver import HTTPServer

from chateau import logs
from chateau.cluster.local import LocalCluster
from chateau.hub.hub import Hub
from chateau.mint import Mint
from chateau.names import name_form
from chateau.net import frames, listener
from chateau.net.http import make_application
from chateau.net.wire import Wire
from chateau.protocols.chateau import ChateauProtocol
from chateau.protocols.contract import Contract
from chateau.settings import Settings, SettingsError, load
from chateau.store.memory import MemoryStore

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

log = logging.getLogger(__name__)

DRAIN_SECONDS = 5.0
"""How long clients have at shutdown to read what waits for them and to answer the close."""

IDLE_SECONDS = 60.0
"""How long a connection may take to ask for something by HTTP, a handshake for example."""

_PORT_TROUBLES = frozenset((errno.EADDRINUSE, errno.EACCES))

USAGE_ERROR = 2
FAILURE = 1


class StartError(Exception):
    """The server cannot start; the text says why and which setting is to be changed."""


class Server:
    """One running server. Made inside the event loop that it is to run in."""

    def __init__(self, settings: Settings) -> None:
        loop = asyncio.get_running_loop()
        self.settings = settings
        self.wire = Wire(
            loop,
            max_frame=settings.max_frame,
            max_outbox=settings.max_outbox,
            takes_sockets=settings.wire == "auto" and watches_sockets(loop),
        )
        self.hub = Hub(
            store=MemoryStore(),
            cluster=LocalCluster(),
            name_form=name_form,
            mint=Mint(time.time),
            clock=time.monotonic,
            call_later=loop.call_later,
            presence_limit=settings.presence_limit,
        )
        contract = Contract(schemas_folder() / "chateau", url=f"{settings.url_prefix}/schemas/chateau")
        chateau = ChateauProtocol(
            self.hub,
            contract,
            broadcast=self.wire.broadcast,
            clock=time.monotonic,
            max_rate=settings.max_rate,
            max_frame=settings.max_frame,
        )
        application = make_application(
            {"/ws": chateau},
            self.wire,
            schemas={"chateau": contract.schemas},
            url_prefix=settings.url_prefix,
            allowed_origins=settings.allow_origin,
        )
        self._http = HTTPServer(
            application, ssl_options=tls_context(settings), idle_connection_timeout=IDLE_SECONDS
        )
        self._keeping_alive: asyncio.Task[None] | None = None
        self.addresses: list[str] = []

    def start(self) -> None:
        """Open the listeners.

        Raises:
            StartError: one of them cannot be opened.
        """
        listener.raise_descriptor_limit()
        sockets = self._bind("--port", self.settings.port)
        self.addresses = [self._url(sock) for sock in sockets]
        self._http.add_sockets(sockets)
        if self.settings.ping:
            self._keeping_alive = asyncio.create_task(self.wire.keep_alive(self.settings.ping))

    async def drain(self, reason: str | None = None) -> None:
        """Stop: take nobody in, tell every client, flush what waits for them, close with 1001."""
        self._http.stop()
        if self._keeping_alive is not None:
            self._keeping_alive.cancel()
        self.hub.shut_down(reason)
        await self.wire.close(frames.GOING_AWAY, "server shutdown", within_seconds=DRAIN_SECONDS)
        await self._http.close_all_connections()

    def _bind(self, flag: str, port: int) -> list[socket.socket]:
        host = self.settings.host
        try:
            return listener.bind(host, port)
        except OSError as exc:
            if exc.errno in _PORT_TROUBLES:
                raise StartError(f"{flag} {port}: cannot listen on {host}: {exc.strerror}") from exc
            raise StartError(f"--host {host}: cannot listen there: {exc.strerror or exc}") from exc

    def _url(self, sock: socket.socket) -> str:
        host, port = sock.getsockname()[:2]
        scheme = "http" if self.settings.tls_cert is None else "https"
        shown = f"[{host}]" if ":" in host else host
        return f"{scheme}://{shown}:{port}{self.settings.url_prefix}/"


def schemas_folder() -> Path:
    """Where schemas/ is: inside an installed package, else at the top of the checkout."""
    package = Path(__file__).parent
    installed = package / "schemas"
    return installed if installed.is_dir() else package.parent / "schemas"


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """What TLS needs, where the settings ask for it.

    Raises:
        StartError: the certificate or the key cannot be used.
    """
    if settings.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as exc:
        flags = f"--tls-cert {settings.tls_cert}, --tls-key {settings.tls_key}"
        raise StartError(f"{flags}: {exc.strerror or exc}") from exc
    return context


def watches_sockets(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether *loop* can tell when a socket is readable; Windows' own loop cannot."""
    return isinstance(loop, asyncio.SelectorEventLoop)


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then drain."""
    stop = stop_signal()
    server = Server(settings)
    server.start()
    spare_the_collector()
    for address in server.addresses:
        print(f"Chateau is at {address}", flush=True)  # noqa: T201 - this is for who started it
    await stop.wait()
    log.info("draining: %d connection(s) open", len(server.wire.connections))
    await server.drain()


def spare_the_collector() -> None:
    """Have Python look for cyclic garbage less often, and never among what the start has made.

    What a request makes is freed by its reference count. Looked for every 700 objects, as Python has it,
    garbage took 3 % of the time in a room of 1,000, and grows dearer with every connection.
    """
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set from now on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    return stop


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server with the command line *arguments* (this process's by default); returns its exit code."""
    try:
        settings = load(sys.argv[1:] if arguments is None else arguments)
        logs.configure(settings.log_level, settings.log_format)
        asyncio.run(serve(settings))
    except SettingsError as exc:
        return complain(exc, USAGE_ERROR)
    except StartError as exc:
        return complain(exc, FAILURE)
    return 0


def complain(exc: Exception, status: int) -> int:
    """Say what is wrong in one line; *status* is what to exit with."""
    print(f"chateau: {exc}", file=sys.stderr)  # noqa: T201
    return status
