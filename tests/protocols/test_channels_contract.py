"""The page and the message files of the channels protocol match its schemas."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from channels_harness import SCHEMA_SET, Harness, checked_push

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "protocols" / "channels.md").read_text("utf-8").partition("<!-- reference")[0]
MESSAGES = ROOT / "messages" / "channels"
NAMES = [name for name in SCHEMA_SET.schemas if name != "common"]

# The page


def shown(language: str) -> list[str]:
    """Return the blocks in *language* on the page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


FRAMES = [line for block in shown("json") for line in block.splitlines()]


@pytest.mark.parametrize("frame", FRAMES)
def test_frame_on_the_page_matches_its_schema(frame: str) -> None:
    value = json.loads(frame)
    if isinstance(value, str):
        responses = [
            name for name in NAMES if name.endswith("-response") and SCHEMA_SET.validator(name)(value)
        ]
        assert len(responses) == 1
    elif "event" in value or "sender" in value:
        checked_push(frame.encode())
    else:
        assert Harness().broadcast(value).delivered == 0


def test_page_shows_every_kind_of_push() -> None:
    values = [json.loads(frame) for frame in FRAMES]
    kinds = {
        f"{value.get('event', 'message')}-push" for value in values if "event" in value or "sender" in value
    }

    assert kinds == {name for name in NAMES if name.endswith("-push")}


def test_page_names_every_schema() -> None:
    assert set(re.findall(r"schemas/channels/([a-z-]+)\.json", PAGE)) == set(NAMES)


def test_events_on_the_page_are_those_of_a_stream() -> None:
    server = Harness()
    stream = server.stream("lobby")
    bob = server.member("bob", "lobby")
    while server.store.next_seq("lobby") < 11:
        pass
    server.publish("lobby", "text", b"Hello world")
    server.publish("lobby", "bytes", b"\x031\x032\x033")
    server.hub.publish(bob, "lobby", "hello, all")

    joined, hello, bytes_, said = stream.take()

    assert [f"{hello}{bytes_}{said}{joined}"] == shown("text")


# The files


def test_every_message_file_can_be_sent() -> None:
    server = Harness()
    subscriber = server.subscribe("a")
    assert subscriber.peer is not None

    server.broadcast((MESSAGES / "broadcast.json").read_bytes())
    server.publish("a", "json", (MESSAGES / "json-package.json").read_bytes())
    server.publish("a", "text", (MESSAGES / "text-package.txt").read_bytes())
    subscriber.peer.on_text((MESSAGES / "close.txt").read_text("utf-8"))

    assert len(subscriber.take()) == 2
    assert subscriber.ends == [(1000, "")]
    names = ["broadcast.json", "close.txt", "json-package.json", "text-package.txt"]
    assert sorted(path.name for path in MESSAGES.iterdir()) == names


@pytest.mark.parametrize("path", re.findall(r"@(messages/\S+)", PAGE))
def test_files_named_on_the_page_exist(path: str) -> None:
    assert (ROOT / path).is_file()
