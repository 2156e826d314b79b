"""Suggestions while a frame is written by hand. Runs in Node."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from console_node import Node, node_with

from chateau.protocols.schemas import schemas_folder
from chateau.reference.components import components

FUNCTIONS = """
import { suggestions } from "./completion.js";
import { Schemas } from "./schema.js";

let schemas;
const functions = {
  know(all) { schemas = new Schemas(all); },
  suggestions: (text, place, names) => suggestions(text, place, schemas, names),
};
"""

FOLDER = schemas_folder()
NAMES = {"room": ["lobby", 'a "room"'], "username": ["ann", "bob"]}
TYPES = [str(number) for number in range(1, 10)]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    schemas = {
        f"chateau/{path.stem}": json.loads(path.read_text("utf-8"))
        for path in (FOLDER / "chateau").glob("*.json")
    }
    with node_with(tmp_path_factory.mktemp("completion"), FUNCTIONS) as node:
        node.call("know", components(schemas, "chateau"))
        yield node


def suggested(node: Node, text: str) -> tuple[str, Any]:
    """Return *text* without its ``|``, and the suggestions at that place."""
    place = text.index("|")
    text = text.replace("|", "")
    return text, node.call("suggestions", text, place, NAMES)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("|", None),
        ("{|", ['"type": ']),
        ('{"|', ['"type": ']),
        ('{"type"|', None),
        ('{"type": |', TYPES),
        ('{"type": 1|', None),
        ('{"type": 9, "|', ['"ref": ']),
        ('{"type": 7, |', ['"room": ', '"content": ', '"key": ', '"ref": ']),
        ('{"type": 7, "room": "x", "c|', ['"content": ']),
        ('{"type": 7, "C|ont": 1}', ['"content"']),
        ('{"r|", "type": 6}', ['"room": ', '"ref": ']),
        ('{"type": 6, "room": |}', ['"lobby"', '"a \\"room\\""']),
        ('{"type": 6, "room": "LO|', ['"lobby"']),
        ('{"type": 3, "clients": [|', ['"ann"', '"bob"']),
        ('{"type": 3, "clients": ["ann", "b|"]', ['"bob"']),
        ('{"type": 3, "clients": ["ann"|', None),
        ('{"type": 3, "clients": ["ann"], |', ['"content": ', '"ref": ']),
        ('{"type": 3, "content": "|', None),
        ('{"type": 4, "protocols": t|', ["true"]),
        ('{"type": 4, "protocols": |', ["true", "false"]),
        ('{"type": 4, "protocols": true |', None),
        ('{"type": 99, |', None),
        ('{"odd": {"|', ['"type": ']),
        ('{"type": 3, "odd": [{"a": 1}], |', ['"clients": ', '"content": ', '"ref": ']),
        ('{"type": 6} |', None),
    ],
)
def test_suggestions_match_the_schema_at_the_cursor(node: Node, text: str, options: list[str] | None) -> None:
    _, found = suggested(node, text)

    assert (found and [option["text"] for option in found["options"]]) == options


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ('{"type": 7, "con|', '{"type": 7, "content": '),
        ('{"type": 7, "con|}', '{"type": 7, "content": }'),
        ('{"type": 7, "con|x": 1}', '{"type": 7, "content": 1}'),
        ('{"type": 6, "room": "l|ob"}', '{"type": 6, "room": "lobby"}'),
        ('{"type": 6, "room": |}', '{"type": 6, "room": "lobby"}'),
    ],
)
def test_suggestion_replaces_the_word_at_the_cursor(node: Node, text: str, taken: str) -> None:
    text, found = suggested(node, text)

    first = found["options"][0]["text"] if "con" not in text else '"content"' + ": " * ("x" not in text)
    assert text[: found["from"]] + first + text[found["to"] :] == taken


def test_suggestion_has_the_description_of_its_key(node: Node) -> None:
    _, found = suggested(node, '{"type": 6, "ro|')

    assert found["options"][0]["description"].startswith("A room's name: 1 to 64 characters")
