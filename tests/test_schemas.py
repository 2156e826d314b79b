"""The rules that hold for the JSON Schemas of every protocol and of the admin API.

What is specific to a protocol is tested in ``tests/protocols/test_PROTOCOL_contract.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator
from reference_validator import reference

from chateau.protocols.schemas import SchemaSet

ROOT = Path(__file__).resolve().parents[1]
SETS = {
    folder.name: SchemaSet(folder, url=f"/schemas/{folder.name}")
    for folder in sorted((ROOT / "schemas").iterdir())
    if folder.is_dir()
}
FILES = sorted(ROOT.glob("schemas/*/*.json"))
MESSAGES = [path for path in FILES if path.stem != "common"]
SHARED_PARTS = [
    (protocol, name) for protocol, schemas in SETS.items() for name in schemas.schemas["common"]["$defs"]
]

LENIENT = {"functions", "opcodes"}
"""Protocols whose requests accept unknown keys; the chateau protocol and the admin API reject them."""

OPTIONAL_KEYS = {"admin/frame-push", "lines/error-response"}
"""Frames of the server that may omit a key that their schema names."""

NO_EXAMPLES = {("chateau", "roomMessage")}
"""Shared parts whose examples are in the schema that uses them."""

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
every_message = pytest.mark.parametrize("path", MESSAGES, ids=lambda path: f"{path.parent.name}/{path.stem}")


def read(path: Path) -> Any:
    """Return the JSON value in *path*, in which no object has the same key twice."""

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), f"{path.name} has a key twice"
        return dict(pairs)

    return json.loads(path.read_text("utf-8"), object_pairs_hook=distinct)


def properties(schema: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every property of *schema* and of the schemas in it, with its JSON Pointer."""
    if isinstance(schema, list):
        for inner in schema:
            yield from properties(inner, place)
    elif isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from ((f"{place}/{key}", inner) for key, inner in schema["properties"].items())
        for key, inner in schema.items():
            if key not in ("examples", "if", "then", "else"):  # a condition describes nothing
                yield from properties(inner, f"{place}/{key}")


def resolved(schema: dict[str, Any], protocol: str) -> dict[str, Any]:
    """Return the shared part that *schema* refers to, or *schema* if it refers to none."""
    if "$ref" not in schema:
        return schema
    file, _, name = schema["$ref"].partition("#/$defs/")
    assert file in ("", "common.json")
    part = SETS[protocol].schemas["common"]["$defs"][name]
    assert isinstance(part, dict)
    return part


@cache
def registry(protocol: str) -> jsonschema_rs.Registry:
    """Return the schemas of *protocol* by their URLs."""
    return jsonschema_rs.Registry([(schema["$id"], schema) for schema in SETS[protocol].schemas.values()])


def strict_validator(protocol: str, name: str) -> jsonschema_rs.Validator:
    """Return a validator that checks formats, which the server's own validator does not."""
    schema = SETS[protocol].schemas[name]
    return jsonschema_rs.Draft202012Validator(schema, registry=registry(protocol), validate_formats=True)


def test_every_protocol_and_the_admin_api_have_schemas() -> None:
    assert SETS.keys() == {"chateau", "functions", "lines", "opcodes", "channels", "admin"}


@every_file
def test_schema_is_valid_and_names_its_draft_and_its_file(path: Path) -> None:
    schema = read(path)

    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"http://localhost:8888/schemas/{path.parent.name}/{path.name}"


@every_file
def test_schema_and_its_properties_are_described(path: Path) -> None:
    schema = read(path)
    kind = path.stem.rpartition("-")[2]

    assert schema["title"]
    assert schema["description"].endswith(".")
    assert path.stem == "common" or kind in ("request", "response", "push")
    assert path.stem == "common" or schema["title"].endswith(f" ({kind})")
    assert [
        place
        for place, part in properties(schema)
        if not resolved(part, path.parent.name).get("description", "").endswith(".")
    ] == []


@every_file
def test_patterns_match_from_the_first_character_to_the_last(path: Path) -> None:
    patterns = re.findall(r'"pattern": "(.*?)"', path.read_text("utf-8"))

    assert all(pattern.startswith("^") and pattern.endswith(r"$(?!\\n)") for pattern in patterns)


def test_patterns_are_found() -> None:
    files = (ROOT / "schemas" / "channels").glob("*.json")

    assert sum(path.read_text("utf-8").count('"pattern"') for path in files) == 3


@pytest.mark.parametrize(
    ("name", "value"), [("id", "01JD3Z5V8M9QK7T4W2X6Y0ABCD"), ("time", "2026-11-20T09:30:00.000Z")]
)
def test_pattern_rejects_a_newline_at_the_end(name: str, value: str) -> None:
    validator = Draft202012Validator(SETS["chateau"].schemas["common"]["$defs"][name])

    assert validator.is_valid(value)
    assert not validator.is_valid(value + "\n")


@every_message
def test_only_requests_of_lenient_protocols_accept_unknown_keys(path: Path) -> None:
    schema = read(path)
    protocol, name = path.parent.name, f"{path.parent.name}/{path.stem}"
    if protocol == "channels" and not path.stem.endswith("-push"):
        return  # texts, and an object whose keys are the names of channels

    assert schema["type"] == "object"
    assert set(schema.get("required", ())) <= schema["properties"].keys()
    if protocol in LENIENT and path.stem.endswith("-request"):
        assert "additionalProperties" not in schema
    else:
        assert schema["additionalProperties"] is False
    if (path.stem.endswith("-push") or protocol == "lines") and name not in OPTIONAL_KEYS:
        assert set(schema["required"]) == schema["properties"].keys()


@every_message
def test_examples_match_their_schema(path: Path) -> None:
    schemas = SETS[path.parent.name]
    examples = schemas.schemas[path.stem]["examples"]

    assert examples
    for example in examples:
        reference(schemas, path.stem).validate(example)
        assert schemas.validator(path.stem)(example)
        strict_validator(path.parent.name, path.stem).validate(example)


@pytest.mark.parametrize(("protocol", "name"), SHARED_PARTS)
def test_shared_part_is_described_and_its_examples_match_it(protocol: str, name: str) -> None:
    common = SETS[protocol].schemas["common"]
    part = common["$defs"][name]
    alone = common | {"$ref": f"#/$defs/{name}"}

    assert part["description"].endswith(".")
    assert part.get("examples") or (protocol, name) in NO_EXAMPLES
    for example in part.get("examples", ()):
        reference(SETS[protocol], "common").evolve(schema=alone).validate(example)


def test_objects_shared_by_lines_have_no_optional_and_no_unknown_keys() -> None:
    for part in SETS["lines"].schemas["common"]["$defs"].values():
        if part["type"] == "object":
            assert part["additionalProperties"] is False
            assert set(part["required"]) == part["properties"].keys()
