"""The schemas of all protocols: valid, named as their files, described, with examples that keep to them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chateau.protocols.schemas import SchemaSet

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(ROOT.glob("schemas/*/*.json"))
CONTRACTS = {
    folder.name: SchemaSet(folder, url=f"/schemas/{folder.name}")
    for folder in (ROOT / "schemas").iterdir()
    if folder.is_dir()
}

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")


def test_every_protocol_and_the_admin_api_have_their_schemas() -> None:
    assert CONTRACTS.keys() == {"chateau", "functions", "lines", "opcodes", "channels", "admin"}


@every_file
def test_it_is_a_valid_schema_named_as_its_file_titled_and_described(path: Path) -> None:
    schema = json.loads(path.read_text("utf-8"))

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"http://localhost:8888/schemas/{path.parent.name}/{path.name}"
    assert schema["title"]
    assert schema["description"].endswith(".")


@every_file
def test_every_pattern_holds_to_the_last_character(path: Path) -> None:
    patterns = re.findall(r'"pattern": "(.*)"', path.read_text("utf-8"))

    assert all(pattern.endswith(r"$(?!\\n)") for pattern in patterns)


@every_file
def test_it_has_examples_and_they_keep_to_it_for_both_validators(path: Path) -> None:
    schemas = CONTRACTS[path.parent.name]
    examples: list[Any] = schemas.schemas[path.stem].get("examples", [])

    assert examples or path.stem == "common"
    for example in examples:
        schemas.reference(path.stem).validate(example)
        assert schemas.validator(path.stem)(example)


@every_file
def test_every_property_is_described(path: Path) -> None:
    schema = json.loads(path.read_text("utf-8"))
    undescribed = [
        name
        for name, value in schema.get("properties", {}).items()
        if not value.get("description") and "$ref" not in value
    ]

    assert undescribed == []
