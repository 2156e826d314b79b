"""A small correct server of the functions protocol, on Tornado, in memory.

The servers in functions/ are this one with one fault each, so each rule is a method. It shares no code with
Chateau, and has no other protocol: a name is a variable like any other.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import signal
import time
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from tornado.web import Application
from tornado.websocket import WebSocketHandler

Frame = dict[str, Any]

FRAME_BYTES = 1_048_576
CUSTOM_BYTES = 16_384
TRIES, TRIES_SECONDS = 5, 60
GOODBYE_SECONDS = 0.2  # for the goodbyes to be on their way
QUOTED = 60

NEEDED: dict[str, dict[str, type]] = {
    "send_message": {"recipient_ids": list, "message": str},
    "retrieve_clients": {},
    "set_custom_variables": {"custom_variables": dict},
    "set_privacy": {"privacy": str},
    "allow_ip": {"ip": str},
    "block_ip": {"ip": str},
    "ban_ip": {"ip": str, "secret_key": str},
    "unban_ip": {"ip": str, "secret_key": str},
}


class Refused(Exception):
    """The call is rejected."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(eq=False, slots=True)
class Client:
    socket: Door
    id: str
    ip: str
    port: int
    custom: Frame = field(default_factory=dict)
    privacy: str = "public"
    allowed: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)


class Door(WebSocketHandler):
    """One connection."""

    def initialize(self, server: RightFunctions) -> None:
        self.server = server

    def open(self) -> None:
        self.set_nodelay(True)
        ip, port = self.ws_connection.stream.socket.getpeername()[:2]
        self.client = self.server.connected(self, ip, port)

    def on_message(self, message: str | bytes) -> None:
        self.server.on_frame(self.client, message)

    def on_close(self) -> None:
        self.server.disconnected(self.client)


