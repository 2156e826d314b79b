"""A small correct server of the opcodes protocol, on Tornado, in memory.

The servers in opcodes/ are this one with one fault each, so each rule is a method or a constant. It shares no
code with Chateau, and has no other protocol.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import signal
import time
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from tornado.web import Application
from tornado.websocket import WebSocketHandler

Frame = dict[str, Any]

FRAME_BYTES = 1_048_576
TRIES, TRIES_SECONDS = 5, 60
GOODBYE_SECONDS = 0.2  # for the goodbyes to be on their way
QUOTED = 60
USERNAME_LENGTH, ROOM_LENGTH = 32, 64


class Refused(Exception):
    """The request is rejected."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(eq=False, slots=True)
class Room:
    name: str
    id: str
    created_at: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    members: list[Client] = field(default_factory=list)
    password: str | None = None
    is_closed: bool = False
    banned: set[str] = field(default_factory=set)

    @property
    def available(self) -> bool:
        return not self.is_closed and self.password is None


@dataclass(eq=False, slots=True)
class Client:
    socket: Door
    ip: str
    name: str | None = None
    room: Room | None = None
    is_admin: bool = False


class Door(WebSocketHandler):
    """One connection."""

    def initialize(self, server: RightOpcodes) -> None:
        self.server = server

    def open(self) -> None:
        self.set_nodelay(True)
        self.client = self.server.connected(self, self.ws_connection.stream.socket.getpeername()[0])

    def on_message(self, message: str | bytes) -> None:
        self.server.on_frame(self.client, message)

    def on_close(self) -> None:
        self.server.disconnected(self.client)


