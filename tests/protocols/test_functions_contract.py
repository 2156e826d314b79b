"""The schemas, the page and the message files of functions match the server."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from functions_harness import SCHEMA_SET, VALIDATORS, Harness, schema_of
from harness import ROOT

from chateau.protocols.functions import FUNCTIONS

MESSAGES = sorted((ROOT / "messages" / "functions").glob("*.json"))
PAGE = (ROOT / "docs" / "protocols" / "functions.md").read_text("utf-8").partition("<!-- reference")[0]


def test_every_function_has_schemas_with_its_name() -> None:
    for name, row in FUNCTIONS.items():
        assert row.schema == f"{name}-request"
        for schema in (row.schema, f"{name}-response"):
            assert SCHEMA_SET.schemas[schema]["properties"]["function"]["const"] == name


@pytest.mark.parametrize(
    "path", sorted((ROOT / "messages" / "functions").glob("*.json")), ids=lambda path: path.stem
)
def test_message_file_can_be_sent(path: Any) -> None:
    text = path.read_text("utf-8")

    assert Harness("a", "b")["b"].ask(text)["function"] == json.loads(text)["function"]
    VALIDATORS[f"{json.loads(text)['function']}-request"].validate(json.loads(text))


def test_every_function_has_a_message_file() -> None:
    files = (ROOT / "messages" / "functions").glob("*.json")

    assert {json.loads(path.read_text("utf-8"))["function"] for path in files} == FUNCTIONS.keys()


BLOCKS = [
    [json.loads(line) for line in block.splitlines()]
    for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
]
FRAMES = [frame for block in BLOCKS for frame in block if "function" in frame]
CALLS = [
    pair for block in BLOCKS for pair in zip(block[::2], block[1::2], strict=False) if len(block) % 2 == 0
]


def fitting_schemas(frame: Any) -> set[str]:
    """Return the schemas that a frame on the page matches; a response may match that of a call, too."""
    names = {schema_of(frame), f"{frame['function']}-request"} & VALIDATORS.keys()
    return {name for name in names if VALIDATORS[name].is_valid(frame)}


@pytest.mark.parametrize("frame", FRAMES, ids=json.dumps)
def test_frame_on_the_page_matches_its_schema(frame: Any) -> None:
    assert fitting_schemas(frame)


def test_page_shows_every_call_and_every_frame() -> None:
    assert set().union(*map(fitting_schemas, FRAMES)) == VALIDATORS.keys() - {"common"}


@pytest.mark.parametrize(("call", "response"), CALLS, ids=lambda frame: frame["function"])
def test_call_on_the_page_gets_the_shown_response(call: Any, response: Any) -> None:
    got = Harness("a", "b")["a"].ask(call)

    assert got.keys() == response.keys()
    assert {**got, "sender": 0, "clients": 0} == {**response, "sender": 0, "clients": 0}


def test_page_calls_every_function() -> None:
    assert {call["function"] for call, _ in CALLS} == FUNCTIONS.keys()


def test_client_on_the_page_is_an_example_of_the_schema() -> None:
    (client,) = [frame for block in BLOCKS for frame in block if "function" not in frame]

    assert client in SCHEMA_SET.schemas["common"]["$defs"]["client"]["examples"]
