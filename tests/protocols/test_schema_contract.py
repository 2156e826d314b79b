"""The contract: JSON Pointers, both validators, and sentences for whatever a schema may say."""

import json
from pathlib import Path

import pytest

from chateau.protocols.contract import Contract, pointer

POINTERS = [
    pytest.param([], "", id="the whole message"),
    pytest.param(["a"], "/a", id="a key"),
    pytest.param(["a", 0, "b"], "/a/0/b", id="keys and places in lists"),
    pytest.param([""], "/", id="the empty key"),
    pytest.param(["a/b"], "/a~1b", id="a slash"),
    pytest.param(["m~n"], "/m~0n", id="a tilde"),
    pytest.param(["~1"], "/~01", id="a tilde before a 1, which is no slash"),
    pytest.param([" ", '"', "\\", "%", "é"], '/ /"/\\/%/é', id="nothing else is escaped"),
]


@pytest.mark.parametrize(("path", "written"), POINTERS)
def test_a_path_is_written_as_a_json_pointer(path: list[str | int], written: str) -> None:
    assert pointer(path) == written


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "http://localhost:8888/schemas/test/odd.json",
    "type": "object",
    "properties": {
        "even": {"type": "integer", "multipleOf": 2},
        "word": {"type": "string", "pattern": "^[a-z]+$"},
        "form": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "told": {"description": "A told word.", "type": "string", "pattern": "^[a-z]+$"},
    },
}


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    (tmp_path / "odd.json").write_text(json.dumps(SCHEMA))
    return Contract(tmp_path, url="/chat/schemas/test")


ODD = [
    pytest.param({"even": 3}, '"even" does not keep to the schema\'s "multipleOf".', id="another keyword"),
    pytest.param(
        {"word": "A"},
        '"word" is not written as it must be. The schema says more.',
        id="a pattern without a description",
    ),
    pytest.param(
        {"told": "A"}, '"told" is not written as it must be. A told word.', id="a pattern with a description"
    ),
    pytest.param(
        {"form": None},
        '"form" has none of the forms allowed. The schema says more.',
        id="forms without a description",
    ),
]


@pytest.mark.parametrize(("message", "sentence"), ODD)
def test_a_schema_may_say_what_no_schema_says_yet(
    contract: Contract, message: dict[str, object], sentence: str
) -> None:
    refusal = contract.fault("odd", message, json.dumps(message))

    assert str(refusal) == sentence
    assert refusal.path == "/" + next(iter(message))
    assert refusal.schema == "/chat/schemas/test/odd.json"


def test_both_validators_can_be_had(contract: Contract) -> None:
    assert contract.validator("odd")({"even": 2})
    assert not contract.validator("odd")({"even": 3})
    assert contract.reference("odd").is_valid({"even": 2})
    assert not contract.reference("odd").is_valid({"even": 3})
