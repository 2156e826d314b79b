"""The examples in shell work, with the ``nc`` and the ``curl`` of this machine."""

from __future__ import annotations

import sys
from pathlib import Path

from played_example import need, played, publish_until_delivered, running_harness


def test_a_chat_by_nc(tmp_path: Path) -> None:
    need("nc")
    with (
        running_harness("--data", str(tmp_path)) as harness,
        played("sh", "examples/lines.sh", "alice", "lobby", harness.host, harness.lines_port) as alice,
        played(sys.executable, "examples/lines_client.py", harness.lines_host_port) as bob,
    ):
        alice.wait_for('{"from":"alice","type":"userJoined","body":"User alice has joined the room"}')
        bob.type("LOGIN bob")
        bob.type("JOIN lobby")
        bob.wait_for('{"type":"commandResult","result":"Joined room lobby"}')
        alice.wait_for('{"from":"bob","type":"userJoined","body":"User bob has joined the room"}')
        bob.type("hi, alice")
        alice.wait_for('{"from":"bob","type":"message","body":"hi, alice"}')

        alice.type("bye, bob")
        rest = alice.end()  # every line gets a response before it ends
        assert rest[-3:] == [
            '{"type":"commandResult","result":"OK"}',
            '{"from":"alice","type":"message","body":"bye, bob"}',
            '{"type":"commandResult","result":"OK"}',
        ]
        bob.wait_for('{"from":"alice","type":"message","body":"bye, bob"}')
        bob.wait_for('{"from":"alice","type":"userLeft","body":"User alice has left the room"}')
        bob.end()


def test_publishing_and_listening_by_curl() -> None:
    need("curl")
    text = "Hello world & 'all' @ 100%"
    with (
        running_harness() as harness,
        played("sh", "examples/channels.sh", "listen", "news", harness.host_port) as listener,
    ):
        publish_until_delivered(harness, "news", b"Is somebody there?")
        listener.wait_for("data: Is somebody there?")
        with played("sh", "examples/channels.sh", "publish", "news", text, harness.host_port) as publisher:
            publisher.wait_for('"OK"')
            publisher.end()
        listener.wait_for(f"data: {text}")
        listener.interrupt()


def test_publishing_by_curl_where_a_password_is_needed() -> None:
    need("curl")
    with running_harness("--pwd", "some secure pwd") as harness:
        command = ("sh", "examples/channels.sh", "publish", "news", "Hello world", harness.host_port)
        with played(*command) as publisher:
            publisher.wait_for('"Not authorized"')
            publisher.end()
        with played(*command, CHATEAU_PWD="some secure pwd") as publisher:
            publisher.wait_for('"OK"')
            publisher.end()
