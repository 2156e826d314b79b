"""The pages in examples/ work: their scripts run in Node, with a stand-in for the browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.client import HTTPConnection

import pytest
from played_example import ROOT, Example, Harness, need, played, publish, running_harness

NODE = ("node", "--no-warnings", "--experimental-websocket", "--experimental-eventsource")
STAND_IN = ROOT / "tests" / "examples" / "page_stand_in.js"


@pytest.fixture
def harness() -> Iterator[Harness]:
    need(*NODE, "--eval", "new EventSource('http://localhost:1/').close()")
    with running_harness("--allow-origin", "*") as harness:
        yield harness


def page(name: str, harness: Harness, username: str = "", query: str = "") -> AbstractContextManager[Example]:
    query = f"?server={harness.host_port}{query}"
    return played(*NODE, str(STAND_IN), f"examples/{name}", query, username)


def test_two_chateau_pages_exchange_messages(harness: Harness) -> None:
    with page("chateau.html", harness, "alice") as alice:
        alice.wait_for("(here: alice)")
        with page("chateau.html", harness, "bob") as bob:
            alice.wait_for("(bob joined)")
            bob.wait_for("(here: alice, bob)")
            bob.type("hi, all")
            for each in (alice, bob):
                each.wait_for("bob: hi, all")
            assert bob.end() == []
        alice.wait_for("(bob left)")
        with page("chateau.html", harness, "alice") as other:
            other.wait_for('(refused: The username "alice" is taken.)')
            other.end()
        assert alice.end() == []


def test_two_functions_pages_exchange_messages(harness: Harness) -> None:
    with page("functions.html", harness, "alice") as alice, page("functions.html", harness, "bob") as bob:
        alice.wait_for("(you are alice)")
        bob.wait_for("(you are bob)")
        bob.type("hi, all")
        bob.type("how are you?")
        for each in (alice, bob):
            each.wait_for("bob: hi, all")
            each.wait_for("bob: how are you?")
        alice.type("fine")
        for each in (alice, bob):
            each.wait_for("alice: fine")
        assert bob.end() == []
        assert alice.end() == []


def test_page_receives_packages_of_its_channel(harness: Harness) -> None:
    with page("channels.html", harness, query="&channel=weather") as listener:
        opened = {"(The WebSocket is open.)", "(The event stream is open.)"}
        assert {listener.next(), listener.next()} == opened

        for kind, package, shown in (
            ("text", b"Hello world", "Hello world"),
            ("json", b'{"degrees": 7}', '{"degrees": 7}'),
            ("bytes", b"\x00\x01\xff", "3 bytes"),
        ):
            assert publish(harness, "weather", package, kind) == 2
            assert {listener.next(), listener.next()} == {f"WebSocket: {shown}", f"event: {shown}"}


def test_pages_opened_as_files_are_accepted(harness: Harness) -> None:
    connection = HTTPConnection(harness.host, int(harness.port))

    connection.request("GET", "/channel/news/", headers={"Accept": "text/event-stream", "Origin": "null"})

    assert connection.getresponse().headers["Access-Control-Allow-Origin"] == "null"
    connection.close()
