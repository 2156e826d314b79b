"""Decoding JSON: objects, other values, and texts that two decoders may read differently."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chateau.protocols.errors import InvalidJson, NotAnObject
from chateau.protocols.json_text import COUNTED_LENGTH, REF_LENGTH, VALUES_LIMIT, decode, encode, try_decode

OBJECTS = [
    pytest.param("{}", {}, id="an empty object"),
    pytest.param(' \t\r\n{"a" : 1} \n', {"a": 1}, id="white space"),
    pytest.param(
        '{"a": {"b": {"c": [1, {"d": null}]}}}', {"a": {"b": {"c": [1, {"d": None}]}}}, id="nesting"
    ),
    pytest.param('{"a": {"x": 1}, "b": {"x": 1}}', {"a": {"x": 1}, "b": {"x": 1}}, id="a key in two objects"),
    pytest.param('{"a": {"a": {"a": 1}}}', {"a": {"a": {"a": 1}}}, id="a key inside itself"),
    pytest.param('{"a": [{"x": 1}, {"x": 2}]}', {"a": [{"x": 1}, {"x": 2}]}, id="a key in each item"),
    pytest.param('{"a": "b:c:d", "e": "::"}', {"a": "b:c:d", "e": "::"}, id="colons in texts"),
    pytest.param('{"a:b": 1, ":": 2}', {"a:b": 1, ":": 2}, id="colons in keys"),
    pytest.param(r'{"a": "\"a\": 1, \"a\": 1"}', {"a": '"a": 1, "a": 1'}, id="a text that looks like keys"),
    pytest.param('{"a": 1, "A": 2}', {"a": 1, "A": 2}, id="keys that differ in case"),
    pytest.param(
        '{"é": 1, "e\u0301": 2}', {"é": 1, "e\u0301": 2}, id="keys that differ in their code points"
    ),
    pytest.param(r'{"a": "\ud83d\ude00"}', {"a": "\U0001f600"}, id="a pair of surrogates"),
    pytest.param(r'{"a": "\u0000"}', {"a": "\0"}, id="an escaped control character"),
    pytest.param(f'{{"a": {2**64 - 1}}}', {"a": 2**64 - 1}, id="the highest integer of 64 bits"),
    pytest.param(f'{{"a": {10**30}}}', {"a": 1e30}, id="a higher one is a double"),
    pytest.param('{"a": 1e-400}', {"a": 0.0}, id="a number too small for a double"),
    pytest.param(
        '{"a": {"b": 0.' + "1" * 5000 + "}}", {"a": {"b": 1 / 9}}, id="5,000 digits behind the point"
    ),
    pytest.param('{"a":' * 500 + "1" + "}" * 500, None, id="500 levels"),
]


@pytest.mark.parametrize(("text", "value"), OBJECTS)
def test_object_is_decoded(text: str, value: object) -> None:
    read = decode(text)

    assert value is None or read == value


TWICE = [
    pytest.param('{"a": 1, "a": 1}', "a", id="side by side"),
    pytest.param('{"a": 1, "b": 2, "a": 3}', "a", id="with another between"),
    pytest.param(r'{"a": 1, "\u0061": 2}', "a", id="in another spelling"),
    pytest.param('{"": 1, "": 2}', "", id="the empty key"),
    pytest.param('{"a": {"b": 1, "b": 2}}', "b", id="in an object inside"),
    pytest.param('{"x": [1, [{"b": 1, "b": 2}]]}', "b", id="in a list inside"),
    pytest.param('{"a": {"b": 1}, "a": "x:y"}', "a", id="around an object, with colons in a text"),
]


@pytest.mark.parametrize(("text", "key"), TWICE)
def test_duplicate_key_is_rejected(text: str, key: str) -> None:
    with pytest.raises(InvalidJson) as refused:
        decode(text)

    assert str(refused.value) == f'Invalid JSON: duplicate key "{key}".'


def test_long_key_is_truncated_in_the_error() -> None:
    with pytest.raises(InvalidJson) as refused:
        decode('{"%s": 1, "%s": 1}' % (("k" * 100,) * 2))

    assert str(refused.value) == f'Invalid JSON: duplicate key "{"k" * 59}…".'


BROKEN = [
    pytest.param("", 1, 1, id="nothing"),
    pytest.param("{", 1, 2, id="an object that does not end"),
    pytest.param('{"a": 1,}', 1, 8, id="a comma too many"),
    pytest.param('{"a": 1,\n "b" 2}', 2, 6, id="on the second line"),
    pytest.param('{"é": 1,\n "é" 2}', 2, 6, id="after characters of two bytes"),
    pytest.param('{"a": NaN}', 1, 7, id="NaN"),
    pytest.param('{"a": Infinity}', 1, 7, id="Infinity"),
    pytest.param('{"a": -Infinity}', 1, 7, id="minus Infinity"),
    pytest.param('{"a": 01}', 1, 7, id="a leading zero"),
    pytest.param('{"a": 1e400}', 1, 7, id="a number beyond a double"),
    pytest.param(r'{"a": "\ud800"}', 1, 8, id="a lone surrogate"),
]


@pytest.mark.parametrize(("text", "line", "column"), BROKEN)
def test_invalid_json_is_reported_with_its_position(text: str, line: int, column: int) -> None:
    with pytest.raises(InvalidJson) as refused:
        decode(text)

    sentence = str(refused.value)
    assert sentence.startswith("Invalid JSON: ")
    place = sentence.rpartition(" at line ")[2]
    reported_line, _, reported_column = place.removesuffix(".").partition(", column ")
    assert int(reported_line) == line
    assert abs(int(reported_column) - column) <= 1, sentence


LONG = "x" * COUNTED_LENGTH

PADDINGS = [
    pytest.param(LONG, id="plain"),
    pytest.param(LONG + "\\", id="a backslash"),
    pytest.param('"' + LONG, id="a quotation mark"),
]

MANY = [
    pytest.param(["", *[1] * (VALUES_LIMIT - 4)], id="numbers"),
    pytest.param(["", *["a"] * (VALUES_LIMIT - 4)], id="strings"),
    pytest.param(["", *[{"a": {"b": 1}}] * ((VALUES_LIMIT - 4) // 3)], id="objects"),
    pytest.param(['{[,"\\' * VALUES_LIMIT], id="what is in strings does not count"),
    pytest.param(["{[,:" * VALUES_LIMIT], id="what is in strings does not count, also without escapes"),
]


@pytest.mark.parametrize("values", MANY)
@pytest.mark.parametrize("padding", PADDINGS)
def test_long_text_may_have_4096_commas_and_brackets(values: list[Any], padding: str) -> None:
    value = {"a": values, "b": padding}

    assert decode(json.dumps(value)) == value


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("item", [1, "", "a", 1.5, [], {}, {"a": 1}, [[]], "{,", '"'], ids=json.dumps)
def test_long_text_with_more_values_is_rejected(item: Any, padding: str) -> None:
    for order in (1, -1):
        value = dict([("a", [item] * (VALUES_LIMIT + 1)), ("b", padding)][::order])
        with pytest.raises(InvalidJson, match=r"too many values; .* 32768 characters may have 4096 commas"):
            decode(json.dumps(value))
        with pytest.raises(NotAnObject, match="not an array"):
            decode(json.dumps(list(value.values())))


def test_values_of_shorter_texts_are_not_counted() -> None:
    value = {"a": [1] * (COUNTED_LENGTH // 2 - 10)}

    assert decode(json.dumps(value, separators=(",", ":"))) == value


COLONS = [
    "a",
    ":",
    "::",
    "\\u003a",
    "\\u003A",
    "\\\\u003a",
    "\\\\\\u003A",
    '\\"',
    "u003a",
    "\\u0022",
    "é",
    "\\n",
]
"""Parts of strings, as they are written in JSON, with colons in all spellings."""

WRITTEN = st.lists(st.sampled_from(COLONS), max_size=4).map(lambda parts: f'"{"".join(parts)}"')
WRITTEN_VALUES = st.recursive(
    WRITTEN | st.just("1"),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(WRITTEN, inner), max_size=4).map(
            lambda members: "{" + " , ".join(f"{key} :{value}" for key, value in members) + "}"
        )
    ),
    max_leaves=12,
)


@settings(max_examples=2000)
@given(text=WRITTEN_VALUES)
def test_exactly_the_texts_with_a_duplicate_key_are_rejected(text: str) -> None:
    has_duplicates = False

    def count(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal has_duplicates
        has_duplicates |= len(dict(pairs)) < len(pairs)
        return dict(pairs)

    value = json.loads(f'{{"a": {text}}}', object_pairs_hook=count)

    if has_duplicates:
        with pytest.raises(InvalidJson, match="duplicate key"):
            decode(f'{{"a": {text}}}')
    else:
        assert decode(f'{{"a": {text}}}') == value


@pytest.mark.parametrize("inner", ['{"b":1,"b":2}', '{"b":1,"b":{"c":":"}}', '{"\\u003a":1,":":"\\u003a"}'])
def test_duplicate_key_of_a_text_with_many_values_is_not_named(inner: str) -> None:
    text = f'{{"a": [{"1," * 1000}{inner}]}}'

    with pytest.raises(InvalidJson, match=r"^Invalid JSON: an object has the same key twice\.$"):
        decode(text)


@pytest.mark.parametrize("levels", [200, 253, 254, 255, 300, 900])
def test_duplicate_key_is_found_at_any_depth(levels: int) -> None:
    for inner in ('{"b":1,"b":2}', '{"b":1,"c":2}'):
        text = '{"a":' + "[" * levels + inner + "]" * levels + "}"
        if "c" in inner:
            decode(text)
            continue
        with pytest.raises(InvalidJson, match='duplicate key "b"'):
            decode(text)


def test_long_text_is_not_decoded_for_its_ref_only() -> None:
    for length, ref in ((REF_LENGTH, {"ref": "r"}), (REF_LENGTH + 1, {})):
        assert try_decode('{"ref": "r"'.ljust(length - 1) + "}") == ref


def test_decoding_error_has_its_cause() -> None:
    with pytest.raises(InvalidJson) as refused:
        decode("{")

    assert refused.value.__cause__ is not None


@pytest.mark.parametrize("depth", [1000, 1010, 1020, 1025, 100_000])
@pytest.mark.parametrize(
    ("opening", "closing"),
    [pytest.param('{"a":', "}", id="objects"), pytest.param('[{"a":', "}]", id="objects in arrays")],
)
def test_too_deeply_nested_objects_are_rejected(depth: int, opening: str, closing: str) -> None:
    with pytest.raises(InvalidJson, match=r"nested too deeply|depth limit"):
        decode(opening * depth + "1" + closing * depth)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[]", "an array"),
        ('"a"', "a string"),
        ("1", "a number"),
        ("1.5", "a number"),
        ("false", "a boolean"),
        ("null", "null"),
    ],
)
def test_value_other_than_an_object_is_rejected(text: str, kind: str) -> None:
    with pytest.raises(NotAnObject, match=f"not {kind}\\.$"):
        decode(text)


def test_encoded_json_is_compact_utf_8() -> None:
    assert encode({"a": [1, "é"], "b": None}) == '{"a":[1,"é"],"b":null}'.encode()
