"""A small correct server of the chateau protocol, with one method per rule, so that a subclass can break it.

The servers in chateau/ are this one with one fault each. It implements the protocol's description and schemas
on Tornado's WebSocketHandler, in memory, with no other protocol and no optional features such as rate limits.

    python tests/broken/right_chateau.py --port 8888
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from precis_i18n import get_profile
from referencing import Registry, Resource
from tornado.web import Application, StaticFileHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler, WebSocketProtocol13
from ulid import ULID

Frame = dict[str, Any]

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
NICKNAME = get_profile("NicknameCaseMapped")
MAX_FRAME = 1_048_576
HISTORY_LIMIT = 100
REQUESTS = {
    1: "register",
    2: "unregister",
    3: "message",
    4: "list",
    5: "join",
    6: "leave",
    7: "publish",
    8: "history",
    9: "rooms",
}


def validators() -> dict[str, Draft202012Validator]:
    """Return the validator of each request, by its name."""
    schemas = [json.loads(path.read_bytes()) for path in (SCHEMAS / "chateau").glob("*.json")]
    registry = Registry[Any]().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    found = {schema["$id"].rpartition("/")[2]: schema for schema in schemas}
    return {
        name: Draft202012Validator(found[f"{name}-request.json"], registry=registry)
        for name in REQUESTS.values()
    }


VALIDATORS = validators()


class Refused(Exception):
    """A request is rejected; *more* are the other keys of the error response."""

    def __init__(self, code: str, error: str, **more: Any) -> None:
        super().__init__(error)
        self.response = {"status": 400, "code": code, "error": error, **more}


class Room:
    """A room: its members and its messages."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: list[RightChateau] = []
        self.messages: list[Frame] = []


class State:
    """The state that all connections share."""

    def __init__(self) -> None:
        self.sessions: list[RightChateau] = []
        self.names: dict[str, RightChateau] = {}  # both by normalized name
        self.rooms: dict[str, Room] = {}
        self.receipts: dict[tuple[str | None, str, str], Frame] = {}


class Protocol(WebSocketProtocol13):
    """Tornado's protocol, with a close code in three cases in which it has none or does not close."""

    def _handle_message(self, opcode: int, data: bytes) -> Any:
        if self._frame_mask is None:
            return self.close(1002, "a frame has no mask")
        self._frame_mask = None
        if opcode <= 2 and len(data) > MAX_FRAME:
            return self.close(1009, "a frame is too long")
        if opcode == 1 and not _is_utf8(data):
            return self.close(1007, "a text is not UTF-8")
        return super()._handle_message(opcode, data)


