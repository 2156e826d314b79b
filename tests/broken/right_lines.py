"""A small correct server of the lines protocol, on asyncio, in memory.

The servers in lines/ are this one with one fault each, so each rule is a method or a constant. It shares no
code with Chateau, and has no other protocol: its rooms get no packages from outside.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Frame = dict[str, Any]

GOODBYE_SECONDS = 0.3  # time to send the last lines
LINE_BYTES = 16_384
ROOM_LENGTH = 64
QUOTED = 60

COMMANDS = {
    "LOGIN": "login",
    "JOIN": "join",
    "JOIN ROOM": "join",
    "LEAVE": "leave",
    "LEAVE ROOM": "leave",
    "LEFT": "leave",
    "LEFT ROOM": "leave",
    "HISTORY": "history",
    "MSG": "message",
    "WHO": "who",
    "ROOMS": "list_rooms",
    "HELP": "help",
    "QUIT": "quit",
}
TAKE_NOTHING = {"leave", "who", "list_rooms", "help", "quit"}


class Refused(Exception):
    """The line is rejected; the text is the reason."""


@dataclass(eq=False, slots=True)
class Room:
    name: str
    members: list[Client] = field(default_factory=list)
    kept: list[tuple[datetime, Frame]] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Client:
    writer: asyncio.StreamWriter
    buffer: bytes = b""
    nick: str | None = None
    number: int = 0  # rises with each login
    room: Room | None = None
    is_over: bool = False


class RightLines:
    """The server. A connection is a :class:`Client`; :meth:`on_line` gets its lines."""

    nick = re.compile(r"[0-9a-zA-Z]{3,16}")
    room = re.compile(r"[a-zA-Z0-9]{1,64}")
    commands = COMMANDS
    read_bytes = 65_536
    history_limit = 1_000
    line_end = "\r\n"
    invalid_room = "Invalid room name: {}, please use alphanumericcharacters only"

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.rooms: dict[str, Room] = {}
        self.logins = itertools.count(1)

    # Bytes

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(writer)
        self.clients.append(client)
        with suppress(ConnectionError):
            while received := await reader.read(self.read_bytes):
                if not client.is_over:  # what comes behind the end is read, or the end would not arrive
                    self.on_bytes(client, received)
        self.dropped(client)

    def on_bytes(self, client: Client, received: bytes) -> None:
        for line in self.lines_in(client, received):
            if len(line) > LINE_BYTES:
                self.on_long_line(client)
            if client.is_over:
                return
            self.on_line(client, line)
        if len(client.buffer) > LINE_BYTES:
            self.on_long_line(client)

    def lines_in(self, client: Client, received: bytes) -> list[bytes]:
        """Return the whole lines, without their ends; the rest stays in the client's buffer."""
        *lines, client.buffer = (client.buffer + received).split(b"\n")
        return [line.removesuffix(b"\r") for line in lines]

    def on_long_line(self, client: Client) -> None:
        self.send(client, self.error(f"A line has at most {LINE_BYTES} bytes."))
        self.end(client)

    def text_of(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError as exc:
            raise Refused("A line is UTF-8 text.") from exc

    def send(self, client: Client, frame: Frame) -> None:
        if not client.is_over:
            client.writer.write(json.dumps(frame, ensure_ascii=False).encode() + self.line_end.encode())

    def end(self, client: Client) -> None:
        client.is_over = True
        client.writer.write_eof()

    def dropped(self, client: Client) -> None:
        client.is_over = True
        self.clients.remove(client)
        if client.room is not None:
            self.go_out(client)
        client.writer.close()

    def shut_down(self) -> None:
        for client in self.clients:
            self.send(client, {"type": "shutdown", "reason": None})
            client.writer.close()

    # Lines

    def on_line(self, client: Client, line: bytes) -> None:
        try:
            text = self.text_of(line)
            if text.strip():
                self.perform(client, text)
        except Refused as refused:
            self.send(client, self.error(str(refused)))

    def error(self, sentence: str) -> Frame:
        return {"type": "error", "error": sentence}

    def perform(self, client: Client, text: str) -> None:
        command, parameter = self.command_in(text)
        if command is None:
            self.say(client, text)
        else:
            getattr(self, command)(client, parameter)

    def command_in(self, text: str) -> tuple[str | None, str]:
        for count in (2, 1):
            words = text.split(None, count)
            command = self.commands.get(" ".join(words[:count]))
            parameter = "".join(words[count:]).strip()
            if command is not None and not (parameter and command in TAKE_NOTHING):
                return command, parameter
        return None, ""

    def ok(self, client: Client, text: str = "OK", **more: object) -> None:
        self.send(client, {"type": "commandResult", "result": text, **more})

    # Commands

    def login(self, client: Client, nick: str) -> None:
        if client.nick is not None:
            raise Refused(f"User already logged in with name {client.nick}")
        if not nick:
            raise Refused("Missing required parameter")
        if not self.nick.fullmatch(nick):
            raise Refused("Invalid nickname")
        client.nick, client.number = nick, next(self.logins)
        self.ok(client, f"Username set to {nick}")

    def join(self, client: Client, name: str) -> None:
        self.check_login(client)
        if not name:
            raise Refused("Missing required parameter")
        if not self.room.fullmatch(name):
            raise Refused(self.invalid_room.format(name if len(name) <= QUOTED else name[:QUOTED] + "…"))
        room = self.rooms.setdefault(name.casefold(), Room(name))
        if self.is_present(client, room):
            raise Refused("User with such nickname is already present in the requested room")
        self.ok(client, f"Joined room {room.name}")
        if client.room is not None:
            self.go_out(client)
        self.come_in(client, room)

    def is_present(self, client: Client, room: Room) -> bool:
        return any(self.is_named(member, client.nick) for member in room.members)

    def is_named(self, client: Client, nick: str) -> bool:
        return client.nick is not None and client.nick.casefold() == nick.casefold()

    def come_in(self, client: Client, room: Room) -> None:
        room.members.append(client)
        client.room = room
        event = {
            "from": client.nick,
            "type": "userJoined",
            "body": f"User {client.nick} has joined the room",
        }
        self.keep(room, event)
        self.broadcast(room.members, client, event)

    def leave(self, client: Client, _: str) -> None:
        self.check_room(client)
        self.ok(client)
        self.go_out(client)

    def go_out(self, client: Client) -> None:
        room, client.room = client.room, None
        event = {"from": client.nick, "type": "userLeft", "body": f"User {client.nick} has left the room"}
        self.broadcast(room.members, client, event)
        room.members.remove(client)

    def say(self, client: Client, text: str) -> None:
        self.check_login(client)
        self.check_room(client)
        event = {"from": client.nick, "type": "message", "body": text}
        self.keep(client.room, event)
        self.ok(client)
        self.broadcast(client.room.members, client, event)

    def keep(self, room: Room, event: Frame) -> None:
        room.kept.append((datetime.now(UTC), event))

    def broadcast(self, members: list[Client], author: Client, event: Frame) -> None:
        """Send an event of *author*, one of the *members*, to all of them."""
        for member in members:
            self.send(member, event)

    def message(self, client: Client, parameter: str) -> None:
        self.check_login(client)
        nick, *text = parameter.split(None, 1) or [""]
        if not text:
            raise Refused("Missing required parameter")
        recipients = self.recipients(nick)
        if not recipients:
            raise Refused(f"Nobody is called {nick[:QUOTED]}.")
        self.ok(client)
        for recipient in recipients:
            self.send(recipient, {"from": client.nick, "type": "directMessage", "body": text[0]})

    def recipients(self, nick: str) -> list[Client]:
        """Return the client that *nick* reaches: of several with one nick, the first that logged in."""
        named = [client for client in self.clients if self.is_named(client, nick)]
        return sorted(named, key=lambda client: client.number)[:1]

    def who(self, client: Client, _: str) -> None:
        members = self.clients if client.room is None else client.room.members
        self.ok(client, users=[member.nick for member in members if member.nick is not None])

    def list_rooms(self, client: Client, _: str) -> None:
        self.ok(client, rooms=[room.name for room in self.rooms.values()])

    def help(self, client: Client, _: str) -> None:
        self.ok(client, commands=list(self.commands))

    def quit(self, client: Client, _: str) -> None:
        self.ok(client)
        self.end(client)

    def check_login(self, client: Client) -> None:
        if client.nick is None:
            raise Refused("Login required")

    def check_room(self, client: Client) -> None:
        if client.room is None:
            raise Refused("Join a room first")

    # History

    def history(self, client: Client, parameter: str) -> None:
        self.check_room(client)
        entries = self.entries(client, parameter)
        self.ok(client, count=len(entries))
        for entry in entries:
            self.send(client, entry)

    def entries(self, client: Client, parameter: str) -> list[Frame]:
        start, end = self.interval(parameter)
        kept = [(moment, event) for moment, event in client.room.kept if start <= moment <= end]
        return [self.entry(client, moment, event) for moment, event in kept[-self.history_limit :]]

    def interval(self, parameter: str) -> tuple[datetime, datetime]:
        words = re.sub(r"(\d{4}-\d\d-\d\d) +(\d\d:\S+)", r"\1T\2", parameter).split()
        if len(words) > 2:
            raise Refused(f"Unknown time: {parameter[:QUOTED]}")
        always = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
        start, end = [self.instant(word) for word in words] + list(always[len(words) :])
        return start, end

    def instant(self, word: str) -> datetime:
        try:
            moment = datetime.fromisoformat(word)
        except ValueError as exc:
            raise Refused(f"Unknown time: {word[:QUOTED]}") from exc
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

    def entry(self, client: Client, moment: datetime, event: Frame) -> Frame:
        body = {
            "body": event["body"],
            "from": event["from"],
            "room": client.room.name,
            "utctimestamp": self.timestamp(moment),
            "to": client.nick,
            "type": event["type"],
        }
        return {"body": body, "type": "history", "from": event["from"]}

    def timestamp(self, moment: datetime) -> str:
        return f"{moment:%Y-%m-%d %H:%M:%S.%f}"


async def run(server: RightLines, port: int) -> None:
    """Serve until SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    listening = await asyncio.start_server(server.connected, "127.0.0.1", port)
    await stopped.wait()
    listening.close()
    server.shut_down()
    await asyncio.sleep(GOODBYE_SECONDS)


def serve(server: type[RightLines]) -> None:
    """Serve the lines protocol at ``--lines-port``, with *server*."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines-port", type=int, required=True)
    parser.add_argument("--port", type=int, help="taken, and not used: nothing here speaks HTTP")
    asyncio.run(run(server(), parser.parse_args().lines_port))


if __name__ == "__main__":
    serve(RightLines)
