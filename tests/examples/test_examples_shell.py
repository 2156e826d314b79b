"""The examples in shell do what they say, with the ``nc`` and the ``curl`` of this machine."""

from __future__ import annotations

import sys
from pathlib import Path

from played_example import need, open_house, played, publish_until_heard


def test_a_chat_by_nc(tmp_path: Path) -> None:
    need("nc")
    with (
        open_house("--data", str(tmp_path)) as house,
        played("sh", "examples/lines.sh", "alice", "lobby", house.host, house.lines_port) as alice,
        played(sys.executable, "examples/lines_client.py", house.lines_host_port) as bob,
    ):
        alice.hear('{"from":"alice","type":"userJoined","body":"User alice has joined the room"}')
        bob.type("LOGIN bob")
        bob.type("JOIN lobby")
        bob.hear('{"type":"commandResult","result":"Joined room lobby"}')
        alice.hear('{"from":"bob","type":"userJoined","body":"User bob has joined the room"}')
        bob.type("hi, alice")
        alice.hear('{"from":"bob","type":"message","body":"hi, alice"}')

        alice.type("bye, bob")
        heard = alice.end()  # all of it is answered before it ends
        assert heard[-3:] == [
            '{"type":"commandResult","result":"OK"}',
            '{"from":"alice","type":"message","body":"bye, bob"}',
            '{"type":"commandResult","result":"OK"}',
        ]
        bob.hear('{"from":"alice","type":"message","body":"bye, bob"}')
        bob.hear('{"from":"alice","type":"userLeft","body":"User alice has left the room"}')
        bob.end()


def test_publishing_and_listening_by_curl() -> None:
    need("curl")
    text = "Hello world & 'all' @ 100%"
    with (
        open_house() as house,
        played("sh", "examples/channels.sh", "listen", "news", house.host_port) as listener,
    ):
        publish_until_heard(house, "news", b"Is somebody there?")
        listener.hear("data: Is somebody there?")
        with played("sh", "examples/channels.sh", "publish", "news", text, house.host_port) as publisher:
            publisher.hear('"OK"')
            publisher.end()
        listener.hear(f"data: {text}")
        listener.interrupt()


def test_publishing_by_curl_where_a_password_is_needed() -> None:
    need("curl")
    with open_house("--pwd", "some secure pwd") as house:
        command = ("sh", "examples/channels.sh", "publish", "news", "Hello world", house.host_port)
        with played(*command) as publisher:
            publisher.hear('"Not authorized"')
            publisher.end()
        with played(*command, CHATEAU_PWD="some secure pwd") as publisher:
            publisher.hear('"OK"')
            publisher.end()
