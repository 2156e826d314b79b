"""A WebSocket server that responds by a script, to test the client against.

It runs on a thread of its own, so that tests may simply wait for the client's process.
"""

import asyncio
import json
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

PATIENCE_SECONDS = 60  # how long a test waits for an event on a loaded machine
ID = "01JD3Z5V8M9QK7T4W2X6Y0ABCD"
TIME = "2026-11-20T09:30:00.000Z"
DONE: dict[int, dict[str, Any]] = {
    1: {},
    2: {},
    3: {"id": ID, "time": TIME},
    4: {"clients": ["alice", "bob"]},
    5: {"room": "lobby", "members": ["alice"]},
    6: {"room": "lobby"},
    7: {"room": "lobby", "seq": 1, "id": ID, "time": TIME},
    8: {"room": "lobby", "messages": [], "complete": True},
    9: {"rooms": []},
}
PUSH = {
    "type": 3,
    "status": 200,
    "sender": "carol",
    "clients": ["alice"],
    "content": "good morning",
    "id": ID,
    "time": TIME,
}


@dataclass(frozen=True)
class Close:
    """In a script: the server closes the connection."""

    code: int
    reason: str


@dataclass(frozen=True)
class Drop:
    """In a script: the server is gone, without a word."""


Step = dict[str, Any] | str | bytes | Close | Drop


def response_to(request: dict[str, Any]) -> dict[str, Any]:
    """Return the correct response to *request*."""
    ref = {"ref": request["ref"]} if "ref" in request else {}
    return {"type": request["type"], "status": 200, **DONE[request["type"]], **ref}


def error_response(request: dict[str, Any], code: str, error: str) -> dict[str, Any]:
    return {"type": request["type"], "status": 400, "code": code, "error": error}


class ScriptedServer:
    """A WebSocket server whose ``script`` returns what to do about each request."""

    def __init__(self) -> None:
        self.script: Callable[[dict[str, Any]], Iterable[Step]] = lambda request: [response_to(request)]
        self.received: queue.Queue[str] = queue.Queue()
        self.close_codes: queue.Queue[int | None] = queue.Queue()
        self.clients: queue.Queue[ClientState] = queue.Queue()
        self.url = ""
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def open(self) -> None:
        self._thread.start()
        assert self._started.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(PATIENCE_SECONDS)

    def next_client(self) -> "ClientState":
        """The next client to arrive."""
        return self.clients.get(timeout=PATIENCE_SECONDS)

    def next_received(self) -> str:
        return self.received.get(timeout=PATIENCE_SECONDS)

    def next_close_code(self) -> int | None:
        """The code with which the next client closes."""
        return self.close_codes.get(timeout=PATIENCE_SECONDS)

    def do(self, client: "ClientState", *steps: Step) -> None:
        """Do *steps* for *client* now, unasked."""
        self._loop.call_soon_threadsafe(client.do, steps)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        http_server = HTTPServer(Application([("/ws", ClientState, {"server": self})]))
        sockets = bind_sockets(0, "127.0.0.1")
        http_server.add_sockets(sockets)
        self.url = f"ws://127.0.0.1:{sockets[0].getsockname()[1]}/ws"
        self._started.set()
        await self._over.wait()
        http_server.stop()
        await http_server.close_all_connections()


class ClientState(WebSocketHandler):
    """One client of the server."""

    def initialize(self, server: ScriptedServer) -> None:
        self.server = server

    def open(self) -> None:
        self.server.clients.put(self)

    def on_message(self, message: str | bytes) -> None:
        assert isinstance(message, str)
        self.server.received.put(message)
        self.do(self.server.script(json.loads(message)))

    def on_close(self) -> None:
        self.server.close_codes.put(self.close_code)

    def do(self, steps: Iterable[Step]) -> None:
        for step in steps:
            match step:
                case Close():
                    self.close(step.code, step.reason)
                case Drop():
                    self.detach().close()
                case bytes():
                    self.write_message(step, binary=True)
                case _:
                    self.write_message(step)
