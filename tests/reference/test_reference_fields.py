"""Fields in words: what a schema asks for, as a reader finds it in a table."""

from __future__ import annotations

from typing import Any

import pytest

from chateau.reference.fields import fields
from chateau.reference.markdown import Paragraph, Table, plain


def rows(schema: Any, **shared: Any) -> list[list[str]]:
    """The rows of the table of *schema*, as plain text."""
    table, *_ = fields({"p/a-request": schema, "p/common": {"$defs": shared}}, "p/a-request")
    assert isinstance(table, Table)
    return [[plain(cell) for cell in row] for row in table.rows]


def row(schema: Any) -> list[str]:
    """What the table says of a field of *schema*: its type, and what it is."""
    ((_, _, kind, about),) = rows({"properties": {"x": schema}})
    return [kind, about]


FIELDS = [
    pytest.param({"type": "string"}, ["string", ""], id="nothing more"),
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
    pytest.param(
        {"type": "integer", "default": 100}, ["integer", "(100 where it is left out)"], id="a default"
    ),
    pytest.param(
        {"type": "string", "pattern": r"^[0-9]+$(?!\n)"}, ["string", "(written as ^[0-9]+$)"], id="a pattern"
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


@pytest.mark.parametrize(("schema", "told"), FIELDS)
def test_a_field_is_told_in_words(schema: Any, told: list[str]) -> None:
    assert row(schema)[: len(told)] == told


def test_what_is_required_is_said() -> None:
    told = rows({"properties": {"a": {}, "b": {}}, "required": ["b"]})

    assert [(name, required) for name, required, *_ in told] == [("a", "no"), ("b", "yes")]


def test_what_is_inside_of_objects_arrays_and_maps_is_told_by_the_way_to_it() -> None:
    schema = {
        "properties": {
            "d": {"type": "object", "properties": {"content": {"type": "string"}}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"seq": {}}}},
            "map": {"type": "object", "additionalProperties": {"$ref": "common.json#/$defs/card"}},
        }
    }

    told = rows(schema, card={"type": "object", "properties": {"ip": {"type": "string"}}})

    names = [name for name, *_ in told]
    assert names == ["d", "d.content", "list", "list[]", "list[].seq", "map", "map.*", "map.*.ip"]


def test_a_shared_part_is_followed_and_what_stands_beside_the_reference_wins() -> None:
    schema = {"properties": {"room": {"$ref": "common.json#/$defs/room", "description": "Where."}}}

    told = rows(schema, room={"type": "string", "description": "A room.", "maxLength": 64})

    assert told == [["room", "no", "string", "Where. (at most 64 characters)"]]


def test_a_message_that_is_no_object_is_told_as_a_whole() -> None:
    assert rows({"const": "OK", "description": "It worked."}) == [
        ["the whole", "yes", 'always "OK"', "It worked."]
    ]


def test_what_another_field_asks_for_is_said_below() -> None:
    schema = {
        "properties": {"code": {}, "path": {}},
        "required": ["code"],
        "if": {"properties": {"code": {"const": "invalid_message"}}},
        "then": {"required": ["code", "path"]},
        "else": {"properties": {"path": False}},
    }

    _, condition = fields({"p/a-request": schema}, "p/a-request")

    assert isinstance(condition, Paragraph)
    assert plain(condition.text) == 'Where code is "invalid_message", path is there; path is nowhere else.'
