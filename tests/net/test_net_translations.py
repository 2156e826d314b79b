"""POST /renderings: the bytes of each encoded frame, and that servers accept the requests that it shows."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from masked_frames import TEXT, masked, server_frames, text
from raw_client import PATIENCE_SECONDS, RawClient, Response
from running_server import free_port

from chateau.net.frames import Decoder
from chateau.net.reference_handlers import BODY_BYTES, DRAIN_FACTOR, FRAMINGS
from chateau.protocols.schemas import schemas_folder
from chateau.reference.request_translations import PROTOCOLS
from chateau.reference.translations import Translator

if TYPE_CHECKING:
    from captured_log import Log
    from live_harness import LiveServer, OpenServer

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def transport() -> str:
    """One transport: the response does not depend on it."""
    return "fast"


ROOT = Path(__file__).resolve().parents[2]
FRAMES = {
    f"{path.stem}-{number}": example
    for path in sorted((schemas_folder() / "chateau").glob("*-*.json"))
    for number, example in enumerate(json.loads(path.read_text("utf-8"))["examples"])
}
ODD_REQUESTS = {
    "a long publish": {"type": 7, "room": "lobby", "content": "é" * 200},
    "a publish of several lines": {"type": 7, "room": "lobby", "content": "a\nb\n\nc"},
    "a publish of nothing": {"type": 7, "room": "lobby", "content": ""},
    "a message of several lines": {"type": 3, "clients": ["bob"], "content": "a\nb"},
    "a history up to a time": {"type": 8, "room": "lobby", "to": "2099-01-01T00:00:00.5+01:00"},
    "a room with a space": {"type": 5, "room": "the attic"},
    "a publish with a key": {"type": 7, "room": "Lobby", "content": "!", "key": "k 1"},
}
REQUESTS = {name: frame for name, frame in FRAMES.items() if "-request" in name} | ODD_REQUESTS

Frame = dict[str, Any]
Shown = dict[str, Any]


async def post(client: RawClient, body: bytes, path: str = "/renderings") -> Response:
    client.send(
        f"POST {path} HTTP/1.1\r\nHost: {client.host}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    client.send(body)
    return await client.response()


async def translated(harness: LiveServer, frame: Frame) -> Shown:
    response = await post(await harness.connect(), json.dumps(frame).encode())
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    shown: Shown = json.loads(response.body)
    return shown


# The bytes


def payload_of(framed: bytes, encoded: Shown) -> bytes:
    """Return the payload within the framing, without its mask."""
    inner = framed[encoded["head"] : len(framed) - encoded["tail"]]
    if (encoded["wire"], encoded["who"]) == ("WebSocket", "client"):
        return masked(inner, framed[encoded["head"] - 4 : encoded["head"]])
    return inner


def check_bytes(encoded: Shown) -> None:
    framed = bytes.fromhex(encoded["hex"])
    assert payload_of(framed, encoded) == encoded["text"].encode()
    if encoded["wire"] == "WebSocket" and encoded["who"] == "server":
        assert server_frames(framed) == [(TEXT, encoded["text"].encode())]
    elif encoded["wire"] == "WebSocket":
        assert Decoder(BODY_BYTES).feed(framed) == [encoded["text"]]
        assert framed[encoded["head"] - 4 : encoded["head"]].hex(" ") in encoded["note"]
    elif encoded["wire"] == "TCP":
        assert framed.endswith(b"\r\n" if encoded["who"] == "server" else b"\n")
    elif encoded["wire"] == "server-sent events":
        size, _, rest = framed.partition(b"\r\n")
        assert (int(size, 16), len(size) + 2, 2) == (len(rest) - 2, encoded["head"], encoded["tail"])
        assert rest.endswith(b"\n\n\r\n")
    else:
        assert (encoded["head"], encoded["tail"]) == (0, 0)


@pytest.mark.parametrize("name", FRAMES | ODD_REQUESTS)
async def test_bytes_are_the_framing_and_the_text(harness: LiveServer, name: str) -> None:
    shown = await translated(harness, (FRAMES | ODD_REQUESTS)[name])

    assert tuple(dict.fromkeys(encoded["protocol"] for encoded in shown["writings"])) == PROTOCOLS
    for encoded in shown["writings"]:
        assert list(encoded)[:7] == ["protocol", "wire", "who", "text", "hex", "head", "tail"]
        if encoded["wire"] is None:
            assert [encoded[key] for key in ("who", "text", "hex", "head", "tail")] == [
                None,
                None,
                None,
                0,
                0,
            ]
            assert encoded["note"]
        else:
            check_bytes(encoded)


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_client_frame_of_every_length_is_decoded(length: int) -> None:
    framed = FRAMINGS["WebSocket", "client"](b"a" * length)

    assert Decoder(100_000).feed(framed) == ["a" * length]


# Servers accept the requests that are shown


class RequestSender:
    """Sends shown requests to a server with bob and carol, where they can succeed."""

    def __init__(self, harness: LiveServer, lines_port: int, request: Frame) -> None:
        self.harness = harness
        self.here: list[str] = []
        self.lines_port = lines_port
        self.request = request
        self.room = request.get("room", "lobby")

    async def set(self) -> None:
        if self.needs_a_name:  # sent on request only
            await self.harness.member("bob", self.room)
            await self.harness.member("carol")
        self.here = list(self.harness.server.hub.usernames())
        if "password" in self.request:
            self.harness.server.hub.rooms.lock(self.room, self.request["password"])

    async def clear(self) -> None:
        """Disconnect the clients that sent requests, so that the next one finds the same server."""
        for client in self.harness.clients[len(self.here) :]:
            await client.leave()
        await self.harness.until(lambda: self.harness.server.hub.usernames() == self.here)

    @property
    def needs_a_name(self) -> bool:
        return self.request["type"] != 1

    @property
    def happens_inside(self) -> bool:
        return self.request["type"] in (6, 7, 8)

    async def functions(self, sent: bytes) -> None:
        client = await self.harness.client(path="/functions")
        client.send(sent)
        response = await client.receive_json()
        assert "error" not in response
        assert response.keys() >= {"function", "callback"}

    async def opcodes(self, sent: bytes) -> None:
        client = await self.harness.client(path="/opcodes")
        for content in ["dora"] * self.needs_a_name + [f'!join "{self.room}"'] * self.happens_inside:
            client.send(text(json.dumps({"op": 1, "d": {"content": content}})))
        client.send(sent)
        client.send(text('{"op": 9}'))  # the one error response that there is
        heard = [await client.receive_json()]
        while heard[-1]["op"] != 5:
            heard.append(await client.receive_json())
        assert len(heard) > 1 + 2 * self.needs_a_name + 2 * self.happens_inside
        assert heard[-1]["d"]["code"] == "unknown_type"

    async def lines(self, sent: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.lines_port)
        before = ["LOGIN dora"] * self.needs_a_name + [f"JOIN {self.room}"] * self.happens_inside
        writer.write("".join(f"{line}\n" for line in before).encode() + sent)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE_SECONDS):
            received = [json.loads(line) for line in (await reader.read()).split(b"\r\n") if line]
        writer.close()
        await writer.wait_closed()
        results = [frame for frame in received if frame["type"] == "commandResult"]
        assert len(results) == len(before) + sent.count(b"\n") - sent.count(b"\n\n")
        assert not [frame for frame in received if frame["type"] == "error"]

    async def channels(self, sent: bytes) -> None:
        client = await self.harness.connect(path="/channel/lobby/")
        if not sent.startswith((b"GET ", b"POST ")):
            await client.upgrade()
            client.send(sent)
            assert await client.closing() == (1000, "")
            return
        client.send(sent)
        response = await client.response()
        expected = 201 if sent.startswith(b"POST") else 101 if b"Upgrade" in sent else 200
        assert response.status == (403 if "password" in self.request else expected)


@pytest.mark.parametrize("name", REQUESTS)
async def test_documented_client_requests_are_accepted(open_server: OpenServer, name: str) -> None:
    request = REQUESTS[name]
    lines_port = free_port()
    harness = open_server(lines_port=lines_port)
    sender = RequestSender(harness, lines_port, request)
    await sender.set()
    writings = (await translated(harness, request))["writings"][1:]
    accepted = 0

    for encoded in writings:
        if encoded["hex"] is not None:
            await getattr(sender, encoded["protocol"])(bytes.fromhex(encoded["hex"]))
            await sender.clear()
            accepted += 1

    assert accepted


@pytest.mark.parametrize("name", REQUESTS)
async def test_documented_chateau_request_is_accepted(harness: LiveServer, name: str) -> None:
    request = REQUESTS[name]
    if request["type"] == 1:
        client = await harness.client()
    else:
        await harness.member("bob", "lobby")
        client = await harness.member("dora")
    if request["type"] in (6, 7, 8):
        await client.ask({"type": 5, "room": request["room"]})
    if "carol" in request.get("clients", ()):
        await harness.member("carol")

    client.send(bytes.fromhex((await translated(harness, request))["writings"][0]["hex"]))
    response = await client.receive_json()
    while "event" in response or "sender" in response:
        response = await client.receive_json()

    assert (response["type"], response["status"]) == (request["type"], 200)


async def test_rejected_publish_is_shown_as_sent(open_server: OpenServer) -> None:
    harness = open_server(pwd="secret")
    publisher = await harness.connect()
    publisher.send(b"POST /channel/lobby/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi")
    head = await publisher.reader.readuntil(b"\r\n\r\n")
    body = await publisher.reader.readexactly(len(b'"Not authorized"'))
    error = re.search(rb"X-Error: (.*)\r\n", head)
    assert error is not None

    error_response = {"type": 7, "status": 400, "code": "access_denied", "error": error[1].decode()}
    encoded = (await translated(harness, error_response))["writings"][-1]

    assert without_date(bytes.fromhex(encoded["hex"])) == without_date(head + body)


def without_date(response: bytes) -> bytes:
    return re.sub(rb"Date: .*? GMT", b"Date: now", response)


# The address, and rejected requests


async def test_address_has_the_prefix_and_frames_have_the_requested_host(open_server: OpenServer) -> None:
    harness = open_server(url_prefix="/chat", command_prefix="/", server_name="Castle")
    client = await harness.connect()
    tapped = {"type": 0, "status": 200, "event": "tapped", "active": True}

    publish = await post(client, b'{"type": 7, "room": "a", "content": "b"}', "/chat/renderings")
    rooms = await post(client, b'{"type": 9}', "/chat/renderings")
    named = await post(client, json.dumps(tapped).encode(), "/chat/renderings")
    wrong = await post(client, b'{"type": 5}', "/chat/renderings")
    elsewhere = await post(client, b'{"type": 9}')

    head = f"POST /chat/channel/a/ HTTP/1.1\r\nHost: localhost:{harness.port}\r\n"
    assert json.loads(publish.body)["writings"][4]["text"].startswith(head)
    assert "/rooms" in json.loads(rooms.body)["writings"][3]["text"]
    assert "Castle" in json.loads(named.body)["writings"][3]["text"]
    assert json.loads(wrong.body)["schema"] == "/chat/schemas/chateau/join-request.json"
    assert elsewhere.status == 404


WRONG = [
    (b"", "invalid_json"),
    (b"\xff", "invalid_json"),
    (b"[]", "not_an_object"),
    (b'{"type": 10}', "unknown_type"),
]


@pytest.mark.parametrize(("body", "code"), WRONG)
async def test_invalid_frame_is_rejected(harness: LiveServer, body: bytes, code: str) -> None:
    response = await post(await harness.connect(), body)

    document = json.loads(response.body)
    assert response.status == document["status"] == 400
    assert list(document) == ["status", "code", "error"]
    assert document["code"] == code


async def test_schema_violation_is_reported_with_its_path(harness: LiveServer) -> None:
    response = await post(await harness.connect(), b'{"type": 5, "room": ""}')

    assert json.loads(response.body) == {
        "status": 400,
        "code": "invalid_message",
        "error": '"room" must have at least 1 character(s).',
        "path": "/room",
        "schema": "/schemas/chateau/join-request.json",
    }


async def test_frame_may_have_64_kib(harness: LiveServer) -> None:
    client = await harness.connect()
    longest = b'{"type": 9}'.ljust(BODY_BYTES)

    taken, refused = await post(client, longest), await post(client, longest + b" ")

    assert (taken.status, refused.status) == (200, 413)
    assert json.loads(refused.body) == {
        "status": 413,
        "code": "too_large",
        "error": "A frame may have 65536 bytes here.",
    }


@pytest.mark.parametrize("length", [str(BODY_BYTES * DRAIN_FACTOR + 1), "9" * 30])
async def test_far_too_long_body_is_rejected_unread(harness: LiveServer, length: str) -> None:
    client = await harness.connect()

    client.send(f"POST /renderings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode())

    assert (await client.response()).status == 413
    assert await client.end() == b""


async def test_endless_body_is_rejected(harness: LiveServer) -> None:
    client = await harness.connect()
    chunk = b"10000\r\n" + b"a" * 65_536 + b"\r\n"

    client.send(b"POST /renderings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(chunk * (DRAIN_FACTOR + 1))

    assert (await client.response()).status == 413
    assert await client.end() == b""


async def test_slow_body_is_rejected_once(harness: LiveServer) -> None:
    client = await harness.connect()
    size = BODY_BYTES * DRAIN_FACTOR + 1

    client.send(b"POST /renderings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(f"{size:x}\r\n".encode() + b"a" * size + b"\r\n0\r\n\r\n")

    assert (await client.response()).status == 413
    assert await client.end() == b""


async def test_other_methods_are_rejected(harness: LiveServer) -> None:
    response = await (await harness.connect()).get("/renderings")

    assert (response.status, response.headers["allow"]) == (405, "OPTIONS, POST")
    assert json.loads(response.body) == {
        "status": 405,
        "code": "unknown_type",
        "error": "This address takes the method POST.",
    }


async def test_unexpected_exception_gets_a_json_error_and_is_logged(
    harness: LiveServer, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Translator, "translate", fail)

    response = await post(await harness.connect(), b"{}")

    assert (response.status, json.loads(response.body)["code"]) == (500, "internal")
    assert len(log.taken()) == 1


async def test_documented_response_equals_the_response(harness: LiveServer) -> None:
    page = (ROOT / "docs" / "protocols.md").read_text("utf-8").partition("## See any frame")[2]
    command = re.search(r"```sh\n(curl .*)\n```", page)
    shown = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert command is not None
    assert shown is not None

    _, _, body, url = shlex.split(command[1])
    response = await post(await harness.connect(), body.encode(), url.removeprefix("http://127.0.0.1:8888"))

    writings = json.loads(response.body)["writings"]
    assert [line for line in map(json.loads, shown[1].splitlines()) if line not in writings] == []
