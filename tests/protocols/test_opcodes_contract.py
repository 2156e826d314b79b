"""The schemas, the page and the message files of opcodes match the server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from opcodes_harness import _SENT, SCHEMA_SET, Harness, checked
from reference_validator import reference

from chateau.hub import errors as hub_errors
from chateau.hub.errors import HubError
from chateau.hub.events import Event
from chateau.protocols import errors as protocol_errors
from chateau.protocols.opcodes import REQUESTS, pushes
from chateau.protocols.schemas import _SENTENCES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "protocols" / "opcodes.md").read_text("utf-8").partition("<!-- reference")[0]
MESSAGES = sorted((ROOT / "messages" / "opcodes").glob("*.json"))
FRAMES = [name for name in SCHEMA_SET.schemas if name != "common"]
ANNOTATIONS = {"$schema", "$id", "title", "description", "examples", "properties", "$ref", "const"}


@pytest.mark.parametrize("name", FRAMES)
def test_only_the_d_of_a_request_accepts_unknown_keys(name: str) -> None:
    d = SCHEMA_SET.schemas[name]["properties"]["d"]

    if name.endswith("-request"):
        assert "additionalProperties" not in d
    else:
        assert d["additionalProperties"] is False


@pytest.mark.parametrize(("op", "row"), REQUESTS.items())
def test_request_schema_has_its_op(op: int, row: Any) -> None:
    assert SCHEMA_SET.schemas[row.schema]["properties"]["op"]["const"] == op


def test_every_schema_belongs_to_a_frame() -> None:
    assert {*_SENT.values(), *(row.schema for row in REQUESTS.values())} == set(FRAMES)


@pytest.mark.parametrize("row", REQUESTS.values())
def test_every_keyword_of_a_request_has_an_error_text(row: Any) -> None:
    schema = SCHEMA_SET.schemas[row.schema]
    d = schema["properties"]["d"]
    for part in (schema, d, *d.get("properties", {}).values()):
        assert part.keys() - ANNOTATIONS <= _SENTENCES.keys()


def test_every_event_has_a_frame() -> None:
    assert set(pushes("Chateau")) == set(Event.__args__)


def test_every_code_is_in_the_schema() -> None:
    modules = (hub_errors.__name__, protocol_errors.__name__)
    errors = [error for error in HubError.__subclasses__() if error.__module__ in modules]
    listed = set(SCHEMA_SET.schemas["error-response"]["properties"]["d"]["properties"]["code"]["enum"])

    assert {error.code for error in errors} == listed


# The seed


SEED = [
    ("message-push", {"op": 0, "d": {"author": "Jimothy", "content": "Hello world!"}}),
    ("message-request", {"op": 1, "d": {"content": "Message contents!"}}),
    ("state-push", {"op": 2, "d": {"available": True, "room": "general"}}),
    ("shutdown-push", {"op": 3, "d": {"reason": "Maintenance, this field may be null"}}),
    ("shutdown-push", {"op": 3, "d": {"reason": None}}),
]


@pytest.mark.parametrize(("name", "frame"), SEED)
def test_frames_of_the_seed_match_the_schemas(name: str, frame: dict[str, Any]) -> None:
    reference(SCHEMA_SET, name).validate(frame)


# The page and the message files


def frames_on_the_page() -> list[str]:
    blocks = re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("line", frames_on_the_page())
def test_frame_on_the_page_matches_its_schema(line: str) -> None:
    arrow, _, text = line.partition(" ")
    frame = json.loads(text)

    assert arrow in ("→", "←")
    if arrow == "→":
        reference(SCHEMA_SET, REQUESTS[frame["op"]].schema).validate(frame)
    else:
        checked(text.encode())


def test_page_shows_every_op() -> None:
    shown = {(line[0], json.loads(line[2:])["op"]) for line in frames_on_the_page()}

    assert shown == {*(("→", op) for op in REQUESTS), *(("←", op) for op in _SENT)}


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_message_file_matches_its_schema(path: Path) -> None:
    frame = json.loads(path.read_text("utf-8"))

    reference(SCHEMA_SET, REQUESTS[frame["op"]].schema).validate(frame)


def test_message_files_can_be_sent_in_sequence() -> None:
    server = Harness("bob")
    first = ["login", "message", "cache", "command-help", "command-auth", "command-join", "command-lock"]
    then = ["command-unlock", "command-close", "command-open", "command-msg", "command-ban", "command-unban"]
    last = ["command-rooms", "command-users", "command-me", "command-delete", "command-shutdown", "shutdown"]
    apart = {"login-bob", "command-join-locked"}

    for name in (*first, *then, *last):
        for frame in server["alice"].ask((ROOT / "messages" / "opcodes" / f"{name}.json").read_text("utf-8")):
            assert frame["op"] != 5, (name, frame)

    assert server.stops == ["Maintenance", "Maintenance"]
    assert {path.stem for path in MESSAGES} == {*first, *then, *last, *apart}