class RightOpcodes:
    """The server. A connection is a :class:`Client`; :meth:`on_frame` gets its frames."""

    door: type[Door] = Door
    name = "Right"
    prefix = "!"
    frame_bytes = FRAME_BYTES
    everyones = ("help", "rooms", "users", "join", "me", "auth")
    owners = ("lock", "unlock", "close", "open", "delete", "ban", "unban", "shutdown")

    def __init__(self, port: int, secret_key: str | None) -> None:
        self.port = port
        self.secret_key = secret_key
        self.clients: list[Client] = []
        self.rooms: dict[str, Room] = {}
        self.room_ids = count()
        self.wrong_keys: dict[str, list[float]] = {}
        self.stopped = asyncio.Event()
        self.reason: str | None = None

    # Frames

    def connected(self, socket: Door, ip: str) -> Client:
        self.clients.append(client := Client(socket, ip))
        return client

    def disconnected(self, client: Client) -> None:
        self.clients.remove(client)
        self.go_out(client)

    def on_frame(self, client: Client, message: str | bytes) -> None:
        if len(message if isinstance(message, bytes) else message.encode()) > self.frame_bytes:
            client.socket.close(1009, "the frame is too long")
            return
        try:
            self.perform(client, self.decoded(message))
        except Refused as refused:
            self.refuse(client, refused)

    def decoded(self, message: str | bytes) -> Frame:
        if isinstance(message, bytes):
            raise Refused("binary_frame", "Requests are text frames.")
        try:
            request = json.loads(message)
        except ValueError as exc:
            raise Refused("invalid_json", "This is not JSON.") from exc
        if not isinstance(request, dict):
            raise Refused("not_an_object", "A request is an object.")
        return request

    def refuse(self, client: Client, refused: Refused) -> None:
        self.send(client, {"op": 5, "d": {"code": refused.code, "error": str(refused)}})

    def send(self, client: Client, frame: Frame) -> None:
        if client.socket.ws_connection is not None:
            client.socket.write_message(json.dumps(frame, ensure_ascii=False))

    def message_frame(self, author: str, content: str) -> Frame:
        return {"op": 0, "d": {"author": author, "content": content}}

    def broadcast(self, room: Room, frame: Frame) -> None:
        for member in room.members:
            self.send(member, frame)

    def tell_state(self, room: Room) -> None:
        self.broadcast(room, {"op": 2, "d": {"available": room.available, "room": room.name}})

    # Requests

    def perform(self, client: Client, request: Frame) -> None:
        op, d = request.get("op"), request.get("d")
        if op == 4:
            self.send(client, self.cache(client))
        elif op not in (1, 3):
            raise Refused("unknown_type", f"{json.dumps(op)[:QUOTED]} is no op of a client.")
        elif not isinstance(d, dict) or not isinstance(d.get("content" if op == 1 else "key"), str):
            raise Refused("invalid_message", "d has not what it needs.")
        elif op == 3:
            self.check_key(client, d["key"])
            self.stop(d.get("reason"))
        else:
            self.create(client, d["content"])

    def create(self, client: Client, content: str) -> None:
        if client.name is None:
            self.log_in(client, content)
        elif self.is_command(content):
            self.command(client, content)
        else:
            self.say(client, content)

    def is_command(self, content: str) -> bool:
        return content.startswith(self.prefix)

    def log_in(self, client: Client, name: str) -> None:
        form = self.form(name, USERNAME_LENGTH)
        if any(other.name and self.form(other.name, USERNAME_LENGTH) == form for other in self.clients):
            raise Refused("name_taken", f"{name[:QUOTED]} is taken.")
        client.name = name
        self.come_in(client, self.room("general"))
        self.send(client, self.cache(client))
        self.tell_arrival(client)

    def say(self, client: Client, content: str) -> None:
        self.broadcast(self.room_of(client), self.message_frame(client.name, content))

    def cache(self, client: Client) -> Frame:
        me = {"name": client.name, "room": client.room and client.room.name}
        rooms = {room.name: self.shown(room) for room in self.rooms.values()}
        place = {"command_prefix": self.prefix, "host": "127.0.0.1", "port": self.port}
        return {"op": 4, "d": {"rooms": rooms, **place, "users": len(self.clients), "me": me}}

    def shown(self, room: Room) -> Frame:
        users = [member.name for member in room.members]
        return {
            "name": room.name,
            "id": room.id,
            "created_at": room.created_at,
            "users": users,
            "available": room.available,
        }

    # Rooms

    def form(self, name: str, limit: int) -> str:
        if not 0 < len(name) <= limit or name != name.strip() or not name.isprintable():
            raise Refused("invalid_name", f"A name has 1 to {limit} printable characters.")
        return unicodedata.normalize("NFKC", name).casefold()

    def room(self, name: str) -> Room:
        """Return the room *name*; create it if necessary."""
        form = self.form(name, ROOM_LENGTH)
        if form not in self.rooms:
            self.rooms[form] = Room(name, str(next(self.room_ids)))
        return self.rooms[form]

    def room_of(self, client: Client) -> Room:
        if client.room is None:
            raise Refused("not_in_room", "You are in no room.")
        return client.room

    def check_entry(self, client: Client, room: Room, password: str | None) -> None:
        is_banned = self.form(client.name, USERNAME_LENGTH) in room.banned
        if room.is_closed or is_banned or room.password not in (None, password):
            raise Refused("access_denied", f"You may not come into {room.name}.")

    def come_in(self, client: Client, room: Room) -> None:
        self.go_out(client)
        room.members.append(client)
        client.room = room

    def tell_arrival(self, client: Client) -> None:
        self.broadcast(client.room, self.message_frame(self.name, f"{client.name} has entered the room"))

    def go_out(self, client: Client) -> None:
        room, client.room = client.room, None
        if room is not None:
            room.members.remove(client)
            self.broadcast(room, self.message_frame(self.name, f"{client.name} has left the room"))

    # Commands

    def command(self, client: Client, content: str) -> None:
        name, *words = content.removeprefix(self.prefix).split() or [""]
        if name not in self.everyones + self.owners:
            raise Refused("unknown_type", f"{name[:QUOTED]} is no command.")
        if name in self.owners and not client.is_admin:
            raise Refused("access_denied", "That is for the owner.")
        try:
            answer = getattr(self, f"do_{name}")(client, *words)
        except TypeError as exc:  # other words than the method takes
            raise Refused("invalid_message", f"{name} takes other words.") from exc
        self.reply(client, answer)

    def reply(self, client: Client, text: str) -> None:
        self.send(client, self.message_frame(self.name, text))

    def do_help(self, client: Client) -> str:
        return " ".join(self.prefix + name for name in self.everyones + self.owners)

    def do_rooms(self, client: Client) -> str:
        return ", ".join(room.name for room in self.rooms.values())

    def do_users(self, client: Client) -> str:
        return ", ".join(member.name for member in self.room_of(client).members)

    def do_me(self, client: Client) -> str:
        return f"{client.name} in {client.room.name if client.room else 'no room'}"

    def do_join(self, client: Client, name: str, password: str | None = None) -> str:
        room = self.room(name)
        self.check_entry(client, room, password)
        self.come_in(client, room)
        self.tell_arrival(client)
        return f"You are in {room.name}."

    def do_auth(self, client: Client, key: str) -> str:
        self.check_key(client, key)
        client.is_admin = True
        return "You are the owner."

    def do_lock(self, client: Client, name: str, password: str) -> str:
        return self.set_state(self.room(name), password=password)

    def do_unlock(self, client: Client) -> str:
        return self.set_state(self.room_of(client), password=None)

    def do_close(self, client: Client) -> str:
        return self.set_state(self.room_of(client), is_closed=True)

    def do_open(self, client: Client) -> str:
        return self.set_state(self.room_of(client), is_closed=False, password=None)

    def set_state(self, room: Room, **state: Any) -> str:
        for name, value in state.items():
            setattr(room, name, value)
        self.tell_state(room)
        return f"{room.name} is {'' if room.available else 'not '}available."

    def do_delete(self, client: Client) -> str:
        room = self.room_of(client)
        room.is_closed = True
        self.tell_state(room)
        for member in room.members:
            member.room = None
        del self.rooms[self.form(room.name, ROOM_LENGTH)]
        return f"{room.name} is gone."

    def do_ban(self, client: Client, name: str, room_name: str | None = None) -> str:
        room = self.room(room_name) if room_name else self.room_of(client)
        user = self.user(name)
        room.banned.add(self.form(name, USERNAME_LENGTH))
        if user.room is room:
            self.go_out(user)
        self.send(user, {"op": 2, "d": {"available": False, "room": room.name}})
        return f"{name} is banned."

    def do_unban(self, client: Client, name: str, room_name: str | None = None) -> str:
        room = self.room(room_name) if room_name else self.room_of(client)
        room.banned.discard(self.form(name, USERNAME_LENGTH))
        return f"{name} is not banned."

    def user(self, name: str) -> Client:
        found = [
            client for client in self.clients if client.name and client.name.casefold() == name.casefold()
        ]
        if not found:
            raise Refused("unknown_recipient", f"Nobody is called {name[:QUOTED]}.")
        return found[0]

    def do_shutdown(self, client: Client, *words: str) -> str:
        self.stop(" ".join(words) or None)
        return "Goodbye."

    # The end

    def check_key(self, client: Client, key: str) -> None:
        recent = [at for at in self.wrong_keys.get(client.ip, []) if at > time.monotonic() - TRIES_SECONDS]
        if len(recent) >= TRIES:
            raise Refused("rate_limited", "Too many wrong keys came from your address.")
        if not self.is_right(key):
            self.wrong_keys[client.ip] = [*recent, time.monotonic()]
            raise Refused("access_denied", "The key is wrong.")

    def is_right(self, key: str) -> bool:
        return self.secret_key is not None and hmac.compare_digest(key.encode(), self.secret_key.encode())

    def stop(self, reason: str | None) -> None:
        self.reason = reason
        self.stopped.set()

    def shut_down(self) -> None:
        for client in self.clients:
            self.send(client, {"op": 3, "d": {"reason": self.reason}})
            client.socket.close(1001, "server shutdown")


async def run(make: type[RightOpcodes], port: int, secret_key: str | None) -> None:
    """Serve until SIGTERM, or a shutdown request with the key."""
    server = make(port, secret_key)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stopped.set)
    routes = [("/opcodes", server.door, {"server": server})]
    listening = Application(routes, websocket_max_message_size=2 * FRAME_BYTES).listen(port, "127.0.0.1")
    await server.stopped.wait()
    listening.stop()
    server.shut_down()
    await asyncio.sleep(GOODBYE_SECONDS)


def serve(server: type[RightOpcodes]) -> None:
    """Serve the opcodes protocol at ``--port``, with *server*."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret-key")
    parser.add_argument("--lines-port", type=int, help="taken, and not used: nothing here speaks lines")
    options = parser.parse_args()
    asyncio.run(run(server, options.port, options.secret_key))


if __name__ == "__main__":
    serve(RightOpcodes)
