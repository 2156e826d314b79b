"""A small correct server of the channels protocol, on Tornado, in memory.

The servers in channels/ are this one with one fault each, so each rule is a method or a constant. It shares
no code with Chateau, and has no other protocol: its channels have no members and no history.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

MAX_FRAME = 1_048_576
GOODBYE_SECONDS = 0.3  # for the goodbyes to be on their way
KINDS = ("text", "json", "bytes")

scan = json.JSONDecoder().raw_decode  # the JSON value that begins at a place, and where it ends


class Refused(Exception):
    """The response has *status* and its text, as JSON; the exception's text is the reason."""

    def __init__(self, status: int, response: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.response = response


@dataclass(frozen=True, slots=True)
class Package:
    channel: str
    kind: str
    payload: bytes


class RightChannels:
    """The server; the handlers below call it for requests and frames."""

    slash = "/?"
    content_type = "application/json"
    close_word = "close"
    goodbye = (1001, "server shutdown")

    def __init__(self, password: str | None = None) -> None:
        self.password = password
        self.subscribers: list[Subscription] = []
        self.answers: dict[tuple[str, str], int] = {}  # idempotency key → how many got it

    # Publishing

    def publish(self, handler: RequestHandler, name: str) -> int:
        """Deliver one package; return the number of recipients."""
        self.check_password(handler)
        kind = self.kind_of(handler.request.headers.get("Package-Type", "text"))
        package = Package(self.channel(name), kind, self.checked(kind, handler.request.body))
        return self.once(handler, package.channel, [package])

    def broadcast(self, handler: RequestHandler) -> int:
        """Deliver all packages in the body; return the number of recipients."""
        self.check_password(handler)
        return self.once(handler, "", list(self.packages_in(handler.request.body)))

    def check_password(self, handler: RequestHandler) -> None:
        if self.password is not None and self.password_in(handler) != self.password:
            raise Refused(403, "Not authorized", "The password is missing or wrong.")

    def password_in(self, handler: RequestHandler) -> str | None:
        bearer = handler.request.headers.get("Authorization", "").removeprefix("Bearer ")
        return handler.get_query_argument("pwd", bearer, strip=False)

    def channel(self, name: str) -> str:
        """Return the normalized *name* of a channel."""
        channel = name.strip().lower().replace("_", ":")
        if not 1 <= len(channel) <= 64:
            raise self.bad("A channel's name has 1 to 64 characters.")
        return channel

    def kind_of(self, written: str) -> str:
        if written.lower() not in KINDS:
            raise self.bad("A package is text, json or bytes.")
        return written.lower()

    def checked(self, kind: str, payload: bytes) -> bytes:
        """Return *payload* as it is sent."""
        try:
            if kind == "json":
                json.loads(payload.decode(), parse_constant=self.refuse_constant)
            elif kind == "text":
                payload.decode()
        except ValueError as exc:
            raise self.bad(f"The body is no {kind}.") from exc
        return payload

    def refuse_constant(self, constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    def bad(self, reason: str) -> Refused:
        return Refused(400, "Bad request", reason)

    def once(self, handler: RequestHandler, scope: str, packages: list[Package]) -> int:
        """Deliver *packages*, unless the request repeats an Idempotency-Key."""
        key = handler.request.headers.get("Idempotency-Key")
        if key is None:
            return sum(map(self.deliver, packages))
        if (scope, key) not in self.answers:
            self.answers[scope, key] = sum(map(self.deliver, packages))
        return self.answers[scope, key]

    def deliver(self, package: Package) -> int:
        listening = [one for one in self.subscribers if one.channel == package.channel]
        for subscriber in listening:
            subscriber.tell(package)
        return len(listening)

    # The body of a broadcast

    def packages_in(self, body: bytes) -> Iterator[Package]:
        """Return the validated packages in *body*."""
        try:
            text = body.decode().strip()
            json.loads(text, parse_constant=self.refuse_constant)
            for name, items in parts(text, "{"):
                channel = self.channel(name)
                for _, item in parts(items, "["):
                    yield self.package(channel, parts(item, "{"))
        except ValueError as exc:
            raise self.bad(f"The body is not such as it should be: {exc}.") from exc

    def package(self, channel: str, members: list[tuple[str, str]]) -> Package:
        """Return the package with these *members*: its kind, and its value as written in the body."""
        if len(members) != 1 or members[0][0] not in KINDS:
            raise self.bad("A package has one key: text, json or bytes.")
        kind, written = members[0]
        value = json.loads(written)
        if kind == "json":
            return Package(channel, kind, written.encode())
        if not isinstance(value, str):
            raise self.bad(f"The value of {kind} is a string.")
        return Package(channel, kind, value.encode() if kind == "text" else self.bytes_of(value))

    def bytes_of(self, characters: str) -> bytes:
        try:
            return characters.encode("latin-1")
        except UnicodeEncodeError as exc:
            raise self.bad("A character of bytes is U+0000 to U+00FF.") from exc

    # Subscribers

    def frame(self, package: Package) -> tuple[bytes, bool]:
        """Return the frame for a WebSocket, and whether it is binary."""
        return package.payload, package.kind == "bytes"

    def event(self, package: Package) -> bytes:
        """Return the event for an event stream."""
        if package.kind == "bytes":
            return b"event: bytes\ndata: " + b64encode(package.payload) + b"\n\n"
        return b"data: " + re.sub(rb"\r\n|\r|\n", b"\ndata: ", package.payload) + b"\n\n"

    def on_frame(self, subscriber: Subscription, frame: str | bytes) -> None:
        """Ignore the message of a subscriber, unless it is `close`."""
        if frame == self.close_word:
            subscriber.close()
        elif len(frame) > MAX_FRAME:
            subscriber.close(1009, "too large")

    def respond(self, handler: RequestHandler, delivered: int) -> None:
        handler.set_status(201)
        handler.set_header("X-Delivered", str(delivered))
        self.write(handler, "OK")

    def reject(self, handler: RequestHandler, refused: Refused) -> None:
        handler.set_status(refused.status)
        handler.set_header("X-Error", str(refused).encode("ascii", "backslashreplace"))
        self.write(handler, refused.response)

    def write(self, handler: RequestHandler, text: str) -> None:
        handler.set_header("Content-Type", self.content_type)
        handler.finish(json.dumps(text))


def parts(text: str, opening: str) -> list[tuple[str, str]]:
    """Yield the members of the object, or the items of the array, *text*: key, and value as written.

    It is known to be JSON; where it does not begin with *opening*, :exc:`ValueError` is raised.
    """
    if not text.startswith(opening):
        raise ValueError(f"{opening} was expected")
    found = []
    at = next_token(text, 1)
    while text[at] not in "]}":
        key = ""
        if opening == "{":
            key, at = scan(text, at)
            at = next_token(text, next_token(text, at) + len(":"))
        _, end = scan(text, at)
        found.append((key, text[at:end]))
        at = next_token(text, end)
        at = next_token(text, at + len(",")) if text[at] == "," else at
    return found


def next_token(text: str, at: int) -> int:
    return re.compile(r"[ \t\n\r]*").match(text, at).end()


class Subscription(WebSocketHandler):
    """``/channel/NAME/``: subscribe by WebSocket or event stream, and publish."""

    def initialize(self, channels: RightChannels) -> None:
        self.channels = channels
        self.ended = asyncio.Event()
        self.is_stream = False

    async def get(self, name: str) -> None:
        try:
            self.channel = self.channels.channel(unquote(name))
        except Refused as refused:
            self.channels.reject(self, refused)
            return
        if self.request.headers.get("Accept") == "text/event-stream":
            await self.stream_events()
        else:
            await super().get(name)

    def post(self, name: str) -> None:
        try:
            self.channels.respond(self, self.channels.publish(self, unquote(name)))
        except Refused as refused:
            self.channels.reject(self, refused)

    async def stream_events(self) -> None:
        self.is_stream = True
        self.set_header("Content-Type", "text/event-stream")
        await self.flush()
        self.channels.subscribers.append(self)
        await self.ended.wait()

    def open(self, name: str) -> None:
        self.channels.subscribers.append(self)

    def tell(self, package: Package) -> None:
        if self.is_stream:
            self.write(self.channels.event(package))
            self.flush()
        else:
            self.write_message(*self.channels.frame(package))

    def on_message(self, message: str | bytes) -> None:
        self.channels.on_frame(self, message)

    def on_close(self) -> None:
        if self in self.channels.subscribers:
            self.channels.subscribers.remove(self)

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self.ended.set()
        self.on_close()

    def shut_down(self) -> None:
        self.ended.set()
        if not self.is_stream:
            self.write_message(json.dumps({"event": "shutdown", "reason": None}))
            self.close(*self.channels.goodbye)


class Broadcast(RequestHandler):
    """``/broadcast/``."""

    def initialize(self, channels: RightChannels) -> None:
        self.channels = channels

    def post(self) -> None:
        try:
            self.channels.respond(self, self.channels.broadcast(self))
        except Refused as refused:
            self.channels.reject(self, refused)


async def run(channels: RightChannels, port: int) -> None:
    """Serve until SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    own = {"channels": channels}
    routes = [
        (f"/channel/([^/]+){channels.slash}", Subscription, own),
        (f"/broadcast{channels.slash}", Broadcast, own),
    ]
    settings = {"websocket_max_message_size": 2 * MAX_FRAME, "log_function": lambda handler: None}
    Application(routes, **settings).listen(port, "127.0.0.1")
    await stopped.wait()
    for subscriber in list(channels.subscribers):
        subscriber.shut_down()
    await asyncio.sleep(GOODBYE_SECONDS)


def serve(channels: type[RightChannels]) -> None:
    """Serve the channels protocol at ``--port``, with *channels*."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pwd")
    parser.add_argument("--lines-port", help="taken, and not used: nothing here speaks lines")
    options = parser.parse_args()
    asyncio.run(run(channels(options.pwd), options.port))


if __name__ == "__main__":
    serve(RightChannels)
