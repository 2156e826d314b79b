"""The channels protocol's schemas, its page in the docs, and its message files: one contract."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from channels_harness import SCHEMA_SET, SCHEMAS, VALIDATORS, Harness, checked_push
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "protocols" / "channels.md").read_text("utf-8").partition("<!-- reference")[0]
MESSAGES = ROOT / "messages" / "channels"
NAMES = [name for name in SCHEMA_SET.schemas if name != "common"]

every_schema = pytest.mark.parametrize("name", NAMES)


@pytest.mark.parametrize("name", SCHEMA_SET.schemas)
def test_a_schema_is_a_schema_and_says_where_it_is(name: str) -> None:
    schema = SCHEMA_SET.schemas[name]

    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"http://localhost:8888/schemas/channels/{name}.json"
    assert schema["description"].endswith(".")


@every_schema
def test_a_schema_says_what_kind_of_message_it_is_for(name: str) -> None:
    kind = name.rpartition("-")[2]

    assert kind in ("request", "response", "push")
    assert SCHEMA_SET.schemas[name]["title"].endswith(f" ({kind})")


@every_schema
def test_the_examples_keep_to_the_schema(name: str) -> None:
    examples = SCHEMA_SET.schemas[name]["examples"]

    assert examples
    for example in examples:
        SCHEMA_SET.reference(name).validate(example)
        VALIDATORS[name].validate(example)


def parts(schema: Any) -> list[dict[str, Any]]:
    """Every property that is described in *schema*, however deep."""
    if isinstance(schema, list):
        return [part for inner in schema for part in parts(inner)]
    if not isinstance(schema, dict):
        return []
    own = list(schema.get("properties", {}).values()) if isinstance(schema.get("properties"), dict) else []
    return own + [part for key, inner in schema.items() if key != "examples" for part in parts(inner)]


@pytest.mark.parametrize("name", SCHEMA_SET.schemas)
def test_every_property_is_described(name: str) -> None:
    for part in parts(SCHEMA_SET.schemas[name]):
        reference = part.get("$ref", "").rpartition("/")[2]
        shown = SCHEMA_SET.schemas["common"]["$defs"][reference] if reference else part
        assert shown["description"].endswith(".")


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-push")])
def test_a_push_has_no_keys_that_its_schema_does_not_name(name: str) -> None:
    schema = SCHEMA_SET.schemas[name]

    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"])


def test_every_pattern_holds_from_the_first_character_to_the_last() -> None:
    text = "".join(path.read_text("utf-8") for path in SCHEMAS.glob("*.json"))
    patterns = re.findall(r'"pattern": "(.*)"', text)

    assert len(patterns) == 3
    assert all(pattern.startswith("^") and pattern.endswith(r"$(?!\\n)") for pattern in patterns)


# The page


def shown(language: str) -> list[str]:
    """The blocks in *language* on the page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


FRAMES = [line for block in shown("json") for line in block.splitlines()]


@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_that_the_page_shows_keeps_to_its_schema(frame: str) -> None:
    value = json.loads(frame)
    if isinstance(value, str):
        answers = [name for name in NAMES if name.endswith("-response") and SCHEMA_SET.validator(name)(value)]
        assert len(answers) == 1
    elif "event" in value or "sender" in value:
        checked_push(frame.encode())
    else:
        assert Harness().broadcast(value).delivered == 0


def test_the_page_shows_every_kind_of_push() -> None:
    values = [json.loads(frame) for frame in FRAMES]
    kinds = {
        f"{value.get('event', 'message')}-push" for value in values if "event" in value or "sender" in value
    }

    assert kinds == {name for name in NAMES if name.endswith("-push")}


def test_the_page_names_every_schema() -> None:
    assert set(re.findall(r"schemas/channels/([a-z-]+)\.json", PAGE)) == set(NAMES)


def test_the_events_that_the_page_shows_are_what_a_stream_sends() -> None:
    harness = Harness()
    stream = harness.stream("lobby")
    bob = harness.member("bob", "lobby")
    while harness.store.next_seq("lobby") < 11:
        pass
    harness.publish("lobby", "text", b"Hello world")
    harness.publish("lobby", "bytes", b"\x031\x032\x033")
    assert bob.room is not None

    joined, hello, bytes_ = stream.take()

    assert [f"{hello}{bytes_}{joined}"] == shown("text")


# The files


def test_every_message_file_can_be_sent() -> None:
    harness = Harness()
    subscriber = harness.subscribe("a")
    assert subscriber.peer is not None

    harness.broadcast((MESSAGES / "broadcast.json").read_bytes())
    harness.publish("a", "json", (MESSAGES / "json-package.json").read_bytes())
    harness.publish("a", "text", (MESSAGES / "text-package.txt").read_bytes())
    subscriber.peer.on_text((MESSAGES / "close.txt").read_text("utf-8"))

    assert len(subscriber.take()) == 2
    assert subscriber.ends == [(1000, "")]
    names = ["broadcast.json", "close.txt", "json-package.json", "text-package.txt"]
    assert sorted(path.name for path in MESSAGES.iterdir()) == names


@pytest.mark.parametrize("path", re.findall(r"@(messages/\S+)", PAGE))
def test_the_files_that_the_page_sends_are_there(path: str) -> None:
    assert (ROOT / path).is_file()
