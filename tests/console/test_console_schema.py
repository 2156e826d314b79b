"""The page's validator: the verdicts of Python's jsonschema, in the words of the server. Runs in Node."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from console_node import Node, node_with
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from chateau.hub.errors import HubError
from chateau.protocols.chateau import REQUESTS, ChateauProtocol, type_of
from chateau.protocols.json_peer import unknown_type
from chateau.protocols.json_text import decode
from chateau.protocols.schemas import SchemaSet, schemas_folder
from chateau.reference.components import PLACE, components

FUNCTIONS = """
import { KEYWORDS, Schemas } from "./schema.js";
import { verdictOf } from "./explain.js";
import { indented, read } from "./json_text.js";

let schemas;
const functions = {
  know(all) { schemas = new Schemas(all); },
  keywords: () => [...KEYWORDS],
  fault: (name, value) => schemas.fault(name, value),
  verdict: (direction, text) => verdictOf(direction, text, schemas),
  indented: (text) => indented(read(text)),
};
"""

FOLDER = schemas_folder()
SCHEMAS = {
    path.relative_to(FOLDER).with_suffix("").as_posix(): json.loads(path.read_text("utf-8"))
    for path in sorted(FOLDER.rglob("*.json"))
}
PROTOCOLS = sorted({path.partition("/")[0] for path in SCHEMAS if "/" in path})
PARTS = {name: schema for protocol in PROTOCOLS for name, schema in components(SCHEMAS, protocol).items()}
MESSAGES = [name for name in PARTS if name.endswith(("-request", "-response", "-push"))]
SCHEMA_SET = SchemaSet(FOLDER / "chateau", url="/schemas/chateau")
BY_NAME = ("properties", "$defs", "dependentSchemas")
LITERAL = ("const", "enum", "examples", "default", "required", "type")

TEXTS = st.text(max_size=20)
KEYS = TEXTS.filter(lambda key: not key.isascii() or not key.isdigit())
"""Without the keys that JavaScript sorts first: of two unknown keys, only the first is reported."""

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, -1, 1.0, 2.5, 1e30, -0.0, 2**53, 200, 400])
    | TEXTS
    | st.sampled_from(
        ["alice", "2026-11-20T09:30:00Z", "x" * 33, "𝄞" * 32, "𝄞" * 65, "a\n", "invalid_message"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with node_with(tmp_path_factory.mktemp("schema"), FUNCTIONS) as node:
        node.call("know", PARTS)
        yield node


@st.composite
def nearly_valid(draw: st.DrawFn, names: list[str]) -> tuple[str, Any]:
    """Draw the name of a message, and one of its examples with a few changes."""
    name = draw(st.sampled_from(names))
    message = copy.deepcopy(draw(st.sampled_from(PARTS[name]["examples"])))
    if not isinstance(message, dict):
        return name, draw(st.just(message) | VALUES)
    keys = sorted({key for example in PARTS[name]["examples"] for key in example} | {"ref", "code"})
    for _ in range(draw(st.integers(0, 3))):
        key = draw(st.sampled_from(keys) | KEYS)
        if draw(st.booleans()):
            message.pop(key, None)
        else:
            message[key] = draw(VALUES | st.lists(VALUES, min_size=1, max_size=2))
    return name, message


DOCUMENT = Resource(contents={"components": {"schemas": PARTS}}, specification=DRAFT202012)
REGISTRY = Registry().with_resource("all:", DOCUMENT)
VALIDATORS = {
    name: Draft202012Validator({"$ref": f"all:{PLACE}{name}"}, registry=REGISTRY) for name in MESSAGES
}


def keywords(schema: Any) -> Iterator[str]:
    """Yield every keyword in *schema* and its subschemas."""
    if isinstance(schema, list):
        for inner in schema:
            yield from keywords(inner)
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        yield keyword
        if keyword in BY_NAME:
            for inner in value.values():
                yield from keywords(inner)
        elif keyword not in LITERAL:
            yield from keywords(value)


def server_error(text: str) -> tuple[str, str | None, str] | None:
    """Return code, path and sentence of the error that the server finds in the form of *text*, or None."""
    try:
        request = decode(text)
        row = REQUESTS.get(type_of(request) or 0)
        if row is None:
            raise unknown_type(ChateauProtocol.type_key, request, ChateauProtocol.expected)
        if not SCHEMA_SET.validator(row.schema)(request):
            raise SCHEMA_SET.validation_error(row.schema, request)
    except HubError as error:
        return error.code, getattr(error, "path", None), str(error)
    return None


def test_validator_implements_every_keyword_of_the_schemas(node: Node) -> None:
    used = {keyword for schema in SCHEMAS.values() for keyword in keywords(schema)}

    assert used - set(node.call("keywords")) - {"reason"} == set()


@settings(max_examples=1500)
@given(named=nearly_valid(MESSAGES))
def test_validator_and_jsonschema_give_one_verdict(node: Node, named: tuple[str, Any]) -> None:
    name, message = named

    assert (node.call("fault", name, message) is None) == VALIDATORS[name].is_valid(message)


@settings(max_examples=1000)
@given(named=nearly_valid([name for name in MESSAGES if name.startswith("chateau.") and "request" in name]))
def test_validator_reports_the_fault_of_the_server_in_the_same_words(
    node: Node, named: tuple[str, Any]
) -> None:
    text = json.dumps(named[1])
    expected = server_error(text)

    fault = node.call("verdict", "out", text).get("fault")

    if expected is None:
        assert fault is None
    else:
        code, path, sentence = expected
        assert fault["code"] == code
        if code == "invalid_message":
            assert fault["pointer"] == path
            if " violates the keyword " not in sentence:
                assert fault["sentence"] == sentence


@pytest.mark.parametrize("character", ["x", "é", "𝄞"])
def test_lengths_are_counted_in_characters(node: Node, character: str) -> None:
    for length, is_right in ((1, True), (32, True), (33, False)):
        fault = node.call("fault", "chateau.register-request", {"type": 1, "username": character * length})
        assert (fault is None) == is_right


@settings(max_examples=500)
@given(text=st.text() | VALUES.map(json.dumps) | st.text(alphabet='{}[]",:1.e-+ntrufalse\\ ', max_size=12))
def test_json_parser_is_as_strict_as_the_server(node: Node, text: str) -> None:
    expected = server_error(text)

    fault = node.call("verdict", "out", text).get("fault")

    assert (fault and fault["code"]) == (expected and expected[0])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Invalid JSON: unexpected end at line 1, column 1."),
        ('{"type": 1,\n "username" "a"}', "Invalid JSON: expected a colon at line 2, column 13."),
        ('{"type": 1, "type": 2}', 'Invalid JSON: duplicate key "type" at line 1, column 13.'),
        ('{"type": 1}}', "Invalid JSON: unexpected text after the end at line 1, column 12."),
        ('{"a": "b', "Invalid JSON: unterminated string at line 1, column 7."),
        ('{"a": "\\x"}', "Invalid JSON: invalid escape in a string at line 1, column 7."),
        ('{"a": "\\ud800"}', "Invalid JSON: unpaired surrogate in a string at line 1, column 7."),
        ('{"a": 1e999}', "Invalid JSON: number out of range at line 1, column 7."),
        ("[" * 1025, "Invalid JSON: nesting is too deep at line 1, column 1025."),
    ],
)
def test_syntax_error_has_its_line_and_column(node: Node, text: str, sentence: str) -> None:
    assert node.call("verdict", "out", text)["fault"]["sentence"] == sentence


@pytest.mark.parametrize("name", [name for name in MESSAGES if name.startswith("chateau.")])
def test_schema_of_each_message_is_found(node: Node, name: str) -> None:
    direction = "out" if name.endswith("-request") else "in"

    for example in PARTS[name]["examples"]:
        verdict = node.call("verdict", direction, json.dumps(example))
        assert (verdict["schema"], verdict["fault"]) == (name, None)


def test_indented_text_is_unchanged_and_each_line_has_its_pointer(node: Node) -> None:
    lines = node.call("indented", '{"2":1.0,"1":[1e3,{"a/b~":[]}],"s":"\\u00e9"}')

    assert [(" " * line["indent"] + line["text"], line.get("pointer")) for line in lines] == [
        ("{", ""),
        ('  "2": 1.0,', "/2"),
        ('  "1": [', "/1"),
        ("    1e3,", "/1/0"),
        ("    {", "/1/1"),
        ('      "a/b~": []', "/1/1/a~1b~0"),
        ("    }", None),
        ("  ],", None),
        ('  "s": "\\u00e9"', "/s"),
        ("}", None),
    ]
