"""An echo server on each of the house's wires, for the Autobahn suite to fuzz.

``python tests/autobahn/echo_server.py --path fast`` prints ``port N`` once it listens on the loopback, and
ends with its standard input: it never outlives the run that started it. It knows nothing of the hub: what
comes in goes out.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

MAX_MESSAGE_BYTES = 32 * 1024 * 1024  # case 9 sends messages of up to 16 MiB
PATHS = ("fast", "tornado", "plain")

Route = tuple[str, type[WebSocketHandler], dict[str, Any]]


class PlainEcho(WebSocketHandler):
    """An echo on Tornado as it comes, to compare with."""

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message, binary=isinstance(message, bytes))


def route(path: str) -> Route:
    """Where the wire is plugged in: the handler that echoes over *path*."""
    # Until chateau.net is here, "fast" and "tornado" are Tornado as it comes too.
    del path
    return "/", PlainEcho, {}


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
    parser.add_argument("--path", choices=PATHS, default="fast", help="the wire to echo over")
    asyncio.run(serve(parser.parse_args().path))


if __name__ == "__main__":
    main()
