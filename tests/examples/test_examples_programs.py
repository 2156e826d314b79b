"""The examples in Python do what they say, each with somebody at the other end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from played_example import Example, House, open_house, played, publish, publish_until_heard


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as house:
        yield house


def python(name: str, *arguments: str) -> AbstractContextManager[Example]:
    return played(sys.executable, f"examples/{name}", *arguments)


def test_two_clients_of_the_chateau_protocol_talk(house: House) -> None:
    with python("chateau_client.py", "alice", house.host_port) as alice:
        alice.hear("(here: alice)")
        with python("chateau_client.py", "bob", house.host_port) as bob:
            alice.hear("(bob joined)")
            bob.hear("(here: alice, bob)")
            bob.type("hi, all")
            for each in (alice, bob):
                each.hear("bob: hi, all")
            assert bob.end() == []
        alice.hear("(bob left)")
        assert alice.end() == []


def test_the_clients_show_what_is_refused(house: House) -> None:
    with python("chateau_client.py", "alice", house.host_port) as alice:
        alice.hear("(here: alice)")
        for name in ("chateau_client.py", "opcodes_client.py"):
            with python(name, "alice", house.host_port) as other:
                other.hear('(refused: The username "alice" is taken.)')
                other.end()
        alice.end()


def test_two_clients_of_the_opcodes_protocol_talk(house: House) -> None:
    with python("opcodes_client.py", "alice", house.host_port) as alice:
        alice.hear("(rooms: general)")
        with python("opcodes_client.py", "bob", house.host_port) as bob:
            alice.hear("general: bob has entered the room")
            bob.type("hi, all")
            for each in (alice, bob):
                each.hear("bob: hi, all")
            assert bob.end() == []
        alice.hear("general: bob has left the room")
        assert alice.end() == []


def test_two_clients_of_the_lines_protocol_talk(house: House) -> None:
    with (
        python("lines_client.py", house.lines_host_port) as alice,
        python("lines_client.py", house.lines_host_port) as bob,
    ):
        for name, client in (("alice", alice), ("bob", bob)):
            client.type(f"LOGIN {name}")
            client.type("JOIN lobby")
            client.hear(f'{{"from":"{name}","type":"userJoined","body":"User {name} has joined the room"}}')
        bob.type("hi, all")
        for each in (alice, bob):
            each.hear('{"from":"bob","type":"message","body":"hi, all"}')
        assert bob.end() == ['{"type":"commandResult","result":"OK"}']
        alice.hear('{"from":"bob","type":"userLeft","body":"User bob has left the room"}')
        alice.end()


def test_a_subscriber_hears_what_is_published_to_its_channel(house: House) -> None:
    with python("channels_subscribe.py", "news", house.host_port) as subscriber:
        publish_until_heard(house, "news", b"hello")
        subscriber.hear("hello")
        publish(house, "news", b'{"n": 1}', "json")
        subscriber.hear('{"n": 1}')
        publish(house, "news", b"\x031", "bytes")
        subscriber.hear(r"b'\x031'")
        assert subscriber.interrupt() == []


def test_the_clients_of_all_protocols_meet(house: House) -> None:
    with (
        python("chateau_client.py", "alice", house.host_port) as alice,
        python("lines_client.py", house.lines_host_port) as bob,
        python("opcodes_client.py", "carol", house.host_port) as carol,
    ):
        alice.hear("(here: alice)")
        bob.type("LOGIN bob")
        bob.type("JOIN lobby")
        alice.hear("(bob joined)")
        carol.hear("general: carol has entered the room")
        carol.type("!join lobby")
        alice.hear("(carol joined)")

        carol.type("hi, all")
        alice.hear("carol: hi, all")
        carol.hear("carol: hi, all")
        bob.hear('{"from":"carol","type":"message","body":"hi, all"}')

        publish(house, "lobby", b"news", "text")
        alice.hear("channel: news")
        carol.hear("channel: news")
        bob.hear('{"from":"channel","type":"message","body":"news"}')

        for each in (alice, bob, carol):
            each.end()