class RightChateau(WebSocketHandler):
    """One connection."""

    state: ClassVar[State]
    protocol: ClassVar[type[Protocol]] = Protocol
    username: str | None = None
    form = ""

    # A connection

    def get_websocket_protocol(self) -> WebSocketProtocol13 | None:
        protocol = super().get_websocket_protocol()
        return protocol and self.protocol(self, False, protocol.params)  # type: ignore[attr-defined]

    def open(self) -> None:
        self.set_nodelay(True)
        self.state.sessions.append(self)

    def on_message(self, message: str | bytes) -> None:
        request: Frame = {}
        try:
            request = self.read(message)
            self.respond(request, self.perform(request))
        except Refused as refused:
            self.reject(request, refused.response)

    def on_close(self) -> None:
        self.state.sessions.remove(self)
        self.depart()

    def send(self, frame: Frame) -> None:
        """Send *frame*, unless the connection is closed."""
        with contextlib.suppress(WebSocketClosedError):
            self.write_message(json.dumps(frame)).add_done_callback(lambda written: written.exception())

    # A request

    def read(self, message: str | bytes) -> Frame:
        """Return the request in *message*."""
        if isinstance(message, bytes):
            raise Refused("binary_frame", "Binary frames are not supported.")
        try:
            request = json.loads(message)
        except (ValueError, RecursionError) as exc:
            raise Refused("invalid_json", "Invalid JSON.") from exc
        if not isinstance(request, dict):
            raise Refused("not_an_object", "The message is not an object.")
        return request

    def perform(self, request: Frame) -> Frame:
        """Execute *request*; return the fields of its response."""
        type_ = request.get("type")
        if not _is_integer(type_) or type_ not in REQUESTS:
            raise Refused("unknown_type", 'Unknown "type"; expected 1 to 9.')
        self.check(REQUESTS[type_], request)
        if type_ != 1 and self.username is None:
            raise Refused("not_registered", "A name has to be registered first.")
        response: Frame = getattr(self, f"do_{REQUESTS[type_]}")(request)
        return response

    def check(self, name: str, request: Frame) -> None:
        """Raise `Refused` if *request* does not match the schema called *name*."""
        error = best_match(VALIDATORS[name].iter_errors(request))
        if error is not None:
            error = error.parent or error
            path = "".join(f"/{step}" for step in error.absolute_path)
            schema = f"/schemas/chateau/{name}-request.json"
            raise Refused(
                "invalid_message", f"The schema's {error.validator} does not match.", path=path, schema=schema
            )

    def respond(self, request: Frame, fields: Frame) -> None:
        ref = {"ref": request["ref"]} if "ref" in request else {}
        self.send({"type": request["type"], "status": 200, **fields, **ref})

    def reject(self, request: Frame, fields: Frame) -> None:
        type_, ref = request.get("type"), request.get("ref")
        frame = {"type": type_} if _is_integer(type_) else {}
        frame |= fields
        if _is_integer(ref) or (isinstance(ref, str) and len(ref) <= 64):
            frame["ref"] = ref
        self.send(frame)

    # Names

    def form_of(self, name: str) -> str:
        """Return the normalized *name*."""
        if name != name.strip():
            raise Refused("invalid_name", "A name has no spaces at its ends.")
        try:
            return str(NICKNAME.enforce(name))
        except UnicodeEncodeError as exc:
            raise Refused("invalid_name", "A character is not allowed in a name.") from exc

    def is_taken(self, name: str) -> bool:
        return self.form_of(name) in self.state.names

    def do_register(self, request: Frame) -> Frame:
        if self.username is not None:
            raise Refused("already_registered", "This connection has a name already.")
        if self.is_taken(request["username"]):
            raise Refused("name_taken", "Somebody else has that name.")
        self.username, self.form = request["username"], self.form_of(request["username"])
        self.state.names[self.form] = self
        return {}

    def do_unregister(self, request: Frame) -> Frame:
        self.depart()
        return {}

    def depart(self) -> None:
        """Leave all rooms, and release the name."""
        for room in list(self.state.rooms.values()):
            if self in room.members:
                self.leave(room)
        if self.state.names.get(self.form) is self:
            del self.state.names[self.form]
        self.username = None

    def do_list(self, request: Frame) -> Frame:
        return {"clients": self.names_of(self.state.names.values())}

    def names_of(self, sessions: Iterable[RightChateau]) -> list[str]:
        """Return the usernames of *sessions*, sorted."""
        return [
            session.username for session in sorted(sessions, key=lambda one: one.form) if session.username
        ]

    # Messages

    def new_id(self) -> Frame:
        """Return the id and the time of a new message."""
        ulid = ULID()
        time = datetime.fromtimestamp(ulid.milliseconds / 1000, UTC)
        return {"id": str(ulid), "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z")}

    def do_message(self, request: Frame) -> Frame:
        recipients = self.recipients(request["clients"])
        names = [recipient.username for recipient in recipients]
        said = {"sender": self.username, "clients": names, "content": request["content"], **self.new_id()}
        self.deliver({"type": 3, "status": 200, **said}, recipients)
        return {"id": said["id"], "time": said["time"]}

    def recipients(self, names: list[str]) -> list[RightChateau]:
        """Return the sessions of *names*, each once."""
        holders = [self.holder(name) for name in names]
        unknown = [name for name, holder in zip(names, holders, strict=True) if holder is None]
        if unknown:
            raise Refused(
                "unknown_recipient", "A recipient is not registered.", unknown=list(dict.fromkeys(unknown))
            )
        return [holder for holder in dict.fromkeys(holders) if holder is not None]

    def holder(self, name: str) -> RightChateau | None:
        try:
            return self.state.names.get(self.form_of(name))
        except Refused:
            return None

    def deliver(self, frame: Frame, recipients: Iterable[RightChateau]) -> None:
        """Push *frame* to *recipients*."""
        for recipient in recipients:
            recipient.send(frame)

    # Rooms

    def room_around(self, name: str) -> Room:
        """Return the room called *name*, which this session is a member of."""
        room = self.state.rooms.get(self.form_of(name))
        if room is None:
            raise Refused("unknown_room", "There is no such room.")
        if self not in room.members:
            raise Refused("not_in_room", "You are not inside.")
        return room

    def do_join(self, request: Frame) -> Frame:
        form = self.form_of(request["room"])
        room = self.state.rooms.setdefault(form, Room(request["room"]))
        if self in room.members:
            raise Refused("already_in_room", "You are inside.")
        self.announce(5, "joined", room)
        room.members.append(self)
        return {"room": room.name, "members": self.names_of(room.members)}

    def do_leave(self, request: Frame) -> Frame:
        room = self.room_around(request["room"])
        self.leave(room)
        return {"room": room.name}

    def leave(self, room: Room) -> None:
        room.members.remove(self)
        self.announce(6, "left", room)

    def announce(self, type_: int, event: str, room: Room) -> None:
        """Notify the members of *room* that this session joined or left."""
        event_ = {"event": event, "room": room.name, "username": self.username}
        self.deliver({"type": type_, "status": 200, **event_}, room.members)

    def do_publish(self, request: Frame) -> Frame:
        room = self.room_around(request["room"])
        key = (self.form, self.form_of(room.name), request["key"]) if "key" in request else None
        if key is not None and key in self.state.receipts:
            return self.state.receipts[key]
        receipt = self.publish(room, request["content"])
        if key is not None:
            self.state.receipts[key] = receipt
        return receipt

    def publish(self, room: Room, content: str) -> Frame:
        said = {"sender": self.username, "room": room.name, "content": content}
        said |= {"seq": self.next_seq(room), **self.new_id()}
        room.messages.append(said)
        self.deliver({"type": 7, "status": 200, **said}, room.members)
        return {key: said[key] for key in ("room", "seq", "id", "time")}

    def next_seq(self, room: Room) -> int:
        return len(room.messages) + 1

    def do_history(self, request: Frame) -> Frame:
        room = self.room_around(request["room"])
        found = self.select(room.messages, request)
        limit = request.get("limit", HISTORY_LIMIT)
        shown = found[:limit] if {"since", "from"} & set(request) else found[-limit:]
        return {"room": room.name, "messages": shown, "complete": len(shown) == len(found)}

    def select(self, messages: list[Frame], request: Frame) -> list[Frame]:
        """Return the *messages* in the range of *request*, without its limit."""
        start, end = (_instant(request[key]) if key in request else None for key in ("from", "to"))
        return [
            said
            for said in messages
            if said["seq"] > request.get("since", 0)
            and (start is None or _instant(said["time"]) >= start)
            and (end is None or _instant(said["time"]) <= end)
        ]

    def do_rooms(self, request: Frame) -> Frame:
        rooms = [room for _, room in sorted(self.state.rooms.items()) if room.members]
        return {
            "rooms": [{"room": room.name, "members": len(room.members), "available": True} for room in rooms]
        }

    # The end

    def shut_down(self) -> None:
        """Announce the shutdown to the client, and close the connection."""
        self.send({"type": 0, "status": 503, "event": "shutdown", "reason": None})
        self.close(1001, "server shutdown")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def serve(handler: type[RightChateau]) -> None:
    """Serve *handler* at /ws, on the port of the command line, until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--lines-port", type=int, help="ignored: this server has no lines protocol")
    asyncio.run(_serve(handler, parser.parse_args().port))


async def _serve(handler: type[RightChateau], port: int) -> None:
    handler.state = State()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    schemas = (r"/schemas/(.*)", StaticFileHandler, {"path": SCHEMAS})
    application = Application([(r"/ws", handler), schemas])
    server = application.listen(port, "127.0.0.1")
    await stopped.wait()
    server.stop()
    for session in list(handler.state.sessions):
        session.shut_down()
    for _ in range(100):
        if not handler.state.sessions:
            return
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    serve(RightChateau)
