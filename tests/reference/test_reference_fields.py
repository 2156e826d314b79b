"""The table of a message's fields, from its schema."""

from __future__ import annotations

from typing import Any

import pytest

from chateau.reference.fields import fields


def rows(schema: Any, **shared: Any) -> list[list[str]]:
    """The rows of the table of *schema*, without the markup of code."""
    table = fields({"p/a-request": schema, "p/common": {"$defs": shared}}, "p/a-request").partition("\n\n")[0]
    lines = [line.removeprefix("| ").removesuffix(" |") for line in table.split("\n")]
    return [line.replace("`", "").split(" | ") for line in lines[2:]]


def row(schema: Any) -> list[str]:
    """The type and the description of a field of *schema*."""
    ((_, _, kind, about),) = rows({"properties": {"x": schema}})
    return [kind, about]


FIELDS = [
    pytest.param({"type": "string"}, ["string", ""], id="no more keywords"),
    pytest.param({"type": "string", "description": "A."}, ["string", "A."], id="a description"),
    pytest.param(
        {"type": "string", "description": "A.", "minLength": 1, "maxLength": 1024},
        ["string", "A. (1 to 1,024 characters)"],
        id="both limits",
    ),
    pytest.param({"type": "string", "maxLength": 64}, ["string", "(at most 64 characters)"], id="a maximum"),
    pytest.param({"type": "integer", "minimum": 0}, ["integer", "(at least 0)"], id="a minimum"),
    pytest.param(
        {"type": "integer", "minimum": 1, "maximum": 2**53 - 1},
        ["integer", "(at least 1)"],
        id="a maximum that is only how far integers go",
    ),
    pytest.param({"type": "array", "minItems": 1}, ["array of values", "(at least 1 item)"], id="one item"),
    pytest.param({"type": "integer", "default": 100}, ["integer", "(default 100)"], id="a default"),
    pytest.param(
        {"type": "string", "pattern": r"^[0-9]+$(?!\n)"}, ["string", "(pattern ^[0-9]+$)"], id="a pattern"
    ),
    pytest.param({"type": "string", "pattern": "x" * 60}, ["string", ""], id="a pattern that is too long"),
    pytest.param({"const": 1, "description": "Always 1."}, ["always 1", ""], id="a constant"),
    pytest.param(
        {"const": 200, "description": "200: it is done."},
        ["always 200", "200: it is done."],
        id="a constant that means something",
    ),
    pytest.param({"enum": ["a", "b"]}, ['one of "a", "b"'], id="one of several"),
    pytest.param({"type": ["string", "null"]}, ["string or null", ""], id="two types"),
    pytest.param({"type": "boolean"}, ["true or false", ""], id="a boolean"),
    pytest.param({}, ["any JSON", ""], id="anything"),
    pytest.param(
        {"anyOf": [{"type": "string", "maxLength": 64}, {"type": "integer"}]},
        ["string (at most 64 characters), or integer", ""],
        id="one of two forms",
    ),
    pytest.param(
        {"type": "array", "items": {"enum": ["a", "b"]}}, ['array of "a", "b"', ""], id="an array of few"
    ),
]


@pytest.mark.parametrize(("schema", "shown"), FIELDS)
def test_field_has_a_type_and_a_description(schema: Any, shown: list[str]) -> None:
    assert row(schema)[: len(shown)] == shown


def test_required_fields_are_marked() -> None:
    shown = rows({"properties": {"a": {}, "b": {}}, "required": ["b"]})

    assert [(name, required) for name, required, *_ in shown] == [("a", "no"), ("b", "yes")]


def test_inner_fields_are_named_by_their_path() -> None:
    schema = {
        "properties": {
            "d": {"type": "object", "properties": {"content": {"type": "string"}}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"seq": {}}}},
            "map": {"type": "object", "additionalProperties": {"$ref": "common.json#/$defs/card"}},
        }
    }

    shown = rows(schema, card={"type": "object", "properties": {"ip": {"type": "string"}}})

    names = [name for name, *_ in shown]
    assert names == ["d", "d.content", "list", "list[]", "list[].seq", "map", "map.*", "map.*.ip"]


def test_reference_is_followed_and_overridden_by_keywords_next_to_it() -> None:
    schema = {"properties": {"room": {"$ref": "common.json#/$defs/room", "description": "Where."}}}

    shown = rows(schema, room={"type": "string", "description": "A room.", "maxLength": 64})

    assert shown == [["room", "no", "string", "Where. (at most 64 characters)"]]


def test_message_that_is_not_an_object_has_one_row() -> None:
    assert rows({"const": "OK", "description": "It worked."}) == [
        ["message", "yes", 'always "OK"', "It worked."]
    ]


def test_condition_between_fields_follows_the_table() -> None:
    schema = {
        "properties": {"code": {}, "path": {}},
        "required": ["code"],
        "if": {"properties": {"code": {"const": "invalid_message"}}},
        "then": {"required": ["code", "path"]},
        "else": {"properties": {"path": False}},
    }

    condition = fields({"p/a-request": schema}, "p/a-request").rpartition("\n\n")[2]

    assert condition == 'If `code` is `"invalid_message"`, `path` is required; otherwise `path` is absent.'