class RightFunctions:
    """The server. A connection is a :class:`Client`; :meth:`on_frame` gets its frames."""

    door: type[Door] = Door
    paths = ("/functions", "/")
    frame_bytes = FRAME_BYTES
    custom_bytes = CUSTOM_BYTES

    def __init__(self, secret_key: str | None) -> None:
        self.secret_key = secret_key
        self.clients: dict[str, Client] = {}
        self.count = 0
        self.banned: list[str] = []
        self.wrong_keys: dict[str, list[float]] = {}

    # Frames

    def connected(self, socket: Door, ip: str, port: int) -> Client:
        client = Client(socket, str(self.count), ip, port)
        self.count += 1
        self.clients[client.id] = client
        return client

    def disconnected(self, client: Client) -> None:
        del self.clients[client.id]

    def on_frame(self, client: Client, message: str | bytes) -> None:
        if len(message if isinstance(message, bytes) else message.encode()) > self.frame_bytes:
            client.socket.close(1009, "the frame is too long")
            return
        request: Frame = {}
        try:
            self.check_ban(client)
            request = self.decoded(message)
            self.send(client, self.respond(request, self.perform(client, request)))
        except Refused as refused:
            self.reject(client, request, refused)

    def decoded(self, message: str | bytes) -> Frame:
        if isinstance(message, bytes):
            raise Refused("binary_frame", "Calls are text frames.")
        try:
            request = json.loads(message)
        except ValueError as exc:
            raise Refused("invalid_json", "This is not JSON.") from exc
        if not isinstance(request, dict):
            raise Refused("not_an_object", "A call is an object.")
        return request

    def respond(self, request: Frame, result: Frame) -> Frame:
        return {"function": request["function"], **result, "callback": request.get("callback", "")}

    def reject(self, client: Client, request: Frame, refused: Refused) -> None:
        self.send(client, self.error(request, refused))

    def error(self, request: Frame, refused: Refused) -> Frame:
        function, callback = request.get("function"), request.get("callback")
        return {
            "function": function if isinstance(function, str) else None,
            "error": str(refused),
            "code": refused.code,
            "callback": callback if isinstance(callback, str) else "",
        }

    def send(self, client: Client, frame: Frame) -> None:
        if client.socket.ws_connection is not None:
            client.socket.write_message(json.dumps(frame, ensure_ascii=False))

    def shut_down(self) -> None:
        for client in self.clients.values():
            self.send(client, {"function": "shutdown", "reason": None})
            client.socket.close(1001, "server shutdown")

    # Calls

    def perform(self, client: Client, request: Frame) -> Frame:
        function = request.get("function")
        if not isinstance(function, str) or function not in NEEDED:
            raise Refused("unknown_type", f"{json.dumps(function)[:QUOTED]} is no function.")
        self.check_keys(request)
        return getattr(self, function)(client, request)

    def check_keys(self, request: Frame) -> None:
        needed = NEEDED[request["function"]]
        for key, kind in (needed | {"callback": str, "secret_key": str}).items():
            if (key in needed or key in request) and not isinstance(request.get(key), kind):
                raise Refused("invalid_message", f"{key} has to be a {kind.__name__}.")
        if any(not isinstance(id_, str) for id_ in request.get("recipient_ids", [])):
            raise Refused("invalid_message", "Ids are strings.")

    def send_message(self, client: Client, request: Frame) -> Frame:
        past_guards = self.shows_key(client, request)
        ids = list(dict.fromkeys(request["recipient_ids"]))
        reached = [id_ for id_ in ids if id_ in self.clients and (past_guards or self.reaches(client, id_))]
        for id_ in reached:
            self.send(self.clients[id_], self.push(client, request))
        return self.message_result(client, request, [id_ for id_ in ids if id_ not in reached])

    def push(self, sender: Client, request: Frame) -> Frame:
        return {"function": "send_message", "sender": self.card(sender), "message": request["message"]}

    def message_result(self, client: Client, request: Frame, undelivered: list[str]) -> Frame:
        result = {"sender": self.card(client), "message": request["message"]}
        return result | {"undelivered": undelivered} if undelivered else result

    def card(self, client: Client) -> Frame:
        return {"id": client.id, "ip": client.ip, "port": client.port, "custom": client.custom}

    def retrieve_clients(self, client: Client, request: Frame) -> Frame:
        past_guards = self.shows_key(client, request)
        listed = [id_ for id_ in self.clients if past_guards or self.reaches(client, id_)]
        return {"clients": {id_: self.card(self.clients[id_]) for id_ in listed}}

    def set_custom_variables(self, client: Client, request: Frame) -> Frame:
        merged = self.merged(client.custom, request["custom_variables"])
        if len(json.dumps(merged, ensure_ascii=False).encode()) > self.custom_bytes:
            raise Refused("too_large", "The custom variables are too long.")
        client.custom = merged
        return {"custom_variables": merged}

    def merged(self, custom: Frame, given: Frame) -> Frame:
        return custom | given

    def set_privacy(self, client: Client, request: Frame) -> Frame:
        if request["privacy"] not in {"public", "private"}:
            raise Refused("invalid_message", "Privacy is public or private.")
        client.privacy = request["privacy"]
        return {"privacy": client.privacy}

    def allow_ip(self, client: Client, request: Frame) -> Frame:
        client.allowed.append(self.addresses(request))
        return {"ip": request["ip"]}

    def block_ip(self, client: Client, request: Frame) -> Frame:
        client.blocked.append(self.addresses(request))
        return {"ip": request["ip"]}

    def ban_ip(self, client: Client, request: Frame) -> Frame:
        self.check_key(client, request["secret_key"])
        self.banned.append(self.addresses(request))
        return {"ip": request["ip"]}

    def unban_ip(self, client: Client, request: Frame) -> Frame:
        self.check_key(client, request["secret_key"])
        lifted = self.addresses(request)
        self.banned = [addresses for addresses in self.banned if addresses != lifted]
        return {"ip": request["ip"]}

    # Who may do what

    def reaches(self, caller: Client, id_: str) -> bool:
        target = self.clients[id_]
        return target is caller or self.lets_in(target, caller.ip)

    def lets_in(self, target: Client, ip: str) -> bool:
        if self.is_within(ip, target.blocked):
            return False
        return target.privacy == "public" or self.is_within(ip, target.allowed)

    def is_within(self, ip: str, ranges: list[str]) -> bool:
        return any(ip_address(ip) in ip_network(addresses) for addresses in ranges)

    def addresses(self, request: Frame) -> str:
        try:
            return str(ip_network(request["ip"], strict=False))
        except ValueError as exc:
            raise Refused("invalid_message", "ip is neither an address nor a range of them.") from exc

    def check_ban(self, client: Client) -> None:
        if self.is_within(client.ip, self.banned):
            raise Refused("banned", "Your address is banned.")

    def shows_key(self, client: Client, request: Frame) -> bool:
        """Return whether the call has the key; a wrong one is rejected, an empty one counts as none."""
        if not request.get("secret_key"):
            return False
        self.check_key(client, request["secret_key"])
        return True

    def check_key(self, client: Client, key: str) -> None:
        recent = [at for at in self.wrong_keys.get(client.ip, []) if at > time.monotonic() - TRIES_SECONDS]
        if len(recent) >= TRIES:
            raise Refused("rate_limited", "Too many wrong keys came from your address.")
        if not self.is_right(key):
            self.wrong_keys[client.ip] = [*recent, time.monotonic()]
            raise Refused("access_denied", "The key is wrong.")

    def is_right(self, key: str) -> bool:
        return self.secret_key is not None and hmac.compare_digest(key.encode(), self.secret_key.encode())


async def run(server: RightFunctions, port: int) -> None:
    """Serve until SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    routes = [(path, server.door, {"server": server}) for path in server.paths]
    listening = Application(routes, websocket_max_message_size=2 * FRAME_BYTES).listen(port, "127.0.0.1")
    await stopped.wait()
    listening.stop()
    server.shut_down()
    await asyncio.sleep(GOODBYE_SECONDS)


def serve(server: type[RightFunctions]) -> None:
    """Serve the functions protocol at ``--port``, with *server*."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret-key")
    parser.add_argument("--lines-port", type=int, help="taken, and not used: nothing here speaks lines")
    options = parser.parse_args()
    asyncio.run(run(server(options.secret_key), options.port))


if __name__ == "__main__":
    serve(RightFunctions)
