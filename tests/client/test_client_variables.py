"""Variables in the strings of a step, and `$repeat` for long strings."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chateau.client.scenarios.lint import Flaw
from chateau.client.scenarios.values import (
    BadContent,
    UnknownVariable,
    expand_repeats,
    fill,
    names_in,
    repeat_flaws_of,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
VARIABLES = {"n": 3, "name": "alice", "list": [1, "é"], "none": None, "yes": True, "tricky": "${name}"}


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("${n}", 3),
        ("${none}", None),
        ("${list}", [1, "é"]),
        ("a ${n}", "a 3"),
        ("${n}${n}", "33"),
        ("${name}-${yes}-${none}", "alice-true-null"),
        ("is ${list}", 'is [1, "é"]'),
        ("$${n}", "${n}"),
        ("$$${n}", "$${n}"),
        ("$${n} ${n}", "${n} 3"),
        ("${tricky}", "${name}"),  # what is filled in is not looked at again
        ("x${tricky}", "x${name}"),
        ("$n {n} $ ${", "$n {n} $ ${"),
        (["${n}", {"${name}": {"a": "${yes}"}}], [3, {"alice": {"a": True}}]),
        ({"x-${n}": 1}, {"x-3": 1}),
        ({"${n}": 1}, {"3": 1}),
        ({"a": {"$literal": {"${n}": ["${n}", "$${n}"]}}}, {"a": {"$literal": {"${n}": ["${n}", "$${n}"]}}}),
        ({"$literal": "${n}", "$capture": "${name}"}, {"$literal": "${n}", "$capture": "alice"}),
        ({"$regex": "^${name}$"}, {"$regex": "^alice$"}),
    ],
    ids=repr,
)
def test_variables_are_filled_in(value: Any, filled: Any) -> None:
    assert fill(value, VARIABLES) == filled


def test_one_that_has_no_value_is_an_error_that_names_those_like_it() -> None:
    with pytest.raises(UnknownVariable) as raised:
        fill({"a": ["${nmae}"]}, VARIABLES)

    assert raised.value.name == "nmae"
    assert raised.value.near == ("name",)
    assert str(raised.value) == "${nmae} has no value; did you mean ${name}?"


@pytest.mark.parametrize("text", ["${zzzz}", "a ${zzzz} b", "${ n }", "${}", "${a b}"])
def test_a_reference_to_an_unknown_variable_is_rejected(text: str) -> None:
    with pytest.raises(UnknownVariable):
        fill({text: 1}, VARIABLES)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("${a}", {"a"}),
        ("${a} $${b} ${c}", {"a", "c"}),
        ({"${a}": ["${b}", 1, None]}, {"a", "b"}),
        ({"$literal": "${a}", "x": "${b}"}, {"b"}),
        ([], set()),
        ({}, set()),
    ],
)
def test_the_names_are_those_that_filling_in_needs(value: Any, names: set[str]) -> None:
    assert names_in(value) == names
    assert fill(value, dict.fromkeys(names, "x")) is not None


QUICKLY = settings(max_examples=60, deadline=None, database=None)


@QUICKLY
@given(VALUES.filter(lambda value: "${" not in json.dumps(value)))
def test_a_value_without_variables_stays_as_it_is(value: Any) -> None:
    assert fill(value, {}) == value
    assert names_in(value) == set()


@QUICKLY
@given(VALUES)
def test_a_literal_is_not_filled_in(value: Any) -> None:
    assert fill({"$literal": value}, {}) == {"$literal": value}


@QUICKLY
@given(st.text(alphabet="${}ab", max_size=12))
def test_the_names_in_a_text_are_all_that_it_needs(text: str) -> None:
    fill(text, dict.fromkeys(names_in(text), 1))


def test_a_repeat_is_expanded() -> None:
    value = {"a": [{"$repeat": "ab", "$times": 3}, {"$repeat": "x", "$times": 0}, 1], "$times": 2}

    assert expand_repeats(value) == {"a": ["ababab", "", 1], "$times": 2}


def test_a_repeat_may_be_as_long_as_64_mi_characters() -> None:
    assert len(expand_repeats({"$repeat": "a", "$times": 64 * 1024 * 1024})) == 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"$repeat": "a"}, "$repeat takes $times next to it, and no other key"),
        ({"$repeat": "a", "$times": 1, "b": 2}, "$repeat takes $times next to it, and no other key"),
        ({"$repeat": 1, "$times": 1}, "$repeat takes a string, not 1"),
        ({"$repeat": "a", "$times": -1}, "$times takes a number from 0 to 67108864, not -1"),
        ({"$repeat": "a", "$times": True}, "$times takes a number from 0 to 67108864, not true"),
        ({"$repeat": "a", "$times": 0.5}, "$times takes a number from 0 to 67108864, not 0.5"),
        ({"$repeat": "a", "$times": "3"}, '$times takes a number from 0 to 67108864, not "3"'),
        ({"$repeat": "a", "$times": 1e400}, "$times takes a number from 0 to 67108864, not Infinity"),
        ({"$repeat": "a", "$times": 67108865}, "$times takes a number from 0 to 67108864, not 67108865"),
        (
            {"$repeat": "ab", "$times": 67108864},
            "$repeat makes 134217728 characters, expected at most 67108864",
        ),
    ],
    ids=repr,
)
def test_an_invalid_repeat_is_rejected_by_lint_and_when_sent(value: Any, sentence: str) -> None:
    assert repeat_flaws_of([{"a": value}]) == [Flaw((0, "a"), sentence)]
    with pytest.raises(BadContent) as raised:
        expand_repeats([value])
    assert str(raised.value) == sentence


def test_a_repeat_whose_number_is_a_variable_is_judged_when_it_is_sent() -> None:
    value = {"$repeat": "${text}", "$times": "${n}"}

    assert repeat_flaws_of(value) == []
    assert expand_repeats(fill(value, {"text": "ab", "n": 2})) == "abab"


def test_a_repeat_in_a_literal_is_not_expanded() -> None:
    value = {"$literal": {"$repeat": "a", "$times": 3}}

    assert expand_repeats(value) == value
    assert repeat_flaws_of(value) == []
