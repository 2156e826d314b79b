"""The pages in examples/ do what they say: their scripts run in Node, with a stand-in for the browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.client import HTTPConnection

import pytest
from played_example import ROOT, Example, House, need, open_house, played, publish

NODE = ("node", "--no-warnings", "--experimental-websocket", "--experimental-eventsource")
STAND_IN = ROOT / "tests" / "examples" / "page_stand_in.js"


@pytest.fixture
def house() -> Iterator[House]:
    need(*NODE, "--eval", "new EventSource('http://localhost:1/').close()")
    with open_house("--allow-origin", "*") as house:
        yield house


def page(name: str, house: House, username: str = "", query: str = "") -> AbstractContextManager[Example]:
    query = f"?server={house.host_port}{query}"
    return played(*NODE, str(STAND_IN), f"examples/{name}", query, username)


def test_two_pages_of_the_chateau_protocol_talk(house: House) -> None:
    with page("chateau.html", house, "alice") as alice:
        alice.hear("(here: alice)")
        with page("chateau.html", house, "bob") as bob:
            alice.hear("(bob joined)")
            bob.hear("(here: alice, bob)")
            bob.type("hi, all")
            for each in (alice, bob):
                each.hear("bob: hi, all")
            assert bob.end() == []
        alice.hear("(bob left)")
        with page("chateau.html", house, "alice") as other:
            other.hear('(refused: The username "alice" is taken.)')
            other.end()
        assert alice.end() == []


def test_two_pages_of_the_functions_protocol_talk(house: House) -> None:
    with page("functions.html", house, "alice") as alice, page("functions.html", house, "bob") as bob:
        alice.hear("(you are alice)")
        bob.hear("(you are bob)")
        bob.type("hi, all")
        bob.type("how are you?")
        for each in (alice, bob):
            each.hear("bob: hi, all")
            each.hear("bob: how are you?")
        alice.type("fine")
        for each in (alice, bob):
            each.hear("alice: fine")
        assert bob.end() == []
        assert alice.end() == []


def test_a_page_hears_what_is_published_to_its_channel(house: House) -> None:
    with page("channels.html", house, query="&channel=weather") as listener:
        opened = {"(The WebSocket is open.)", "(The event stream is open.)"}
        assert {listener.next(), listener.next()} == opened

        for kind, package, shown in (
            ("text", b"Hello world", "Hello world"),
            ("json", b'{"degrees": 7}', '{"degrees": 7}'),
            ("bytes", b"\x00\x01\xff", "3 bytes"),
        ):
            assert publish(house, "weather", package, kind) == 2
            assert {listener.next(), listener.next()} == {f"WebSocket: {shown}", f"event: {shown}"}


def test_the_pages_are_let_in_when_they_are_opened_as_files(house: House) -> None:
    connection = HTTPConnection(house.host, int(house.port))

    connection.request("GET", "/channel/news/", headers={"Accept": "text/event-stream", "Origin": "null"})

    assert connection.getresponse().headers["Access-Control-Allow-Origin"] == "null"
    connection.close()
