"""What is written of functions, in schemas/, messages/ and docs/, is what the server does."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from functions_harness import SCHEMA_SET, VALIDATORS, Harness, schema_of
from harness import ROOT
from jsonschema import Draft202012Validator

from chateau.protocols.functions import FUNCTIONS

MESSAGES = sorted((ROOT / "messages" / "functions").glob("*.json"))
PAGE = (ROOT / "docs" / "protocols" / "functions.md").read_text("utf-8")


def test_every_function_has_its_schemas_and_each_names_its_function() -> None:
    for name, row in FUNCTIONS.items():
        assert row.schema == f"{name}-request"
        for schema in (row.schema, f"{name}-response"):
            assert SCHEMA_SET.schemas[schema]["properties"]["function"]["const"] == name


@pytest.mark.parametrize("name", sorted(SCHEMA_SET.schemas.keys() - {"common"}))
def test_the_examples_keep_to_their_schema(name: str) -> None:
    for example in SCHEMA_SET.schemas[name]["examples"]:
        SCHEMA_SET.reference(name).validate(example)
        VALIDATORS[name].validate(example)


@pytest.mark.parametrize("name", sorted(SCHEMA_SET.schemas["common"]["$defs"]))
def test_the_examples_of_a_shared_part_keep_to_it(name: str) -> None:
    part = SCHEMA_SET.schemas["common"] | {"$ref": f"#/$defs/{name}"}

    assert part["$defs"][name]["description"].endswith(".")
    for example in part["$defs"][name]["examples"]:
        SCHEMA_SET.reference("common").evolve(schema=part).validate(example)


@pytest.mark.parametrize("name", sorted(SCHEMA_SET.schemas))
def test_a_schema_is_named_as_its_file_titled_and_described(name: str) -> None:
    schema = SCHEMA_SET.schemas[name]

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"http://localhost:8888/schemas/functions/{name}.json"
    assert schema["description"].endswith(".")
    assert name == "common" or schema["title"].endswith(f" ({name.rpartition('-')[2]})")


@pytest.mark.parametrize("name", sorted(SCHEMA_SET.schemas.keys() - {"common"}))
def test_what_the_server_sends_has_no_keys_that_its_schema_does_not_name_and_what_it_takes_may(
    name: str,
) -> None:
    assert SCHEMA_SET.schemas[name].get("additionalProperties", True) == name.endswith("-request")


@pytest.mark.parametrize("name", sorted(SCHEMA_SET.schemas))
def test_every_pattern_holds_from_the_first_character_to_the_last(name: str) -> None:
    patterns = re.findall(r'"pattern": "(.*?)"', json.dumps(SCHEMA_SET.schemas[name]))

    assert all(pattern.startswith("^") and pattern.endswith(r"$(?!\\n)") for pattern in patterns)


@pytest.mark.parametrize("name", sorted(SCHEMA_SET.schemas))
def test_every_property_is_described(name: str) -> None:
    common = SCHEMA_SET.schemas["common"]["$defs"]
    for key, part in SCHEMA_SET.schemas[name].get("properties", {}).items():
        resolved = common[part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        assert resolved["description"].endswith("."), key


@pytest.mark.parametrize(
    "path", sorted((ROOT / "messages" / "functions").glob("*.json")), ids=lambda path: path.stem
)
def test_a_message_file_works_as_it_is(path: Any) -> None:
    text = path.read_text("utf-8")

    assert Harness("a", "b")["b"].ask(text)["function"] == json.loads(text)["function"]
    VALIDATORS[f"{json.loads(text)['function']}-request"].validate(json.loads(text))


def test_there_is_a_message_file_for_every_function() -> None:
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
    """The schemas that a frame on the page keeps to; an answer may be a call, too."""
    names = {schema_of(frame), f"{frame['function']}-request"} & VALIDATORS.keys()
    return {name for name in names if VALIDATORS[name].is_valid(frame)}


@pytest.mark.parametrize("frame", FRAMES, ids=json.dumps)
def test_a_frame_on_the_page_keeps_to_its_schema(frame: Any) -> None:
    assert fitting_schemas(frame)


def test_the_page_shows_every_call_and_every_frame_that_comes_of_one() -> None:
    assert set().union(*map(fitting_schemas, FRAMES)) == VALIDATORS.keys() - {"common"}


@pytest.mark.parametrize(("call", "answer"), CALLS, ids=lambda frame: frame["function"])
def test_a_call_on_the_page_is_answered_as_it_shows(call: Any, answer: Any) -> None:
    got = Harness("a", "b")["a"].ask(call)

    assert got.keys() == answer.keys()
    assert {**got, "sender": 0, "clients": 0} == {**answer, "sender": 0, "clients": 0}


def test_every_function_is_called_on_the_page() -> None:
    assert {call["function"] for call, _ in CALLS} == FUNCTIONS.keys()


def test_the_client_on_the_page_is_one_as_the_schema_has_it() -> None:
    (client,) = [frame for block in BLOCKS for frame in block if "function" not in frame]

    assert client in SCHEMA_SET.schemas["common"]["$defs"]["client"]["examples"]
