"""Where the values of a JSON text stand, and which texts are no document."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chateau.client.strict_json import Keys, decode_document

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
QUICKLY = settings(max_examples=60, deadline=None, database=None)


def locate(text: str) -> dict[Keys, int]:
    return decode_document(text)[1]


def test_each_value_has_the_line_on_which_it_begins() -> None:
    text = '\n{"a":\n  [1,\n\n   {"b": "x\\"]}", "c d": null}],\n "e": -1.5e3\n}\n'

    assert locate(text) == {
        (): 2,
        ("a",): 3,
        ("a", 0): 3,
        ("a", 1): 5,
        ("a", 1, "b"): 5,
        ("a", 1, "c d"): 5,
        ("e",): 6,
    }


@pytest.mark.parametrize("text", ['"a"', " 1 ", "null", "[]", "{}", "\t{ }"])
def test_a_text_of_one_value_has_one_place(text: str) -> None:
    assert locate(text) == {(): 1}


def test_empty_containers_and_those_after_them_keep_their_places() -> None:
    assert locate('[{},[],\n{"a":{},"b":[[]]}]') == {
        (): 1,
        (0,): 1,
        (1,): 1,
        (2,): 2,
        (2, "a"): 2,
        (2, "b"): 2,
        (2, "b", 0): 2,
    }


def test_a_key_is_the_one_that_its_escapes_stand_for() -> None:
    assert locate('{"a\\u0062\\n": 1, "\\ud83d\\ude00": 2}') == {(): 1, ("ab\n",): 1, ("😀",): 1}


def test_the_lines_of_a_windows_file_are_counted_once() -> None:
    assert locate("[\r\n1,\r\n2]") == {(): 1, (0,): 2, (1,): 3}


def test_comments_may_stand_several_times() -> None:
    text = '{"//": "one",\n "a": 1,\n "//": "two"}'

    assert decode_document(text)[0] == {"//": "two", "a": 1}
    assert locate(text)[("a",)] == 2


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ('{"a": 1,\n  "b": {"c": 1,\n "c": 2}}', 'Duplicate key "c"', 3, 2),
        ('{"a": 1, "\\u0061": 2}', 'Duplicate key "a"', 1, 10),
        ('[{"": {}, "": []}]', 'Duplicate key ""', 1, 11),
        ('{"a": }', "Expecting value", 1, 7),
        ("[1,\n NaN]", "NaN is not JSON", 2, 2),
        ("[" * 130 + "]" * 130, "Nested more than 128 levels deep", 1, 130),
        ("[" * 100_000, "Nested too deeply", 1, 1),
        ('{"a":' * 500 + "1" + "}" * 500, "Nested more than 128 levels deep", 1, 646),
    ],
)
def test_decode_document_reports_the_position_of_an_error(
    text: str, message: str, line: int, column: int
) -> None:
    with pytest.raises(json.JSONDecodeError) as raised:
        decode_document(text)

    assert (raised.value.msg, raised.value.lineno, raised.value.colno) == (message, line, column)


@pytest.mark.parametrize(
    "text", ['[{"a": 1}, {"a": 2}]', '{"a": {"a": 1}}', '{"a": ["a", "a"]}', "[" * 128 + "]" * 128]
)
def test_the_same_key_may_be_in_another_object(text: str) -> None:
    assert decode_document(text)[0] == json.loads(text)


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def paths_of(value: Any) -> set[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {()} | {(step, *rest) for step, item in items for rest in paths_of(item)}


@QUICKLY
@given(VALUES, st.sampled_from([None, 0, 2]), st.booleans())
def test_every_value_is_found_on_the_line_where_it_begins(
    value: Any, indent: int | None, only_ascii: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=only_ascii)
    decoded, found = decode_document(text)
    lines = text.split("\n")

    assert decoded == value
    assert set(found) == paths_of(value)
    for path, line in found.items():
        part = at(value, path)
        begins = part and {dict: "{", list: "["}.get(type(part))
        assert (begins or json.dumps(part, ensure_ascii=only_ascii)) in lines[line - 1]


@QUICKLY
@given(st.text(alphabet='{}[]:,"\\ a1\n/', max_size=30))
def test_any_text_is_located_or_rejected(text: str) -> None:
    with suppress(json.JSONDecodeError):
        assert () in locate(text)
