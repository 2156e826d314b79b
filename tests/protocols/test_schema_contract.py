"""Schema contracts: JSON Pointers, an error text per keyword of a request schema, and what is imported."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chateau_harness import SCHEMA_SET
from harness import ROOT

from chateau.protocols.chateau import REQUESTS
from chateau.protocols.schemas import _SENTENCES, SchemaSet, pointer

POINTERS = [
    pytest.param([], "", id="the whole message"),
    pytest.param(["a"], "/a", id="a key"),
    pytest.param(["a", 0, "b"], "/a/0/b", id="keys and places in lists"),
    pytest.param([""], "/", id="the empty key"),
    pytest.param(["a/b"], "/a~1b", id="a slash"),
    pytest.param(["m~n"], "/m~0n", id="a tilde"),
    pytest.param(["~1"], "/~01", id="a tilde before a 1, which is not a slash"),
    pytest.param([" ", '"', "\\", "%", "é"], '/ /"/\\/%/é', id="nothing else is escaped"),
]


@pytest.mark.parametrize(("path", "written"), POINTERS)
def test_path_is_a_json_pointer(path: list[str | int], written: str) -> None:
    assert pointer(path) == written


SAY_NOTHING = {"$schema", "$id", "title", "description", "examples", "default", "properties", "items", "$ref"}


def parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield *schema* and its subschemas that an error can name; an ``anyOf`` counts as one."""
    if "$ref" in schema:
        _, _, name = schema["$ref"].rpartition("/")
        yield from parts(SCHEMA_SET.schemas["common"]["$defs"][name])
        return
    yield schema
    for inner in (*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])):
        yield from parts(inner)


@pytest.mark.parametrize("name", [row.schema for row in REQUESTS.values()])
def test_every_keyword_of_a_request_has_an_error_text(name: str) -> None:
    schema = SCHEMA_SET.schemas[name]
    type_ = schema["properties"]["type"]

    for part in parts(schema):
        if part is not type_:  # the schema is looked up by its type
            assert part.keys() - SAY_NOTHING <= _SENTENCES.keys()


@pytest.mark.parametrize("name", [row.schema for row in REQUESTS.values()])
def test_patterns_and_alternatives_have_a_short_description(name: str) -> None:
    for part in parts(SCHEMA_SET.schemas[name]):
        if part.keys() & {"pattern", "anyOf"}:
            assert len(part["description"]) <= 200


OTHER_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "http://localhost:8888/schemas/test/other.json",
    "type": "object",
    "properties": {
        "even": {"type": "integer", "multipleOf": 2},
        "word": {"type": "string", "pattern": "^[a-z]+$"},
        "form": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    },
}

OTHER = [
    pytest.param(
        {"even": 3}, '"even" violates the keyword "multipleOf" of the schema.', id="another keyword"
    ),
    pytest.param(
        {"word": "A"},
        '"word" does not match the required format. The schema has the details.',
        id="a pattern without a description",
    ),
    pytest.param(
        {"form": None},
        '"form" matches none of the allowed forms. The schema has the details.',
        id="forms without a description",
    ),
]


@pytest.mark.parametrize(("message", "sentence"), OTHER)
def test_keyword_without_an_error_text_gets_a_generic_one(
    tmp_path: Path, message: dict[str, Any], sentence: str
) -> None:
    (tmp_path / "other.json").write_text(json.dumps(OTHER_SCHEMA))
    schemas = SchemaSet(tmp_path, url="/schemas/test")

    error = schemas.validation_error("other", message)

    assert str(error) == sentence
    assert error.path == "/" + next(iter(message))


def test_server_explains_errors_without_jsonschema_and_without_importing_while_clients_wait() -> None:
    program = """
import json, sys
import chateau.app
from chateau.protocols.schemas import SchemaSet, schemas_folder
schemas = SchemaSet(schemas_folder() / "chateau", url="/schemas/chateau")
before = set(sys.modules)
for message in ({}, {"type": 4, "x": 10_000 * "x"}):
    schemas.validation_error("list-request", message)
heavy = {name.partition(".")[0] for name in sys.modules} & {"jsonschema", "referencing", "rpds"}
print(json.dumps([sorted(heavy), sorted(set(sys.modules) - before)]))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert json.loads(ended.stdout) == [[], []]


def test_schema_url_is_that_of_the_server() -> None:
    schemas = SchemaSet(
        Path(__file__).resolve().parents[2] / "schemas" / "chateau", url="/chat/schemas/chateau"
    )

    assert schemas.validation_error("list-request", {}).schema == "/chat/schemas/chateau/list-request.json"


def test_validation_error_of_a_valid_message_raises_assertion_error() -> None:
    with pytest.raises(AssertionError, match="nothing is wrong with the message by list-request"):
        SCHEMA_SET.validation_error("list-request", {"type": 4})
