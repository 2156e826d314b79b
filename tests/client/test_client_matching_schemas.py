"""Which schema a name in an expectation stands for, and where its references lead."""

import json
from pathlib import Path
from typing import Any

import pytest

from chateau.client.protocols import schemas_folder
from chateau.client.scenarios.match import match
from chateau.client.scenarios.schemas import BadSchema, Schemas


def write(folder: Path, name: str, value: Any) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))


def is_allowed(schemas: Schemas, schema: Any, value: Any) -> bool:
    return match({"$schema": schema}, value, schemas=schemas).matches


def test_every_example_matches_its_schema() -> None:
    schemas = Schemas()

    for path in schemas_folder().glob("*/*.json"):
        name = str(path.relative_to(schemas_folder()))
        for example in json.loads(path.read_text()).get("examples", []):
            assert schemas.errors(name, example) == [], name


def test_a_schema_next_to_the_scenario_is_found(tmp_path: Path) -> None:
    write(tmp_path, "room.json", {"type": "string"})
    schemas = Schemas(tmp_path)

    assert is_allowed(schemas, "room.json", "a")
    assert not is_allowed(schemas, "room.json", 1)


def test_a_schema_next_to_the_scenario_refers_to_others_by_name_and_id(tmp_path: Path) -> None:
    write(tmp_path, "one.json", {"items": {"$ref": "lib/two.json#/$defs/x"}})
    write(tmp_path, "lib/two.json", {"$defs": {"x": {"$ref": "three.json"}}})
    write(tmp_path, "lib/three.json", {"type": "integer"})
    write(tmp_path, "four.json", {"$id": "https://example.org/four", "$ref": "five"})
    write(tmp_path, "five.json", {"$id": "https://example.org/five", "type": "null"})
    write(tmp_path, "six.json", {"$id": "six.json", "$ref": "one.json"})
    schemas = Schemas(tmp_path)

    assert [schemas.flaw(name) for name in ("one.json", "four.json", "six.json")] == [None] * 3
    assert is_allowed(schemas, "one.json", [1])
    assert not is_allowed(schemas, "one.json", ["1"])
    assert is_allowed(schemas, "four.json", None)
    assert not is_allowed(schemas, "four.json", 1)
    assert not is_allowed(schemas, "six.json", ["1"])


def test_a_scenarios_schema_may_refer_to_the_protocols_schemas(tmp_path: Path) -> None:
    room = json.loads((schemas_folder() / "chateau" / "common.json").read_text())["$id"] + "#/$defs/room"
    write(tmp_path, "own.json", {"$ref": room})
    schemas = Schemas(tmp_path)

    for schema in ("own.json", {"$ref": room}, {"$ref": "chateau/common.json#/$defs/room"}):
        assert is_allowed(schemas, schema, "lobby")
        assert not is_allowed(schemas, schema, 3)


def test_an_inline_schema_may_refer_to_a_file_next_to_the_scenario(tmp_path: Path) -> None:
    write(tmp_path, "room.json", {"type": "string"})

    assert not is_allowed(Schemas(tmp_path), {"properties": {"a": {"$ref": "room.json"}}}, {"a": 1})


def test_a_schema_may_be_of_an_older_draft() -> None:
    draft7 = {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}

    assert not is_allowed(Schemas(), draft7, [1])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "it is not a valid schema: $: []"),
        ('{"type": "text"}', "it is not a valid schema: $.type: 'text'"),
        ('{"$schema": "http://json-schema.org/draft-04/schema#"}', "older than draft 6"),
        ('{"$schema": []}', "it is not a valid schema"),
        ('{"$id": "http://["}', "its $id http://[ is not a URI"),
        ('{"$ref": "http://["}', "its $ref http://[ cannot be resolved"),
        ('{"$ref": "gone.json"}', "its $ref gone.json cannot be resolved"),
        ('{"$ref": "http://localhost:1/x.json"}', "its $ref http://localhost:1/x.json cannot be resolved"),
    ],
)
def test_an_invalid_schema_cannot_be_used(tmp_path: Path, content: str, why: str) -> None:
    write(tmp_path, "bad.json", content)
    schemas = Schemas(tmp_path)

    assert why in str(schemas.flaw("bad.json"))
    with pytest.raises(BadSchema):
        schemas.errors("bad.json", {})


def test_an_invalid_file_next_to_a_valid_one_is_ignored(tmp_path: Path) -> None:
    write(tmp_path, "broken.json", "{")
    write(tmp_path, "wrong.json", {"$id": "wrong", "properties": 3})
    write(tmp_path, "misnamed.json", {"$id": "http://["})
    write(tmp_path, "good.json", {"type": "string"})

    assert is_allowed(Schemas(tmp_path), "good.json", "a")


def test_several_violations_of_a_schema_are_reported_with_their_paths() -> None:
    frame = {"type": 5, "status": "200", "room": "lobby", "members": ["a", 1]}

    found = match({"$schema": "chateau/join-response.json"}, frame, schemas=Schemas())

    assert [mismatch.sentence for mismatch in found.mismatches] == [
        "/status: 200 was expected (chateau/join-response.json)",
        "/members/1: 1 is not of type 'string' (chateau/join-response.json)",
    ]


def test_a_violation_in_a_nested_schema_is_reported_with_its_path() -> None:
    found = match({"a": [{"$schema": {"items": {"type": "null"}}}]}, {"a": [[None, 1]]}, schemas=Schemas())

    assert [mismatch.path for mismatch in found.mismatches] == ["/a/0/1"]
