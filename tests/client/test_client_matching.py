"""Matching: a table for each operator, and properties that hold for any values."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chateau.client.scenarios.match import OPERATORS, closest, closest_expectation, match
from chateau.client.scenarios.outcomes import Match, Mismatch
from chateau.client.scenarios.schemas import Schemas

SCHEMAS = Schemas()
CHECKOUT = Path(__file__).parents[2]

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
PLAIN = VALUES.filter(lambda value: '"$' not in json.dumps(value))


def compare(expected: Any, got: Any, **options: Any) -> Match:
    return match(expected, got, schemas=SCHEMAS, **options)


def sentences(expected: Any, got: Any, **options: Any) -> list[str]:
    return [mismatch.sentence for mismatch in compare(expected, got, **options).mismatches]


MATCHING: list[tuple[Any, Any]] = [
    (1, 1),
    (1, 1.0),
    (2**70, 2**70),
    ("é", "é"),
    (None, None),
    ({}, {}),
    ({}, {"a": 1}),
    ({"a": {}}, {"a": {"b": 1}, "c": 2}),
    ([{}, 1], [{"a": 1}, 1]),
    ({"": 1}, {"": 1}),
    ({"a": None}, {"a": None}),
    ({"$any": True}, None),
    ([{"$any": True}], [[]]),
    ({"a": {"$absent": True}}, {}),
    ({"a": {"$not": {"$absent": True}}}, {"a": None}),
    ({"a": {"$one_of": [{"$absent": True}, 3]}}, {}),
    ({"a": {"$one_of": [{"$absent": True}, 3]}}, {"a": 3}),
    ({"$type": "string"}, ""),
    ({"$type": "integer"}, 3),
    ({"$type": "integer"}, 3.0),
    ({"$type": "number"}, 3),
    ({"$type": "number"}, 0.5),
    ({"$type": "boolean"}, False),
    ({"$type": "null"}, None),
    ({"$type": "array"}, []),
    ({"$type": "object"}, {}),
    ({"$type": ["null", "string"]}, None),
    ({"$regex": "[0-9]"}, "a1b"),
    ({"$regex": "^$"}, ""),
    ({"$regex": "[[]"}, "["),
    ({"$gt": 3}, 3.5),
    ({"$gt": "a"}, "b"),
    ({"$lt": 3}, -1),
    ({"$lt": "b"}, "a"),
    ({"$gt": 1, "$lt": 3}, 2),
    ({"$length": 2}, "ab"),
    ({"$length": 1}, "😀"),
    ({"$length": 0}, []),
    ({"$length": 1}, {"a": None}),
    ({"$length": 2.0}, [1, 2]),
    ({"$contains": 2}, [1, 2]),
    ({"$contains": {"a": 1}}, [0, {"a": 1, "b": 2}]),
    ({"$contains": "ell"}, "hello"),
    ({"$contains": ["lo", "he"]}, "hello"),
    ({"$contains": [3, 1]}, [1, 2, 3]),
    ({"$contains": [{"$type": "integer"}, 1]}, [1, 2]),
    ({"$contains": []}, []),
    ({"$contains": [[1]]}, [[1]]),
    ({"$one_of": [1, {"$regex": "^a"}]}, "ab"),
    ({"$not": 1}, True),
    ({"$not": {"a": 1}}, {"a": 2}),
    (
        {"$schema": "chateau/join-response.json"},
        {"type": 5, "status": 200, "room": "lobby", "members": ["a"]},
    ),
    ({"$schema": {"type": "array", "maxItems": 1}}, [1]),
    ({"$exact": {"a": {"$any": True}}}, {"a": {"b": 1}}),
    ({"$exact": {"a": {"$absent": True}}}, {}),
    ({"$literal": {"$any": True}}, {"$any": True}),
    ({"$literal": {"a": "${b}"}}, {"a": "${b}"}),
    ({"$literal": [1, {"a": 1.0}]}, [1.0, {"a": 1}]),
    ({"$capture": "a", "$type": "integer"}, 1),
    ({"$ref": 1, "a": 2}, {"$ref": 1, "a": 2}),  # not operators: what a server sent and a capture brought
]


@pytest.mark.parametrize(("expected", "got"), MATCHING, ids=repr)
def test_match_accepts(expected: Any, got: Any) -> None:
    assert sentences(expected, got) == []


DIFFERING: list[tuple[Any, Any, str]] = [
    (200, 400, "expected 200, got 400"),
    ({"status": 200}, {"status": 400}, "/status: expected 200, got 400"),
    ({"room": "a"}, {}, "/room: expected it to be present"),
    ({"a": {"b": 1}}, {"a": {}}, "/a/b: expected it to be present"),
    ({"a": None}, {}, "/a: expected it to be present"),
    ({"a/b": {"~": [1]}}, {"a/b": {"~": [2]}}, "/a~1b/~0/0: expected 1, got 2"),
    (True, 1, "expected true, got 1"),
    (0, False, "expected 0, got false"),
    (1, "1", 'expected 1, got "1"'),
    (None, 0, "expected null, got 0"),
    ([], {}, "expected [], got {}"),
    ({}, [], "expected {}, got []"),
    ([1], [1, 2], "expected 1 item, got 2"),
    ({"a": [1, 2]}, {"a": []}, "/a: expected 2 items, got 0"),
    ({"$any": True}, {"$any": True}, ""),
    ({"a": {"$any": True}}, {}, "/a: expected it to be present"),
    ({"a": {"$absent": True}}, {"a": 1}, "/a: expected it to be absent, got 1"),
    ({"a": {"$absent": True}}, {"a": None}, "/a: expected it to be absent, got null"),
    ({"$type": "string"}, 1, "expected a string, got 1"),
    ({"$type": "integer"}, 1.5, "expected an integer, got 1.5"),
    ({"$type": "integer"}, True, "expected an integer, got true"),
    ({"$type": "number"}, False, "expected a number, got false"),
    ({"$type": ["null", "array"]}, {}, "expected null or an array, got {}"),
    ({"id": {"$regex": "^[0-9]+$"}}, {"id": "x"}, '/id: "x" does not match ^[0-9]+$'),
    ({"$regex": "1"}, 1, "expected a string that matches 1, got 1"),
    ({"$gt": 3}, 3, "expected a number above 3, got 3"),
    ({"$gt": 0}, True, "expected a number above 0, got true"),
    ({"$gt": 0}, "1", 'expected a number above 0, got "1"'),
    ({"$lt": "b"}, "b", 'expected a string before "b", got "b"'),
    ({"$lt": "b"}, 1, 'expected a string before "b", got 1'),
    ({"$length": 2}, "abc", "expected 2 characters, got 3"),
    ({"$length": 1}, [], "expected 1 item, got 0"),
    ({"$length": 1}, 5, "expected a value of length 1, got 5"),
    ({"$contains": 3}, [1, 2], "expected it to contain 3, got [1, 2]"),
    ({"$contains": "x"}, "abc", 'expected it to contain "x", got "abc"'),
    ({"$contains": 1}, "1", 'expected it to contain 1, got "1"'),
    ({"$contains": [None]}, "null", 'expected it to contain null, got "null"'),
    ({"$contains": [1, 1]}, [1, 2], "expected an item for each of [1, 1], got [1, 2]"),
    ({"$contains": 1}, {"a": 1}, 'expected a value that contains 1, got {"a": 1}'),
    ({"$one_of": [1, 2]}, 3, "expected one of [1, 2], got 3"),
    ({"a": {"$one_of": [1, 2]}}, {}, "/a: expected one of [1, 2], got nothing"),
    ({"a": {"$not": 1}}, {"a": 1.0}, "/a: expected anything but 1, got 1.0"),
    ({"a": {"$not": 1}}, {}, "/a: expected it to be present"),
    ({"$schema": {"type": "array"}}, 1, "1 is not of type 'array' (the schema)"),
    ({"$exact": {"a": {}}}, {"a": {"b": 1}}, "/a/b: not expected (exact)"),
    ({"$literal": {"$any": True}}, 1, 'expected {"$any": true}, got 1'),
    ({"$literal": {"a": 1}}, {"a": 1, "b": 2}, "/b: not expected (exact)"),
    ({"$literal": {"a": {"$any": True}}}, {"a": 1}, '/a: expected {"$any": true}, got 1'),
    ({"a": {"$capture": "x"}}, {}, "/a: expected it to be present"),
]


@pytest.mark.parametrize(("expected", "got", "sentence"), DIFFERING, ids=repr)
def test_match_describes_the_difference(expected: Any, got: Any, sentence: str) -> None:
    assert sentences(expected, got) == ([sentence] if sentence else [])


def test_match_reports_every_difference() -> None:
    found = sentences({"status": 200, "room": "a", "n": 1}, {"status": 400, "n": 1})

    assert found == ["/status: expected 200, got 400", "/room: expected it to be present"]


def test_several_operators_in_one_object_all_have_to_match() -> None:
    assert sentences({"$type": "string", "$length": 2, "$regex": "^a"}, "bcd") == [
        "expected 2 characters, got 3",
        '"bcd" does not match ^a',
    ]


def test_an_exact_match_allows_no_other_keys_at_any_depth_and_operators_go_on_working() -> None:
    expected = {"a": {"$any": True}, "b": [{"c": {"$type": "integer"}}], "d": {"$absent": True}}

    assert sentences(expected, {"a": {"x": 1}, "b": [{"c": 1}]}, exact=True) == []
    assert sentences(expected, {"a": 1, "b": [{"c": 1, "e": 2}], "f": 3}, exact=True) == [
        "/b/0/e: not expected (exact)",
        "/f: not expected (exact)",
    ]


@pytest.mark.parametrize(
    "expected",
    [{"$contains": {"a": 1}}, {"$contains": [{"a": 1}]}, [{"$one_of": [{"a": 1}]}], {"$exact": [{"a": 1}]}],
    ids=repr,
)
def test_exact_applies_inside_operators(expected: Any) -> None:
    assert compare(expected, [{"a": 1}], exact=True).matches
    assert not compare(expected, [{"a": 1, "b": 2}], exact=True).matches


def test_exact_inside_a_subset_holds_for_that_part_only() -> None:
    assert compare({"a": {"$exact": {"b": 1}}}, {"a": {"b": 1}, "c": 2}).matches
    assert not compare({"a": {"$exact": {"b": 1}}}, {"a": {"b": 1, "c": 2}}).matches


CAPTURING: list[tuple[Any, Any, dict[str, Any]]] = [
    ({"id": {"$capture": "id"}}, {"id": "7"}, {"id": "7"}),
    ({"$capture": "all"}, {"a": [1]}, {"all": {"a": [1]}}),
    ({"$capture": "n", "$gt": 3}, 4, {"n": 4}),
    ([{"$capture": "a"}, {"$capture": "b"}], [None, 2], {"a": None, "b": 2}),
    ({"$contains": {"n": 2, "id": {"$capture": "id"}}}, [{"n": 1, "id": 1}, {"n": 2, "id": 2}], {"id": 2}),
    ({"$contains": [{"$capture": "x"}, 1]}, [1, 2], {"x": 2}),
    ({"$contains": [{"$capture": "x"}, {"$capture": "y"}]}, [1, 2], {"x": 1, "y": 2}),
    ({"$one_of": [{"a": 1, "b": {"$capture": "x"}}, {"b": {"$capture": "y"}}]}, {"a": 2, "b": 3}, {"y": 3}),
    ({"$one_of": [{"$capture": "first"}, {"$capture": "second"}]}, 1, {"first": 1}),
    ({"$not": {"a": {"$capture": "a"}, "b": 1}}, {"a": 1, "b": 2}, {}),
    ({"$exact": {"a": {"$capture": "a"}}}, {"a": 1}, {"a": 1}),
    ({"$literal": {"$capture": "a"}}, {"$capture": "a"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "got", "captures"), CAPTURING, ids=repr)
def test_a_match_captures(expected: Any, got: Any, captures: dict[str, Any]) -> None:
    assert compare(expected, got) == Match(captures)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ({"id": {"$capture": "id"}, "status": 200}, {"id": 1, "status": 400}),
        ({"$capture": "n", "$gt": 3}, 3),
        ({"$one_of": [{"a": {"$capture": "a"}, "b": 1}]}, {"a": 1}),
        ({"$contains": [{"$capture": "a"}, {"$capture": "b"}]}, [1]),
    ],
    ids=repr,
)
def test_a_mismatch_captures_nothing(expected: Any, got: Any) -> None:
    found = compare(expected, got)

    assert not found.matches
    assert found.captures == {}


@pytest.mark.parametrize(
    "operand",
    [
        {"$regex": "("},
        {"$regex": 1},
        {"$regex": "a{99999999999}"},
        {"$gt": True},
        {"$length": "2"},
        {"$length": -1},
        {"$type": "text"},
        {"$type": []},
        {"$type": {}},
        {"$one_of": 1},
        {"$capture": 1},
        {"$any": False},
        {"$schema": 1},
        {"$schema": "no-such.json"},
        {"$schema": "x" * 5000},
        {"$schema": {"type": "text"}},
        {"$schema": {"$ref": "http://localhost:1/x.json"}},
        {"$schema": {"$ref": "#"}},
        {"$schema": {"$ref": "http://["}},
        {"$schema": {"$schema": []}},
    ],
    ids=lambda operand: json.dumps(operand)[:60],
)
def test_an_operand_that_a_variable_has_spoiled_matches_nothing_and_nor_does_its_opposite(
    operand: Any,
) -> None:
    for got in ("a(", 1, {}, []):
        assert not compare(operand, got).matches
        assert not compare({"$not": operand}, got).matches


def test_a_long_string_is_reported_where_it_differs() -> None:
    (sentence,) = sentences({"a": "x" * 1000 + "b" + "y" * 1000}, {"a": "x" * 1000 + "c" + "y" * 1000})

    assert sentence == (
        f'/a: expected "…{"x" * 40}b{"y" * 79}…", got "…{"x" * 40}c{"y" * 79}…"'  # 120 characters of each
    )


def test_invisible_characters_are_reported_as_escapes() -> None:
    assert sentences("a b", "a\u00a0b\u200b") == ['expected "a b", got "a\\u00a0b\\u200b"']
    assert sentences("é", "e\u0301") == ['expected "\\u00e9", got "e\\u0301"']


def test_too_deep_nesting_is_a_mismatch_and_does_not_crash() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]

    assert not compare(deep, deep).matches
    assert sentences({"a": 1}, {"a": deep}) == [
        "/a: expected 1, got a value that is nested too deeply to show"
    ]


def test_of_frames_that_do_not_match_the_closest_has_the_same_type_and_the_fewest_differences() -> None:
    expected = {"type": 3, "status": 200, "id": "1"}
    same_type, other_type = {"type": 3, "status": 400}, {"type": 1, "status": 200, "id": "1"}

    assert closest(expected, [other_type, same_type, "text"], schemas=SCHEMAS) == 1
    assert closest(expected, ["text", other_type], schemas=SCHEMAS) == 1
    assert closest(expected, [], schemas=SCHEMAS) is None


def test_of_frames_that_are_equally_close_the_newest_is_shown() -> None:
    assert closest({"status": 200}, [{"status": 400}, {"status": 401}], schemas=SCHEMAS) == 1


def test_a_frame_that_could_not_be_read_is_compared_like_any_other() -> None:
    assert closest({"a": 1}, [ValueError("not UTF-8"), {"a": 2}], schemas=SCHEMAS) == 1
    assert closest({"a": 1}, [ValueError("not UTF-8")], schemas=SCHEMAS) == 0


def test_a_frame_is_compared_with_the_closest_expectation() -> None:
    expected = [{"type": 1, "status": 200}, {"type": 3, "status": 200, "id": "1"}, {"type": 3, "status": 400}]

    assert closest_expectation(expected, {"type": 3, "status": 500}, schemas=SCHEMAS) == 2
    assert closest_expectation(expected, {"type": 3, "id": "1"}, schemas=SCHEMAS) == 1
    assert closest_expectation([1, 2], 3, schemas=SCHEMAS) == 0
    assert closest_expectation([], 3, schemas=SCHEMAS) is None


def test_the_closest_text_is_the_one_most_like_it() -> None:
    assert closest("say hello alice", ["say hello bob", "bye", "x"], schemas=SCHEMAS) == 0


def test_exactness_counts_for_the_closest_frame() -> None:
    candidates = [{"a": 2}, {"a": 1, "b": 1, "c": 1}]

    assert closest({"a": 1}, candidates, exact=True, schemas=SCHEMAS) == 0


def test_a_sentence_without_a_path_is_about_the_whole_frame() -> None:
    assert Mismatch("", "1", "2").sentence == "expected 1, got 2"


def test_every_operator_is_in_the_documentation_and_every_documented_one_is_there() -> None:
    text = (CHECKOUT / "docs" / "scenarios.md").read_text()
    section = text.partition("\n## Matching\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)

    assert {name for row in rows for name in re.findall(r'"(\$\w+)"', row)} == set(OPERATORS)


QUICKLY = settings(max_examples=60, deadline=None, database=None)


@QUICKLY
@given(PLAIN)
def test_any_value_matches_itself_exactly_and_as_a_subset(value: Any) -> None:
    assert compare(value, value).matches
    assert compare(value, value, exact=True).matches


@QUICKLY
@given(VALUES)
def test_any_value_matches_itself_literally(value: Any) -> None:
    assert compare({"$literal": value}, value).matches


@QUICKLY
@given(PLAIN, st.data())
def test_an_expectation_may_omit_any_keys(value: Any, data: st.DataObject) -> None:
    def thinned(part: Any) -> Any:
        match part:
            case list():
                return [thinned(item) for item in part]
            case dict():
                return {key: thinned(item) for key, item in part.items() if data.draw(st.booleans())}
        return part

    assert compare(thinned(value), value).matches


@QUICKLY
@given(VALUES, VALUES)
def test_no_two_values_make_it_raise_and_an_exact_match_is_a_match(expected: Any, got: Any) -> None:
    assert compare(expected, got).matches or not compare(expected, got, exact=True).matches


OPERANDS = st.sampled_from(sorted(OPERATORS))
EXPECTATIONS = st.recursive(
    VALUES,
    lambda inner: st.dictionaries(OPERANDS, inner | st.lists(inner, max_size=3), min_size=1, max_size=2),
    max_leaves=6,
)


@QUICKLY
@given(EXPECTATIONS, VALUES)
def test_no_expectation_makes_it_raise_however_little_sense_it_makes(expected: Any, got: Any) -> None:
    found = compare(expected, got)

    assert found.matches or not found.captures
