"""The schemas: valid, described, with examples that keep to them, for two validators of one mind.

They are the contract of the wire and the source of its documentation.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chateau.protocols.chateau import REQUESTS
from chateau.protocols.schemas import SchemaSet

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "schemas" / "chateau"
FILES = sorted(FOLDER.glob("*.json"))
COMMON = FOLDER / "common.json"
SCHEMA_SET = SchemaSet(FOLDER, url="/schemas/chateau")
MESSAGES = [*ROOT.glob("messages/*.json"), *ROOT.glob("messages/chateau/*.json")]

Schema = dict[str, Any]

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
every_message_schema = pytest.mark.parametrize(
    "path", [path for path in FILES if path != COMMON], ids=lambda path: path.stem
)
every_common_part = pytest.mark.parametrize("name", SCHEMA_SET.schemas["common"]["$defs"])


def read(path: Path) -> Any:
    def distinct(pairs: list[tuple[str, Any]]) -> Schema:
        assert len(dict(pairs)) == len(pairs), f"{path.name} has a key twice"
        return dict(pairs)

    return json.loads(path.read_text("utf-8"), object_pairs_hook=distinct)


def properties(schema: Any, place: str = "") -> Iterator[tuple[str, Schema]]:
    """Every property that *schema* describes, however deep, with its place."""
    if isinstance(schema, list):
        for inner in schema:
            yield from properties(inner, place)
    elif isinstance(schema, dict):
        for key, inner in schema.get("properties", {}).items():
            yield f"{place}/{key}", inner
        for key, inner in schema.items():
            if key not in ("examples", "if", "then", "else", "allOf"):
                yield from properties(inner, f"{place}/{key}")


def resolved(schema: Schema) -> Schema:
    """What *schema* refers to, where it refers to something."""
    if "$ref" not in schema:
        return schema
    file, _, place = schema["$ref"].partition("#/$defs/")
    assert file in ("", "common.json")
    part = SCHEMA_SET.schemas["common"]["$defs"][place]
    assert isinstance(part, dict)
    return part


@every_file
def test_a_file_is_a_valid_schema_of_the_draft_it_names(path: Path) -> None:
    schema = read(path)

    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)


@every_file
def test_a_schema_is_named_as_its_file_titled_and_described(path: Path) -> None:
    schema = read(path)

    assert schema["$id"] == f"http://localhost:8888/schemas/chateau/{path.name}"
    assert schema["title"]
    assert schema["description"].endswith(".")


@every_message_schema
def test_a_title_says_what_kind_of_message_it_is(path: Path) -> None:
    _, _, kind = path.stem.rpartition("-")

    assert kind in ("request", "response", "push")
    assert read(path)["title"].endswith(f" ({kind})")


@every_file
def test_every_property_is_described(path: Path) -> None:
    undescribed = [
        place for place, schema in properties(read(path)) if not resolved(schema).get("description")
    ]

    assert undescribed == []


@every_message_schema
def test_no_message_may_have_keys_that_its_schema_does_not_name(path: Path) -> None:
    schema = read(path)

    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) <= schema["properties"].keys()


@every_message_schema
def test_pushes_have_a_sender_or_an_event_and_answers_never(path: Path) -> None:
    keys = read(path)["properties"].keys()

    assert bool(keys & {"sender", "event"}) == path.stem.endswith("-push")
    assert ("ref" in keys) != path.stem.endswith("-push")


@every_message_schema
def test_the_examples_keep_to_the_schema(path: Path) -> None:
    examples = read(path)["examples"]

    assert examples
    for example in examples:
        SCHEMA_SET.reference(path.stem).validate(example)
        assert SCHEMA_SET.validator(path.stem)(example)


@every_common_part
def test_a_shared_part_is_described(name: str) -> None:
    assert SCHEMA_SET.schemas["common"]["$defs"][name]["description"].endswith(".")


@every_common_part
def test_the_examples_of_a_shared_part_keep_to_it(name: str) -> None:
    part = SCHEMA_SET.schemas["common"]["$defs"][name]
    if name == "roomMessage":  # its examples are those of the history that it is in
        return

    assert part["examples"]
    for example in part["examples"]:
        Draft202012Validator(part).validate(example)


def test_every_type_of_request_has_its_answer() -> None:
    names = {path.stem for path in FILES}

    for row in REQUESTS.values():
        assert {row.schema, row.schema.replace("-request", "-response")} <= names
    assert len([name for name in names if name.endswith("-request")]) == len(REQUESTS)


@pytest.mark.parametrize(("type_", "row"), REQUESTS.items())
def test_the_schema_of_a_request_and_of_its_answer_have_its_type(type_: int, row: Any) -> None:
    answer = row.schema.replace("-request", "-response")

    assert SCHEMA_SET.schemas[row.schema]["properties"]["type"]["const"] == type_
    assert SCHEMA_SET.schemas[answer]["properties"]["type"]["const"] == type_


NEWLINE_AT_THE_END = {
    "id": "01JD3Z5V8M9QK7T4W2X6Y0ABCD",
    "time": "2026-11-20T09:30:00.000Z",
}


@pytest.mark.parametrize(("name", "value"), NEWLINE_AT_THE_END.items())
def test_a_pattern_does_not_let_a_lines_end_pass(name: str, value: str) -> None:
    schema = SCHEMA_SET.schemas["common"]["$defs"][name]

    assert Draft202012Validator(schema).is_valid(value)
    assert not Draft202012Validator(schema).is_valid(value + "\n")


@every_file
def test_every_pattern_holds_from_the_first_character_to_the_last(path: Path) -> None:
    patterns = re.findall(r'"pattern": "(.*)"', path.read_text("utf-8"))

    assert all(pattern.startswith("^") and pattern.endswith(r"$(?!\\n)") for pattern in patterns)


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_message_file_keeps_to_the_schema_of_its_type(path: Path) -> None:
    message = read(path)
    schema = REQUESTS[message["type"]].schema

    SCHEMA_SET.reference(schema).validate(message)
    assert SCHEMA_SET.validator(schema)(message)


def test_there_is_a_message_file_for_every_type() -> None:
    assert {read(path)["type"] for path in MESSAGES} == REQUESTS.keys()
