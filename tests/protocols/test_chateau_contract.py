"""The schemas and the message files of the chateau protocol describe the requests that it accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chateau_harness import SCHEMA_SET
from reference_validator import reference

from chateau.protocols.chateau import REQUESTS

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = [*ROOT.glob("messages/*.json"), *ROOT.glob("messages/chateau/*.json")]
NAMES = [name for name in SCHEMA_SET.schemas if name != "common"]


@pytest.mark.parametrize("name", NAMES)
def test_pushes_have_a_sender_or_an_event_and_responses_a_ref(name: str) -> None:
    keys = SCHEMA_SET.schemas[name]["properties"].keys()

    assert bool(keys & {"sender", "event"}) == name.endswith("-push")
    assert ("ref" in keys) != name.endswith("-push")


def test_every_request_has_a_response() -> None:
    for row in REQUESTS.values():
        assert {row.schema, row.schema.replace("-request", "-response")} <= set(NAMES)
    assert len([name for name in NAMES if name.endswith("-request")]) == len(REQUESTS)


@pytest.mark.parametrize(("type_", "row"), REQUESTS.items())
def test_schemas_of_a_request_and_of_its_response_have_its_type(type_: int, row: Any) -> None:
    response = row.schema.replace("-request", "-response")

    assert SCHEMA_SET.schemas[row.schema]["properties"]["type"]["const"] == type_
    assert SCHEMA_SET.schemas[response]["properties"]["type"]["const"] == type_


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_message_file_matches_the_schema_of_its_type(path: Path) -> None:
    message = json.loads(path.read_text("utf-8"))
    schema = REQUESTS[message["type"]].schema

    reference(SCHEMA_SET, schema).validate(message)
    assert SCHEMA_SET.validator(schema)(message)


def test_every_type_has_a_message_file() -> None:
    assert {json.loads(path.read_text("utf-8"))["type"] for path in MESSAGES} == REQUESTS.keys()
