"""The examples in Python work, each with another client."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from played_example import Example, Harness, played, publish, publish_until_delivered, running_harness


@pytest.fixture
def harness() -> Iterator[Harness]:
    with running_harness() as harness:
        yield harness


def python(name: str, *arguments: str) -> AbstractContextManager[Example]:
    return played(sys.executable, f"examples/{name}", *arguments)


def test_two_chateau_clients_exchange_messages(harness: Harness) -> None:
    with python("chateau_client.py", "alice", harness.host_port) as alice:
        alice.wait_for("(here: alice)")
        with python("chateau_client.py", "bob", harness.host_port) as bob:
            alice.wait_for("(bob joined)")
            bob.wait_for("(here: alice, bob)")
            bob.type("hi, all")
            for each in (alice, bob):
                each.wait_for("bob: hi, all")
            assert bob.end() == []
        alice.wait_for("(bob left)")
        assert alice.end() == []


def test_clients_show_errors(harness: Harness) -> None:
    with python("chateau_client.py", "alice", harness.host_port) as alice:
        alice.wait_for("(here: alice)")
        for name in ("chateau_client.py", "opcodes_client.py"):
            with python(name, "alice", harness.host_port) as other:
                other.wait_for('(refused: The username "alice" is taken.)')
                other.end()
        alice.end()


def test_two_opcodes_clients_exchange_messages(harness: Harness) -> None:
    with python("opcodes_client.py", "alice", harness.host_port) as alice:
        alice.wait_for("(rooms: general)")
        with python("opcodes_client.py", "bob", harness.host_port) as bob:
            alice.wait_for("Chateau: bob has entered the room")
            bob.type("hi, all")
            for each in (alice, bob):
                each.wait_for("bob: hi, all")
            assert bob.end() == []
        alice.wait_for("Chateau: bob has left the room")
        assert alice.end() == []


def test_two_lines_clients_exchange_messages(harness: Harness) -> None:
    with (
        python("lines_client.py", harness.lines_host_port) as alice,
        python("lines_client.py", harness.lines_host_port) as bob,
    ):
        for name, client in (("alice", alice), ("bob", bob)):
            client.type(f"LOGIN {name}")
            client.type("JOIN lobby")
            client.wait_for(
                f'{{"from":"{name}","type":"userJoined","body":"User {name} has joined the room"}}'
            )
        bob.type("hi, all")
        for each in (alice, bob):
            each.wait_for('{"from":"bob","type":"message","body":"hi, all"}')
        assert bob.end() == ['{"type":"commandResult","result":"OK"}']
        alice.wait_for('{"from":"bob","type":"userLeft","body":"User bob has left the room"}')
        alice.end()


def test_subscriber_receives_packages_of_its_channel(harness: Harness) -> None:
    with python("channels_subscribe.py", "news", harness.host_port) as subscriber:
        publish_until_delivered(harness, "news", b"hello")
        subscriber.wait_for("hello")
        publish(harness, "news", b'{"n": 1}', "json")
        subscriber.wait_for('{"n": 1}')
        publish(harness, "news", b"\x031", "bytes")
        subscriber.wait_for(r"b'\x031'")
        assert subscriber.interrupt() == []


def test_clients_of_all_protocols_exchange_messages(harness: Harness) -> None:
    with (
        python("chateau_client.py", "alice", harness.host_port) as alice,
        python("lines_client.py", harness.lines_host_port) as bob,
        python("opcodes_client.py", "carol", harness.host_port) as carol,
    ):
        alice.wait_for("(here: alice)")
        bob.type("LOGIN bob")
        bob.type("JOIN lobby")
        alice.wait_for("(bob joined)")
        carol.wait_for("Chateau: carol has entered the room")
        carol.type("!join lobby")
        alice.wait_for("(carol joined)")

        carol.type("hi, all")
        alice.wait_for("carol: hi, all")
        carol.wait_for("carol: hi, all")
        bob.wait_for('{"from":"carol","type":"message","body":"hi, all"}')

        publish(harness, "lobby", b"news", "text")
        alice.wait_for("channel: news")
        carol.wait_for("channel: news")
        bob.wait_for('{"from":"channel","type":"message","body":"news"}')

        for each in (alice, bob, carol):
            each.end()
