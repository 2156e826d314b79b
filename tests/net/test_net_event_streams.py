"""Event streams: a channel by plain HTTP, for EventSource and curl, on each transport."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from raw_client import PATIENCE_SECONDS, RawClient, Response

from chateau.net.connection import LINGER_SECONDS

if TYPE_CHECKING:
    from captured_log import Log
    from live_harness import LiveServer, OpenServer

pytestmark = pytest.mark.gen_test(timeout=30)

TINY_BUFFER = 4096
ACCEPT = "text/event-stream"
SHUTDOWN = {"event": "shutdown", "reason": None}


class Event(NamedTuple):
    """One event, as the WHATWG HTML standard defines it."""

    data: str
    kind: str = "message"
    id: str = ""

    @property
    def frame(self) -> Any:
        return json.loads(self.data)


class StreamClient(RawClient):
    """A client that parses a stream as section 9.2.6 of the standard requires."""

    last_event_id = ""
    comments = 0

    async def subscribe(self, name: str, **headers: str) -> Response:
        """Request the channel *name*, which is percent-encoded already."""
        self.send(self.request(f"{self.path}{name}/", **({"Accept": ACCEPT} | headers)))
        return await self.response()

    async def event(self) -> Event:
        """Return the next event."""
        data: list[str] = []
        kind = "message"
        while True:
            line = await self._line()
            field, colon, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                if data:
                    return Event("\n".join(data), kind, self.last_event_id)
            elif colon and not field:
                self.comments += 1
            elif field == "data":
                data.append(value)
            elif field == "event":
                kind = value
            elif field == "id":
                assert "\x00" not in value
                self.last_event_id = value
            else:
                raise AssertionError(f"a stream has no field {field!r}")

    async def _line(self) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (found := re.search(rb"\r\n|\n|\r(?=.)", self._read, re.DOTALL)) is None:
                more = await self.more_of_stream()
                if not more:
                    raise asyncio.IncompleteReadError(bytes(self._read), None)
                self._read += more
        line = bytes(self._read[: found.start()])
        del self._read[: found.end()]
        return line.decode()

    async def datas(self, count: int) -> list[str]:
        return [(await self.event()).data for _ in range(count)]

    async def events_to_the_end(self) -> list[Event]:
        """Return all complete events until the stream ends."""
        events = []
        try:
            while True:
                events.append(await self.event())
        except (asyncio.IncompleteReadError, ConnectionError):
            return events


class Publisher(RawClient):
    """A client that publishes repeatedly on one connection."""

    async def publish(self, name: str, body: str | bytes, kind: str = "text", status: int = 201) -> Response:
        payload = body.encode() if isinstance(body, str) else body
        head = f"POST {self.path}{name}/ HTTP/1.1\r\nHost: {self.host}\r\nPackage-Type: {kind}\r\n"
        self.send(f"{head}Content-Length: {len(payload)}\r\n\r\n".encode() + payload)
        response = await self.response()
        assert response.status == status, response
        return response


async def connected(harness: LiveServer, kind: type[RawClient], **options: Any) -> Any:
    prefix = harness.server.settings.url_prefix
    options = {"path": f"{prefix}/channel/"} | options
    client = await kind.connect(harness.port, tls=harness.tls, **options)
    harness.clients.append(client)
    return client


async def listener(harness: LiveServer, name: str = "news", **options: Any) -> StreamClient:
    headers = options.pop("headers", {})
    client: StreamClient = await connected(harness, StreamClient, **options)
    response = await client.subscribe(name, **headers)
    assert response.status == 200, response
    return client


async def publisher(harness: LiveServer) -> Publisher:
    client: Publisher = await connected(harness, Publisher)
    return client


def streams(harness: LiveServer) -> int:
    """Return the number of open streams."""
    return len(harness.server._stream_group.connections)


# Request and response head


@pytest.mark.parametrize("path", ["/channel/news/", "/channel/news", "/channel/news/?token=x"])
async def test_stream_has_the_standard_headers(harness: LiveServer, path: str) -> None:
    client = await connected(harness, StreamClient)
    client.send(client.request(path, Accept=ACCEPT))

    response = await client.response()

    assert response.status == 200
    assert response.headers["content-type"] == ACCEPT
    assert response.headers["cache-control"] == "no-store"
    assert "content-length" not in response.headers
    assert response.headers["transfer-encoding"] == "chunked"
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("accept", ["text/event-stream, */*;q=0.1", "text/html,text/event-stream;q=0.9"])
async def test_accept_header_may_list_several_media_types(harness: LiveServer, accept: str) -> None:
    await listener(harness, headers={"Accept": accept})


async def test_media_type_is_case_insensitive(harness: LiveServer) -> None:
    await listener(harness, headers={"Accept": "Text/Event-Stream"})


NAVIGATION = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
"""What a browser sends when a person opens an address."""


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Accept": ""},
        {"Accept": "*/*"},
        {"Accept": "text/*"},
        {"Accept": "application/json, text/plain, */*"},
        {"Accept": "*/*; q=0.001"},
        {"Accept": "*/*;q=x"},
        {"Accept": "text/*;q=0, text/event-stream"},
    ],
)
async def test_client_that_takes_anything_gets_the_stream(
    harness: LiveServer, headers: dict[str, str]
) -> None:
    client, sender = await connected(harness, StreamClient), await publisher(harness)
    client.send(client.request("/channel/news/", **headers))

    assert (await client.response()).headers["content-type"] == ACCEPT
    await sender.publish("news", "hello")
    assert await client.event() == Event("hello")


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "image/*",
        "text/plain",
        NAVIGATION,
        "text/event-stream;q=0",
        "text/event-stream; q=0.0, */*",
        "*/*;Q=0",
        ", ;",
    ],
)
async def test_client_that_takes_no_stream_gets_426(harness: LiveServer, accept: str) -> None:
    client = await connected(harness, StreamClient)
    client.send(client.request("/channel/news/", Accept=accept))

    response = await client.response()

    assert response.status == 426
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"text/event-stream" in response.body
    assert harness.server.hub.session_count() == 0


async def test_426_response_names_the_requested_protocol(harness: LiveServer) -> None:
    """RFC 9110, section 15.5.22: the server must send an Upgrade header in a 426."""
    client = await connected(harness, StreamClient)

    response = await client.get("/channel/news/", Accept="text/html")

    assert response.status == 426
    assert response.headers.get("upgrade") == "websocket"


async def test_head_responds_as_get_without_a_body(harness: LiveServer) -> None:
    client = await connected(harness, StreamClient)
    client.send(client.request("/channel/news/", Connection="close").replace(b"GET", b"HEAD", 1))

    head, _, body = (await client.end()).partition(b"\r\n\r\n")

    assert head.split()[1] == b"200"
    assert b"\r\nContent-Type: text/event-stream\r\n" in head
    assert b"content-length" not in head.lower()
    assert body == b""
    assert harness.server.hub.session_count() == 0


@pytest.mark.parametrize(("path", "status"), [("/channel/%FF/", 400), ("/channel/closed/", 403)])
async def test_head_gets_the_errors_of_get(harness: LiveServer, path: str, status: int) -> None:
    await harness.member("bob", "closed")
    harness.server.hub.rooms.close("closed")
    client = await connected(harness, StreamClient)
    client.send(client.request(path, Connection="close").replace(b"GET", b"HEAD", 1))

    head, _, body = (await client.end()).partition(b"\r\n\r\n")

    assert (int(head.split()[1]), body) == (status, b"")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "BREW"])
async def test_other_methods_are_rejected(harness: LiveServer, method: str) -> None:
    client = await connected(harness, StreamClient)
    request = client.request("/channel/news/", Accept=ACCEPT)
    client.send(request.replace(b"GET", method.encode(), 1))

    response = await client.response()

    assert response.status == 405
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert response.headers["x-error"] == "This address takes the methods GET, POST."
    assert harness.server.hub.session_count() == 0


async def test_stream_may_follow_another_request_on_its_connection(harness: LiveServer) -> None:
    client, sender = await connected(harness, StreamClient), await publisher(harness)
    assert (await client.get("/schemas/")).status == 200

    assert (await client.subscribe("news")).status == 200
    await sender.publish("news", "hello")

    assert await client.event() == Event("hello")


async def test_input_after_the_request_is_ignored(harness: LiveServer) -> None:
    client, sender = await connected(harness, StreamClient), await publisher(harness)
    client.send(client.request("/channel/news/", Accept=ACCEPT) + client.request("/") + b"\x00" * 100_000)
    assert (await client.response()).status == 200
    client.send(b"close\r\n" * 1_000)

    await sender.publish("news", "hello")

    assert await client.event() == Event("hello")


# Content


async def test_publications_of_all_kinds_are_sent_as_events(harness: LiveServer) -> None:
    client, sender = await listener(harness), await publisher(harness)
    number = '{"a" :\t1.50,\n "a": 2}'
    every_byte = bytes(range(256))

    await sender.publish("news", "Grüße, 世界 👋")
    await sender.publish("news", number, "json")
    await sender.publish("news", every_byte, "bytes")

    assert await client.event() == Event("Grüße, 世界 👋")
    assert await client.event() == Event(number)
    event = await client.event()
    assert event.kind == "bytes"
    assert base64.b64decode(event.data) == every_byte


@pytest.mark.parametrize(
    "text",
    [
        "one\ntwo",
        "one\rtwo",
        "one\r\ntwo",
        "one\n\ntwo",
        "\n",
        "\r\r",
        "one\n",
        "\n\none",
        "",
        " leading and trailing ",
        ": no comment",
        "id: 7\nevent: bytes\ndata: x\n\ndata: y",
        "one\u2028two\x85three\x0bfour\x0cfive",
        "\ufeffmark",
        "a\x00b\x1bc",
        "x" * 300_000,
    ],
)
async def test_multi_line_text_is_one_event(harness: LiveServer, text: str) -> None:
    client, sender = await listener(harness), await publisher(harness)

    await sender.publish("news", text)
    await sender.publish("news", "next")

    assert await client.event() == Event(re.sub("\r\n|\r", "\n", text))
    assert await client.event() == Event("next")


async def test_events_without_history_have_no_ids(harness: LiveServer) -> None:
    client, sender = await listener(harness), await publisher(harness)

    await sender.publish("news", "hello")
    await client.event()

    assert client.last_event_id == ""


async def test_event_ids_increase_with_history(open_server: OpenServer) -> None:
    harness = open_server(channel_history=10)
    client, sender = await listener(harness), await publisher(harness)

    for number in range(20):
        await sender.publish("news", str(number), ("text", "json")[number % 2])

    events = [await client.event() for _ in range(20)]
    assert [event.data for event in events] == [str(number) for number in range(20)]
    ids = [int(event.id) for event in events]
    assert ids == sorted(set(ids))
    assert ids[0] > 0


async def test_messages_joins_and_leaves_are_sent_as_json(harness: LiveServer) -> None:
    client = await listener(harness, "lobby")
    alice = await harness.member("alice", "Lobby")
    response = await alice.ask({"type": 7, "room": "lobby", "content": "one\r\ntwo\u2028"})
    await alice.ask({"type": 6, "room": "lobby"})

    joined, said, left = [await client.event() for _ in range(3)]

    assert (joined.kind, joined.frame["event"], joined.frame["username"]) == ("joined", "joined", "alice")
    assert said.kind == "member"
    assert said.frame["sender"] == "alice"
    assert said.frame["content"] == "one\r\ntwo\u2028"
    assert said.frame["seq"] == response["seq"]
    assert said.id == str(response["seq"])
    assert (left.kind, left.frame["event"]) == ("left", "left")
    assert list(said.frame) == ["room", "sender", "content", "seq", "id", "time"]


async def test_stream_client_is_not_a_member_and_cannot_be_addressed(harness: LiveServer) -> None:
    await listener(harness, "lobby")
    alice = await harness.member("alice")

    assert (await alice.ask({"type": 5, "room": "lobby"}))["members"] == ["alice"]
    assert (await alice.ask({"type": 4}))["clients"] == ["alice"]


async def test_delivered_header_counts_stream_clients(harness: LiveServer) -> None:
    sender = await publisher(harness)
    clients = [await listener(harness) for _ in range(3)]

    assert (await sender.publish("news", "hello")).headers["x-delivered"] == "3"
    for client in clients:
        await client.leave()
    await harness.until(lambda: streams(harness) == 0)

    assert (await sender.publish("news", "hello")).headers["x-delivered"] == "0"


async def test_idle_stream_receives_comments(open_server: OpenServer) -> None:
    harness = open_server(ping=0.05)
    client, sender = await listener(harness), await publisher(harness)

    await asyncio.sleep(0.5)
    await sender.publish("news", "hello")

    assert await client.event() == Event("hello")
    assert client.comments >= 5
    assert streams(harness) == 1


# Recovery


async def test_reconnecting_client_receives_missed_then_new_events(open_server: OpenServer) -> None:
    harness = open_server(channel_history=100)
    sender = await publisher(harness)
    client = await listener(harness)
    await sender.publish("news", "0")
    first = await client.event()
    await client.leave()
    for number in range(1, 5):
        await sender.publish("news", str(number))

    again = await listener(harness, headers={"Last-Event-ID": first.id})
    await sender.publish("news", "5")

    assert await again.datas(5) == ["1", "2", "3", "4", "5"]


async def test_recovery_includes_publications_of_all_kinds(open_server: OpenServer) -> None:
    harness = open_server(channel_history=100)
    client, sender = await listener(harness), await publisher(harness)
    alice = await harness.member("alice")
    await sender.publish("news", "first")
    since = (await client.event()).id
    await alice.ask({"type": 5, "room": "news"})
    await sender.publish("news", "one\r\ntwo")
    await sender.publish("news", b"\x00\xff", "bytes")
    await sender.publish("news", '{"a": 1}', "json")
    await alice.ask({"type": 7, "room": "news", "content": "hi"})
    received = [await client.event() for _ in range(5)]

    again = await listener(harness, headers={"Last-Event-ID": since})
    caught_up = [await again.event() for _ in range(4)]

    assert caught_up == [event for event in received if event.kind != "joined"]
    assert [event.kind for event in caught_up] == ["message", "bytes", "message", "member"]


@pytest.mark.parametrize(
    "last", ["", "x", "-1", "1.5", "0x10", "99999999999999999999", "\u0661", "1 2", "1,2"]
)
async def test_invalid_last_event_id_receives_new_events_only(open_server: OpenServer, last: str) -> None:
    harness = open_server(channel_history=100)
    sender = await publisher(harness)
    await sender.publish("news", "before")

    client = await listener(harness, headers={"Last-Event-ID": last})
    await sender.publish("news", "after")

    assert (await client.event()).data == "after"


@pytest.mark.parametrize("last", ["9999999999999999", "9007199254740993"])
async def test_last_event_id_above_the_latest_receives_new_events_only(
    open_server: OpenServer, last: str, tmp_path: Path
) -> None:
    harness = open_server(channel_history=100, data=str(tmp_path))
    sender = await publisher(harness)
    await sender.publish("news", "before")

    client = await listener(harness, headers={"Last-Event-ID": last})
    await sender.publish("news", "after")

    assert (await client.event()).data == "after"


async def test_last_event_id_of_zero_receives_all_stored_events(open_server: OpenServer) -> None:
    harness = open_server(channel_history=3)
    sender = await publisher(harness)
    for number in range(5):
        await sender.publish("news", str(number))

    client = await listener(harness, headers={"Last-Event-ID": "0"})

    assert await client.datas(3) == ["2", "3", "4"]


@pytest.mark.parametrize("on_disk", [False, True])
async def test_recovery_during_publishing_has_no_gaps_and_no_duplicates(
    open_server: OpenServer, tmp_path: Path, on_disk: bool
) -> None:
    harness = open_server(channel_history=100_000, **({"data": str(tmp_path)} if on_disk else {}))
    count = 600
    senders = [await publisher(harness) for _ in range(3)]
    client = await listener(harness)

    async def publish(sender: Publisher, number: int) -> None:
        for place in range(count):
            await sender.publish("news", f"{number} {place}")

    publishing = [asyncio.create_task(publish(sender, number)) for number, sender in enumerate(senders)]
    received: list[str] = []
    visits = 0
    while len(received) < 3 * count:
        received += await client.datas(min(37, 3 * count - len(received)))
        visits += 1
        last = client.last_event_id
        if visits % 2:
            client.reset()
        else:
            await client.leave()
        client = await listener(harness, headers={"Last-Event-ID": last})
    await asyncio.gather(*publishing)

    assert len(set(received)) == len(received) == 3 * count
    for number in range(3):
        places = [int(each.split()[1]) for each in received if each.startswith(f"{number} ")]
        assert places == list(range(count))


async def test_long_recovery_is_sent_as_fast_as_the_client_reads(open_server: OpenServer) -> None:
    harness = open_server(channel_history=100_000, max_outbox=300_000)
    sender = await publisher(harness)
    for number in range(300):
        await sender.publish("news", f"{number} {'x' * 10_000}")

    client = await listener(harness, headers={"Last-Event-ID": "0"}, receive_buffer_bytes=TINY_BUFFER)
    (connection,) = harness.server._stream_group.connections
    received: list[str] = []
    for number in range(300):
        if number % 10 == 0:
            await sender.publish("news", f"{300 + number // 10}")
        received.append((await client.event()).data.split()[0])
        assert connection.backlog_bytes < 200_000
    received += [(await client.event()).data for _ in range(30)]

    assert received == [str(number) for number in range(330)]
    await client.leave()
    await harness.until(lambda: streams(harness) == 0)
    assert harness.server.hub.session_count() == 0


async def test_recovery_includes_many_small_publications(open_server: OpenServer) -> None:
    harness = open_server(channel_history=100_000)
    sender = await publisher(harness)
    for number in range(2_500):  # more than two slices
        sender.send(
            b"POST /channel/news/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n%04d" % number
        )
    for _ in range(2_500):
        assert (await sender.response()).status == 201

    client = await listener(harness, headers={"Last-Event-ID": "0"})
    await sender.publish("news", "end")

    assert await client.datas(2_501) == [*(f"{number:04}" for number in range(2_500)), "end"]


async def test_recovery_larger_than_the_outbox_needs_more_reconnections(open_server: OpenServer) -> None:
    harness = open_server(channel_history=1_000, max_outbox=20_000)
    sender = await publisher(harness)
    for number in range(400):
        await sender.publish("news", f"{number} {'x' * 10_000}")

    received: list[str] = []
    last, visits = "0", 0
    while len(received) < 400:
        visits += 1
        assert visits < 100
        client = await listener(harness, headers={"Last-Event-ID": last}, receive_buffer_bytes=TINY_BUFFER)
        for _ in range(400 - len(received)):
            try:
                received.append((await client.event()).data.split()[0])
            except (asyncio.IncompleteReadError, ConnectionError):
                break
        last = client.last_event_id
        await client.leave()

    assert received == [str(number) for number in range(400)]


# End of a stream


@pytest.mark.parametrize("way", ["reset", "leave", "half-close"])
async def test_closed_client_is_detected(harness: LiveServer, way: str) -> None:
    sender = await publisher(harness)
    gone, stays = await listener(harness), await listener(harness)
    assert harness.server.hub.session_count() == 2

    if way == "reset":
        gone.reset()
    elif way == "leave":
        await gone.leave()
    elif harness.tls is None:
        gone.writer.write_eof()
    else:
        gone.writer.close()

    await harness.until(lambda: streams(harness) == 1)
    assert harness.server.hub.session_count() == 1
    assert (await sender.publish("news", "hello")).headers["x-delivered"] == "1"
    assert await stays.event() == Event("hello")


async def test_client_that_resets_with_a_backlog_leaves_no_state(open_server: OpenServer) -> None:
    harness = open_server(max_outbox=50_000_000)
    sender = await publisher(harness)
    gone = await listener(harness, receive_buffer_bytes=TINY_BUFFER)
    for _ in range(60):
        await sender.publish("news", "x" * 200_000)

    gone.reset()

    await harness.until(lambda: streams(harness) == 0)
    assert harness.server.hub.session_count() == 0


async def test_clients_that_vanish_at_once_leave_no_state(harness: LiveServer) -> None:
    for number in range(30):
        client = await connected(harness, StreamClient)
        client.send(client.request(f"/channel/news{number}/", Accept=ACCEPT))
        if number % 3 == 0:
            await asyncio.sleep(0)
        elif number % 3 == 1:
            await asyncio.sleep(0.002)
        client.reset()

    await asyncio.sleep(0.1)
    await harness.until(lambda: streams(harness) == 0)
    assert harness.server.hub.session_count() == 0
    assert not [key for key in harness.server.hub.rooms.by_key if key.startswith("news")]


async def test_slow_consumer_is_disconnected_without_affecting_others(open_server: OpenServer) -> None:
    harness = open_server(max_outbox=300_000)
    sender = await publisher(harness)
    slow = await listener(harness, receive_buffer_bytes=TINY_BUFFER)
    quick = await listener(harness)
    connections = harness.server._stream_group.connections
    longest = 0

    count = 0
    while harness.server.hub.session_count() == 2:
        await sender.publish("news", f"{count} {'x' * 100_000}")
        assert (await quick.event()).data.startswith(f"{count} ")
        longest = max([longest, *(connection.backlog_bytes for connection in connections)])
        count += 1
        assert count < 400

    assert longest <= 300_000 + 101_000
    received = [event.data.split()[0] for event in await slow.events_to_the_end()]
    assert received == [str(number) for number in range(len(received))]
    assert len(received) < count
    await slow.leave()
    await harness.until(lambda: streams(harness) == 1)


async def test_slow_consumer_that_never_reads_is_disconnected(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chateau.net.connection.CLOSE_SECONDS", 0.2)
    harness = open_server(max_outbox=300_000)
    sender = await publisher(harness)
    await listener(harness, receive_buffer_bytes=TINY_BUFFER)

    for _ in range(400):
        await sender.publish("news", "x" * 100_000)
        if not harness.server.hub.session_count():
            break

    await harness.until(lambda: streams(harness) == 0)


async def test_all_clients_receive_the_shutdown_before_the_end(harness: LiveServer) -> None:
    clients = [await listener(harness), await listener(harness, "other")]

    draining = asyncio.create_task(harness.server.drain())

    for client in clients:
        event = await client.event()
        assert (event.kind, event.frame) == ("shutdown", SHUTDOWN)
    for client in clients:
        assert await client.end() == b""
        await client.leave()
    async with asyncio.timeout(LINGER_SECONDS + 2):
        await draining
    assert streams(harness) == 0


async def test_shutdown_drains_backlogs_and_then_closes(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chateau.net.outbox.SEND_BYTES", 1)  # so that each piece is written separately
    harness = open_server(max_outbox=50_000_000)
    sender = await publisher(harness)
    client = await listener(harness, receive_buffer_bytes=TINY_BUFFER)
    count = 0
    while not any(connection.backlog_bytes for connection in harness.server._stream_group.connections):
        await sender.publish("news", "x" * 100_000)
        count += 1

    started_at = time.monotonic()
    draining = asyncio.create_task(harness.server.drain())
    events = await client.events_to_the_end()
    await client.leave()
    await draining

    assert len(events) == count + 1
    assert events[-1].frame == SHUTDOWN
    assert time.monotonic() - started_at < LINGER_SECONDS + 2  # and not at the end of `CLOSE_SECONDS`


async def test_new_streams_are_rejected_during_a_shutdown(harness: LiveServer) -> None:
    client = await connected(harness, StreamClient)
    assert (await client.get("/schemas/")).status == 200
    harness.server._stream_group.is_closing = True

    assert (await client.subscribe("news")).status == 503
    assert harness.server.hub.session_count() == 0


# Access


async def test_banned_address_is_rejected(open_server: OpenServer) -> None:
    harness = open_server(secret_key="swordfish")
    owner = await harness.client(path="/functions")
    owner.send_json({"function": "ban_ip", "ip": "127.0.0.1", "secret_key": "swordfish"})
    assert "error" not in await owner.receive_json()
    client = await connected(harness, StreamClient)

    response = await client.subscribe("news")

    assert response.status == 403
    assert b"banned" in response.body
    assert harness.server.hub.session_count() == 1


@pytest.mark.parametrize("name", ["%20", "%09%20", "%00", "a%0Ab", "x" * 65, "%F0%9F%91%8B" * 65])
async def test_invalid_channel_name_is_rejected(harness: LiveServer, name: str) -> None:
    client = await connected(harness, StreamClient)

    response = await client.subscribe(name)

    assert response.status == 400
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"cannot be a name" in response.body
    assert harness.server.hub.session_count() == 0


@pytest.mark.parametrize("name", ["%FF", "%C3", "%ED%A0%80"])
async def test_name_that_is_not_utf_8_is_rejected(harness: LiveServer, log: Log, name: str) -> None:
    client = await connected(harness, StreamClient)

    assert (await client.subscribe(name)).status == 400
    log.taken()  # the last test in this file checks the log


async def test_closed_or_locked_room_is_rejected(open_server: OpenServer) -> None:
    harness = open_server(secret_key="swordfish")
    admin = await harness.client(path="/opcodes")
    said = ["alice", "!auth swordfish", "!join secret", "!lock secret word", "!join closed", "!close closed"]
    for text in said:
        admin.send_json({"op": 1, "d": {"content": text}})
    while (await admin.receive_json())["op"] != 2:
        pass
    while (await admin.receive_json())["op"] != 2:
        pass

    for name in ("secret", "closed"):
        client = await connected(harness, StreamClient)
        assert (await client.subscribe(name)).status == 403


# Names


@pytest.mark.parametrize(
    ("subscribed_as", "published_as"),
    [
        ("caf%C3%A9", "caf%c3%a9"),
        ("%20News%20", "NEWS"),
        ("a_b", "a:b"),
        ("a%5fb", "a%3Ab"),
        ("a%2Fb", "a%2fb"),
        ("a+b", "a%2Bb"),
        ("100%25", "100%25"),
        ("a%3Fb%23c", "a%3fb%23C"),
        ("..", ".."),
    ],
)
async def test_channel_is_found_in_any_spelling(
    harness: LiveServer, subscribed_as: str, published_as: str
) -> None:
    client, sender = await listener(harness, subscribed_as), await publisher(harness)

    assert (await sender.publish(published_as, "hello")).headers["x-delivered"] == "1"

    assert await client.event() == Event("hello")


async def test_unescaped_utf_8_name_is_one_channel_for_streams_and_publishers(harness: LiveServer) -> None:
    """curl sends a URL without percent-encoding it."""
    client, sender = await listener(harness, "café"), await publisher(harness)

    assert (await sender.publish("café", "hello")).headers["x-delivered"] == "1"

    assert await client.event() == Event("hello")


async def test_channel_paths_have_the_prefix(open_server: OpenServer) -> None:
    harness = open_server(url_prefix="/chat")
    client, sender = await listener(harness), await publisher(harness)

    await sender.publish("news", "hello")

    assert await client.event() == Event("hello")
    other = await connected(harness, StreamClient, path="/channel/")
    assert (await other.subscribe("news")).status == 404


@pytest.mark.parametrize("path", ["/channel//", "/channel/", "/channel", "/channel/a/b/", "/channel/a//"])
async def test_other_paths_are_not_channels(harness: LiveServer, path: str) -> None:
    client = await connected(harness, StreamClient)

    assert (await client.get(path, Accept=ACCEPT)).status == 404


# Other origins


@pytest.mark.parametrize(
    ("allowed", "origin", "expected"),
    [
        ((), "https://example.org", None),
        (("https://example.org",), "https://example.org", "https://example.org"),
        (("https://example.org",), "https://example.org.evil.net", None),
        (("https://example.org",), "http://example.org", None),
        (("https://example.org",), "null", None),
        (("null",), "null", "null"),
        (("*",), "https://example.org", "https://example.org"),
        (("https://example.org",), None, None),
    ],
)
async def test_cors_header_is_sent_to_allowed_origins_only(
    open_server: OpenServer, allowed: tuple[str, ...], origin: str | None, expected: str | None
) -> None:
    harness = open_server(allow_origin=allowed)
    client = await connected(harness, StreamClient)

    response = await client.subscribe("news", **({} if origin is None else {"Origin": origin}))

    assert response.status == 200
    assert response.headers.get("access-control-allow-origin") == expected
    assert "access-control-allow-credentials" not in response.headers
    if expected is not None:
        assert response.headers["vary"] == "Origin"


async def test_client_errors_are_not_logged(harness: LiveServer, log: Log) -> None:
    for name in ("%20", "x" * 65, "%E2%82"):
        client = await connected(harness, StreamClient)
        assert (await client.subscribe(name)).status == 400

    assert log.taken() == []
