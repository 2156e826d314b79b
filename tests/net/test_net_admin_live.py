"""The live stream of the admin API: figures once per second while there is a watcher."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from admin_client import KEY, AdminClient, admin_client
from raw_client import RawClient

from chateau import __version__
from chateau.net.connection import LINGER_SECONDS

if TYPE_CHECKING:
    from live_harness import LiveServer, OpenServer

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture(autouse=True)
def short_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the interval, so that no test waits a second."""
    monkeypatch.setattr("chateau.net.admin_streams.INTERVAL_SECONDS", 0.05)
    monkeypatch.setattr("chateau.net.metrics.PROBE_SECONDS", 0.005)


@pytest.fixture
def harness(open_server: OpenServer, io_loop: Any) -> LiveServer:
    """A server with a secret key."""

    async def opened() -> LiveServer:
        return open_server(secret_key=KEY)

    found: LiveServer = io_loop.run_sync(opened)
    return found


async def watcher(harness: LiveServer, query: str = "", **options: Any) -> AdminClient:
    return await (await admin_client(harness, **options)).watch(f"live{query}")


def streams(harness: LiveServer) -> int:
    """Return the number of open streams."""
    return len(harness.server._stream_group.connections)


def live(harness: LiveServer) -> Any:
    return harness.server.admin.live


# Content


async def test_all_figures_are_sent_at_once_and_then_periodically(harness: LiveServer) -> None:
    await harness.member("alice", "lobby")

    events = [await (client := await watcher(harness)).event()]
    events += [await client.event() for _ in range(8)]

    assert [event.kind for event in events] == ["house", "sessions", "rooms"] * 3
    first, second = events[0].frame, events[3].frame
    assert (first["sessions"], first["usernames"], first["rooms"]) == (1, 1, 1)
    assert first["messages_per_second"] is None
    assert first["latency_ms"] is None
    assert second["messages_per_second"] == 0.0
    assert second["time"] > first["time"]
    assert events[1].frame["sessions"][0]["rate"] is None
    assert events[4].frame["sessions"][0]["rate"] == 0.0
    assert events[2].frame["rooms"][0]["room"] == "lobby"


async def test_version_and_uptime_are_sent(harness: LiveServer) -> None:
    client = await watcher(harness)
    first, later = await client.next("house"), {}
    while not later or later["uptime_seconds"] == first["uptime_seconds"]:
        later = await client.next("house")

    assert first["version"] == __version__
    assert first["uptime_seconds"] < later["uptime_seconds"] < 30


async def test_message_rates_are_measured_per_server_and_per_session(harness: LiveServer) -> None:
    busy = await harness.member("busy")
    idle = await harness.member("idle")
    client = await watcher(harness)
    await client.next("rooms")

    async def talk() -> None:
        while True:
            await busy.ask({"type": 4})

    talking = asyncio.create_task(talk())
    for _ in range(3):
        figures, sessions = await client.next("house"), (await client.next("sessions"))["sessions"]
    talking.cancel()

    assert figures["messages_per_second"] > 10
    assert [session["name"] for session in sessions] == ["busy", "idle"]
    assert sessions[0]["rate"] == pytest.approx(figures["messages_per_second"], abs=0.2)
    assert sessions[1]["rate"] == 0.0
    assert idle.writer is not None


async def test_busiest_sessions_come_first(harness: LiveServer) -> None:
    clients = [await harness.client() for _ in range(4)]
    client = await watcher(harness, "?limit=2")
    await client.next("rooms")

    async def talk(who: RawClient, pause: float) -> None:
        while True:
            await who.ask({"type": 9})
            await asyncio.sleep(pause)

    talking = [asyncio.create_task(talk(clients[3], 0)), asyncio.create_task(talk(clients[2], 0.01))]
    for _ in range(4):
        figures = await client.next("sessions")
    for task in talking:
        task.cancel()

    assert [session["id"] for session in figures["sessions"]] == ["3", "2"]
    assert figures["total"] == 4


async def test_ended_sessions_count_in_the_message_rate(harness: LiveServer) -> None:
    client = await watcher(harness)
    await client.next("rooms")
    figures: list[float] = []
    for _ in range(3):
        await (await harness.member("alice", "lobby")).leave()
        await harness.until(lambda: harness.server.hub.session_count() == 0)
    while not figures or figures[-1]:
        figures.append((await client.next("house"))["messages_per_second"])

    assert sum(figures) * 0.05 >= 3  # 6 messages, over intervals that may last longer


async def test_http_publications_count_in_the_message_rate(harness: LiveServer) -> None:
    sender, client = await harness.connect(), await watcher(harness)
    await client.next("rooms")
    for _ in range(5):  # first on Tornado's connection, then on a publish connection
        sender.send(b"POST /channel/news/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi")
        assert (await sender.response()).status == 201

    assert (await client.next("house"))["messages_per_second"] > 0


async def test_latency_is_measured_unless_the_transport_is_tornado(harness: LiveServer) -> None:
    client = await watcher(harness)
    await client.next("house")

    latency = (await client.next("house"))["latency_ms"]

    if harness.transport == "tornado":
        assert latency is None
    else:
        assert 0 < latency["p50"] <= latency["p99"] <= latency["max"] < 1_000


