"""An echo server on each transport of the server, for the Autobahn suite to fuzz.

``python tests/autobahn/echo_server.py --path fast`` prints ``port N`` once it listens on the loopback, and
ends with its standard input: it never outlives the run that started it. It has no hub: it sends back every
message.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from chateau.net.accept import HandshakePolicy, WebSocketUpgradeHandler
from chateau.net.connection_group import ConnectionGroup
from chateau.net.host_policy import HostPolicy
from chateau.net.origin_policy import OriginPolicy
from chateau.net.proxies import TrustedProxies

if TYPE_CHECKING:
    from chateau.net.connection import Connection

MAX_MESSAGE_BYTES = 32 * 1024 * 1024  # case 9 sends messages of up to 16 MiB

Route = tuple[str, type[WebSocketHandler], dict[str, Any]]


class PlainEcho(WebSocketHandler):
    """An echo on plain Tornado, for comparison."""

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message, binary=isinstance(message, bytes))


class EchoPeer:
    """Sends back each message of its client."""

    session = None

    def __init__(self, connection: Connection, _address: str, _port: int) -> None:
        self._connection = connection

    def on_open(self) -> None:
        pass

    def on_excess(self, message: str | bytes) -> None:
        self._connection.send(b"too many")

    def on_text(self, text: str) -> None:
        self._connection.send(text.encode())

    def on_binary(self, payload: bytes) -> None:
        self._connection.send_binary(payload)

    def on_close(self) -> None:
        pass


def route(path: str) -> Route:
    """Return the echo handler for *path*."""
    if path == "plain":
        return "/", PlainEcho, {}
    group = ConnectionGroup(
        asyncio.get_running_loop(),
        max_frame=MAX_MESSAGE_BYTES,
        max_outbox=2 * MAX_MESSAGE_BYTES,
        takes_sockets=path == "fast",
    )
    policy = HandshakePolicy(group, TrustedProxies(), OriginPolicy(), HostPolicy())
    return "/", WebSocketUpgradeHandler, {"open_peer": EchoPeer, "policy": policy}


async def serve(path: str) -> None:
    """Echo on a free port of the loopback until the standard input ends."""
    application = Application([route(path)], websocket_max_message_size=MAX_MESSAGE_BYTES)
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(application).add_sockets(sockets)
    sys.stdout.write(f"port {sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="An echo server on the loopback, for the Autobahn suite.")
    parser.add_argument("--path", default="fast", help="fast, tornado or plain")
    asyncio.run(serve(parser.parse_args().path))


if __name__ == "__main__":
    main()
