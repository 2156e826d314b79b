"""The page's own check of frames: the verdicts of Python's jsonschema, and the server's words. In node."""

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
from chateau.protocols.chateau import REQUESTS, no_such_type, type_of
from chateau.protocols.json_text import decode
from chateau.protocols.schemas import Contract, schemas_folder
from chateau.reference.components import PLACE, components

ANSWERS = """
import { KEYWORDS, Schemas } from "./schema.js";
import { verdictOf } from "./explain.js";
import { laidOut, read } from "./json_text.js";

let schemas;
const answers = {
  know(all) { schemas = new Schemas(all); },
  keywords: () => [...KEYWORDS],
  fault: (name, value) => schemas.fault(name, value),
  verdict: (direction, text) => verdictOf(direction, text, schemas),
  laidOut: (text) => laidOut(read(text)),
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
SCHEMA_SETT = Contract(FOLDER / "chateau", url="/schemas/chateau")
BY_NAME = ("properties", "$defs", "dependentSchemas")
LITERAL = ("const", "enum", "examples", "default", "required", "type")

TEXTS = st.text(max_size=20)
KEYS = TEXTS.filter(lambda key: not key.isascii() or not key.isdigit())
"""Not the keys that JavaScript puts before all others: of two that are too many, the first one is told."""

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
    with node_with(tmp_path_factory.mktemp("schema"), ANSWERS) as node:
        node.ask("know", PARTS)
        yield node


@st.composite
def nearly_valid(draw: st.DrawFn, names: list[str]) -> tuple[str, Any]:
    """A message's name, and one of its examples with a few things about it changed."""
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
    """Every keyword in *schema* and inside it."""
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


def refusal_of(text: str) -> tuple[str, str | None, str] | None:
    """How the server refuses *text* by its form: code, path, sentence; None where it does not."""
    try:
        request = decode(text)
        row = REQUESTS.get(type_of(request) or 0)
        if row is None:
            raise no_such_type(request)
        if not SCHEMA_SETT.validator(row.schema)(request):
            raise SCHEMA_SETT.fault(row.schema, request, text)
    except HubError as error:
        return error.code, getattr(error, "path", None), str(error)
    return None


def test_it_knows_every_keyword_that_a_schema_uses(node: Node) -> None:
    used = {keyword for schema in SCHEMAS.values() for keyword in keywords(schema)}

    assert used - set(node.ask("keywords")) - {"reason"} == set()


@settings(max_examples=1500)
@given(named=nearly_valid(MESSAGES))
def test_it_and_jsonschema_give_one_verdict(node: Node, named: tuple[str, Any]) -> None:
    name, message = named

    assert (node.ask("fault", name, message) is None) == VALIDATORS[name].is_valid(message)


@settings(max_examples=1000)
@given(named=nearly_valid([name for name in MESSAGES if name.startswith("chateau.") and "request" in name]))
def test_it_finds_the_fault_that_the_server_tells_and_says_it_in_the_same_words(
    node: Node, named: tuple[str, Any]
) -> None:
    text = json.dumps(named[1])
    refused = refusal_of(text)

    fault = node.ask("verdict", "out", text).get("fault")

    if refused is None:
        assert fault is None
    else:
        code, path, sentence = refused
        assert fault["code"] == code
        if code == "invalid_message":
            assert fault["pointer"] == path
            if " does not keep to the schema's " not in sentence:
                assert fault["sentence"] == sentence


@pytest.mark.parametrize("character", ["x", "é", "𝄞"])
def test_lengths_are_counted_in_characters(node: Node, character: str) -> None:
    for length, is_right in ((1, True), (32, True), (33, False)):
        fault = node.ask("fault", "chateau.register-request", {"type": 1, "username": character * length})
        assert (fault is None) == is_right


@settings(max_examples=500)
@given(text=st.text() | VALUES.map(json.dumps) | st.text(alphabet='{}[]",:1.e-+ntrufalse\\ ', max_size=12))
def test_it_reads_json_as_strictly_as_the_server(node: Node, text: str) -> None:
    refused = refusal_of(text)

    fault = node.ask("verdict", "out", text).get("fault")

    assert (fault and fault["code"]) == (refused and refused[0])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "This is not JSON: unexpected end at line 1, column 1."),
        ('{"type": 1,\n "username" "a"}', "This is not JSON: a colon is missing at line 2, column 13."),
        ('{"type": 1, "type": 2}', 'This is not JSON: the key "type" is there twice at line 1, column 13.'),
        ('{"type": 1}}', "This is not JSON: something is behind its end at line 1, column 12."),
        ('{"a": "b', "This is not JSON: a string does not end at line 1, column 7."),
        ('{"a": "\\x"}', "This is not JSON: an escape in a string is none at line 1, column 7."),
        ('{"a": "\\ud800"}', "This is not JSON: half a character is in a string at line 1, column 7."),
        ('{"a": 1e999}', "This is not JSON: a number is out of range at line 1, column 7."),
        ("[" * 1025, "This is not JSON: it is nested too deeply at line 1, column 1025."),
    ],
)
def test_it_says_where_a_text_is_no_json(node: Node, text: str, sentence: str) -> None:
    assert node.ask("verdict", "out", text)["fault"]["sentence"] == sentence


@pytest.mark.parametrize("name", [name for name in MESSAGES if name.startswith("chateau.")])
def test_it_finds_the_schema_of_each_message(node: Node, name: str) -> None:
    direction = "out" if name.endswith("-request") else "in"

    for example in PARTS[name]["examples"]:
        verdict = node.ask("verdict", direction, json.dumps(example))
        assert (verdict["schema"], verdict["fault"]) == (name, None)


def test_a_text_is_laid_out_as_it_was_written_and_each_line_has_its_place(node: Node) -> None:
    lines = node.ask("laidOut", '{"2":1.0,"1":[1e3,{"a/b~":[]}],"s":"\\u00e9"}')

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