async def test_blocked_event_loop_shows_in_the_latency(open_server: OpenServer) -> None:
    harness = open_server(secret_key=KEY)
    if harness.transport == "tornado":
        return
    probe = live(harness)._probe
    client = await watcher(harness)
    await client.next("rooms")

    for _ in range(2):
        probe._timer.cancel()
        probe._send_next()  # a message comes,
        time.sleep(0.05)  # noqa: ASYNC251 - and something else takes long
    await client.next("house")

    assert (await client.next("house"))["latency_ms"]["max"] >= 100


async def test_probe_is_not_counted_as_a_session(open_server: OpenServer) -> None:
    harness = open_server(secret_key=KEY, ping=0.02)
    client = await watcher(harness)
    for _ in range(10):
        figures, sessions = await client.next("house"), await client.next("sessions")

    assert (figures["sessions"], figures["usernames"], figures["rooms"]) == (0, 0, 0)
    assert figures["messages_per_second"] == 0.0
    assert sessions == {"sessions": [], "total": 0}
    assert harness.connections == 0


# Several watchers


async def test_each_watcher_has_its_own_limit(harness: LiveServer) -> None:
    for _ in range(3):
        await harness.client()
    wide, narrow = await watcher(harness), await watcher(harness, "?limit=1")

    for _ in range(3):
        assert len((await wide.next("sessions"))["sessions"]) == 3
        assert len((await narrow.next("sessions"))["sessions"]) == 1


async def test_second_watcher_receives_current_figures(harness: LiveServer) -> None:
    first = await watcher(harness)
    for _ in range(3):
        await first.next("rooms")

    assert (await (await watcher(harness)).next("house"))["messages_per_second"] == 0.0


async def test_second_watcher_does_not_change_the_interval(harness: LiveServer) -> None:
    first, _second = await watcher(harness), await watcher(harness)
    await first.next("house")

    times = [datetime.fromisoformat((await first.next("house"))["time"]) for _ in range(5)]

    assert times[-1] - times[0] >= timedelta(milliseconds=4 * 50 - 1)


# End of a stream


@pytest.mark.parametrize("way", ["leave", "reset"])
async def test_measuring_stops_with_the_last_watcher(harness: LiveServer, way: str) -> None:
    await harness.member("alice")
    first, second = await watcher(harness), await watcher(harness)
    await first.next("house")
    await first.leave()
    await harness.until(lambda: streams(harness) == 1)
    assert live(harness)._timer is not None
    await second.next("house")

    if way == "reset":
        second.reset()
    else:
        await second.leave()
    await harness.until(lambda: streams(harness) == 0)

    assert live(harness)._timer is None
    assert live(harness)._probe._connection is None
    response = await (await admin_client(harness)).read("sessions")
    assert response["sessions"][0]["rate"] is None


async def test_measuring_restarts_with_a_new_watcher(harness: LiveServer) -> None:
    first = await watcher(harness)
    for _ in range(3):
        await first.next("rooms")
    await first.leave()
    await harness.until(lambda: streams(harness) == 0)

    again = await watcher(harness)

    assert (await again.next("house"))["messages_per_second"] is None
    assert (await again.next("house"))["messages_per_second"] == 0.0


@pytest.mark.parametrize("rooms", [100, 500])  # the latter is flushed at once
async def test_slow_watcher_is_disconnected_without_affecting_others(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch, rooms: int
) -> None:
    monkeypatch.setattr("chateau.net.admin_streams.INTERVAL_SECONDS", 1_000)  # the test calls it
    harness = open_server(secret_key=KEY, max_outbox=rooms * 1_000)
    for number in range(rooms):
        harness.server.hub.rooms.add(harness.server.hub.rooms.find_or_create(f"{number} {'x' * 60}"))
    slow = await watcher(harness, receive_buffer_bytes=4096)
    quick = await watcher(harness)
    await quick.next("rooms")

    seconds = 0
    while streams(harness) == 2 and seconds < 2_000:
        live(harness)._tick()
        await quick.next("rooms")
        seconds += 1

    assert list(live(harness)._subscribers.values()) == [200]
    live(harness)._tick()
    await quick.next("rooms")
    await slow.leave()


async def test_shutdown_ends_the_stream_at_once(harness: LiveServer) -> None:
    client = await watcher(harness)
    await client.next("rooms")

    draining = asyncio.create_task(harness.server.drain())
    await client.end()
    await client.leave()

    async with asyncio.timeout(LINGER_SECONDS + 2):
        await draining
    assert streams(harness) == 0
    assert live(harness)._timer is None


async def test_watching_is_rejected_during_a_shutdown(harness: LiveServer) -> None:
    client = await admin_client(harness)
    await client.read("rooms")
    harness.server._stream_group.is_closing = True

    for stream in ("live", "live?limit=3"):
        assert (await client.read(stream, status=503))["code"] == "unavailable"


@pytest.mark.parametrize("query", ["?limit=0", "?limit=ten", "?every=1"])
async def test_query_that_violates_its_schema_is_rejected(harness: LiveServer, query: str) -> None:
    response = await (await admin_client(harness)).read(f"live{query}", status=400)

    assert response["schema"] == "/schemas/admin/live-request.json"


async def test_watchers_that_vanish_during_the_request_leave_no_state(harness: LiveServer) -> None:
    for number in range(20):
        client = await admin_client(harness)
        client.send(client.request("/admin/live", Authorization=f"Bearer {KEY}"))
        await asyncio.sleep((0, 0.002)[number % 2])
        client.reset()

    await asyncio.sleep(0.1)
    await harness.until(lambda: streams(harness) == 0)
    assert live(harness)._timer is None
