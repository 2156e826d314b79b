"""Diffs of an expectation and a frame."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chateau.client.scenarios.diff import explain
from chateau.client.scenarios.match import match
from chateau.client.scenarios.schemas import Schemas

SCHEMAS = Schemas()


def diff(expected: Any, got: Any, **options: Any) -> list[str]:
    found = match(expected, got, schemas=SCHEMAS, **options)
    return list(explain(expected, got, found.mismatches)[1])


def drawn(text: str) -> list[str]:
    """The lines of *text* as they stand in a test, from the first one on."""
    return [line[8:] for line in text.splitlines()[1:-1]]


def test_a_diff_shows_both_values_and_other_keys_as_context() -> None:
    expected = {"type": 3, "status": 200, "id": {"$regex": "^[0-9]+$"}, "room": "lobby"}
    got = {"more": [1, 2], "status": 400, "type": 3, "id": "17"}

    assert diff(expected, got) == drawn("""
         {
           "type": 3,
        -  "status": 200,
        +  "status": 400,
           "id": "17",
        -  "room": "lobby",
           "more": [1, 2]
         }
    """)


def test_an_operator_that_does_not_match_is_shown_as_it_is_written() -> None:
    assert diff({"id": {"$capture": "id", "$regex": "^[0-9]+$"}}, {"id": "x"}) == drawn("""
         {
        -  "id": {"$capture": "id", "$regex": "^[0-9]+$"}
        +  "id": "x"
         }
    """)


def test_keys_that_an_exact_match_does_not_allow_are_differences() -> None:
    assert diff({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}, exact=True) == drawn("""
         {
           "a": {
             "b": 1,
        +    "c": 2
           },
        +  "d": 3
         }
    """)


def test_the_operand_of_exact_is_shown_key_by_key() -> None:
    assert diff({"$exact": {"a": 1, "b": {"$any": True}}}, {"a": 2, "b": 3, "c": 4}) == drawn("""
         {
        -  "a": 1,
        +  "a": 2,
           "b": 3,
        +  "c": 4
         }
    """)


def test_a_key_that_should_be_absent_is_shown_with_its_operator() -> None:
    assert diff({"a": {"$absent": True}, "b": {"$absent": True}}, {"a": 1}) == drawn("""
         {
        -  "a": {"$absent": true}
        +  "a": 1
         }
    """)


def test_arrays_of_one_length_are_shown_item_by_item() -> None:
    assert diff([1, {"a": 1}, 3], [1, {"a": 2, "b": 3}, 3]) == drawn("""
         [
           1,
           {
        -    "a": 1,
        +    "a": 2,
             "b": 3
           },
           3
         ]
    """)


def test_of_arrays_of_different_length_the_middle_is_shown() -> None:
    assert diff({"members": ["a", {"$any": True}, "c", "d"]}, {"members": ["a", "b", "d"]}) == drawn("""
         {
           "members": [
             "a",
             "b",
        -    "c",
             "d"
           ]
         }
    """)
    assert diff([], [1]) == drawn("""
         [
        +  1
         ]
    """)


def test_values_of_different_kinds_stand_one_after_the_other() -> None:
    assert diff({"a": {"b": {"c": 1}}}, {"a": []}) == drawn("""
         {
        -  "a": {
        -    "b": {"c": 1}
        -  }
        +  "a": []
         }
    """)


def test_a_violation_is_shown_next_to_the_schema() -> None:
    assert diff({"a": {"$schema": {"items": {"type": "null"}}}}, {"a": [None, 1]}) == drawn("""
         {
        -  "a": {"$schema": {"items": {"type": "null"}}}
        +  "a": [null, 1]
         }
    """)


@pytest.mark.parametrize(
    ("expected", "got", "lines"),
    [
        ("hello", "hallo", ["-hello", "+hallo"]),
        ("hello", "hello\r\n", ["-hello", r"+hello\r\n"]),
        ("a\nb\nc", "a\nB\nc", [r" a\n", r"-b\n", r"+B\n", " c"]),
        ("a\nb\n", "a\r\nb\r\n", [r"-a\n", r"-b\n", r"+a\r\n", r"+b\r\n"]),
        ("a ", "a", [r"-a\u0020", "+a"]),
        ("a b", "a\u00a0b", ["-a b", r"+a\u00a0b"]),
        ("a\tb", "a\\tb", [r"-a\tb", r"+a\\tb"]),
        ("é", "e\u0301", [r"-\u00e9", r"+e\u0301"]),
        ("", "x", ["-", "+x"]),
        ("x", "", ["-x", "+"]),
        ("a\n", "a\nb\n", [r" a\n", r"+b\n"]),
        ({"a": 1}, "no", ['-{"a": 1}', "+no"]),
        ({"$regex": "^a"}, "b\r", ['-{"$regex": "^a"}', r"+b\r"]),
        ("text", {"a": 1}, ["-text", '+{"a": 1}']),
        ({"$any": True}, "fine", [" fine"]),
        ("same", "same", [" same"]),
        (1, 2, ["-1", "+2"]),
    ],
    ids=repr,
)
def test_texts_are_shown_as_texts_with_invisible_characters_escaped(
    expected: Any, got: Any, lines: list[str]
) -> None:
    assert diff(expected, got) == lines


def test_without_a_frame_only_the_expectation_is_shown() -> None:
    assert explain({"a": 1}, None, None) == ((), ('-{"a": 1}',))
    assert explain("hello\n", None, None) == ((), (r"-hello\n",))


def test_a_long_string_is_shown_where_it_differs() -> None:
    lines = diff({"a": "x" * 5000 + "1" + "y" * 90}, {"a": "x" * 5000 + "2"})

    assert lines[1:3] == [f'-  "a": "…{"x" * 40}1{"y" * 79}…"', f'+  "a": "…{"x" * 40}2"']


def test_a_long_string_that_is_not_in_question_is_cut() -> None:
    lines = diff({"a": 1}, {"a": 2, "b": "x" * 5000})

    assert lines[3] == f'   "b": "{"x" * 119}…"'


def test_a_path_with_a_line_end_in_it_stays_on_one_line() -> None:
    found = match({}, {"\r": None}, exact=True, schemas=SCHEMAS)

    assert explain({}, {"\r": None}, found.mismatches)[0] == (r"/\r: not expected (exact)",)


def test_of_many_sentences_ten_are_shown() -> None:
    expected, got = {str(key): 1 for key in range(17)}, {str(key): 2 for key in range(17)}
    found = match(expected, got, schemas=SCHEMAS)

    differences, _ = explain(expected, got, found.mismatches)

    assert differences[9:] == ("/9: expected 1, got 2", "… and 7 more")


def test_a_long_frame_is_reduced_to_the_differences() -> None:
    got = {f"k{number}": number for number in range(500)}

    lines = diff({"k250": -1}, {**got, "k250": 0})

    assert len(lines) <= 60
    assert '-  "k250": -1,' in lines
    assert lines[-1] == " …"


def test_the_received_value_is_shown_next_to_a_long_expectation() -> None:
    lines = diff({"a": {f"k{number}": number for number in range(500)}}, {"a": 7, "b": list(range(500))})

    assert len(lines) <= 60
    assert '+  "a": 7,' in lines
    assert "-  …" in lines


def test_no_frame_is_shown_on_more_than_sixty_lines() -> None:
    expected = [{"a": number, "b": [number]} for number in range(300)]
    got = [{"a": number, "b": [number + number % 5]} for number in range(300)]

    assert len(diff(expected, got)) == 60
    assert len(diff(expected, "\n".join(map(str, range(500))))) <= 60
    assert len(diff("a\nb\n" * 300, "b\na\n" * 300)) <= 60


def test_too_deep_nesting_is_not_shown_and_does_not_crash() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]

    assert diff({"a": 1}, {"a": 2, "b": deep}) == [
        '-{"a": 1}',
        "+a value that is nested too deeply to show",
    ]


NAMES = st.text(max_size=3) | st.sampled_from(
    ["$any", "$not", "$exact", "$contains", "$one_of", "$literal", "a"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, database=None)
@given(VALUES, VALUES, st.booleans())
def test_any_two_values_can_be_shown(expected: Any, got: Any, exact: bool) -> None:
    found = match(expected, got, exact=exact, schemas=SCHEMAS)

    differences, lines = explain(expected, got, found.mismatches)

    signs = {line[0] for line in lines}
    assert signs <= set("-+ ")
    assert found.matches == (signs == {" "}) == (differences == ())
    assert all("\n" not in line and "\r" not in line for line in (*lines, *differences))


@settings(max_examples=60, deadline=None, database=None)
@given(st.text(alphabet="ab \r\n\t\\\u2028é\u0301"), st.text(alphabet="ab \r\n\t\\\u2028é\u0301"))
def test_two_texts_that_differ_never_look_the_same(expected: str, got: str) -> None:
    lines = explain(expected, got, match(expected, got, schemas=SCHEMAS).mismatches)[1]

    wanted = [line[1:] for line in lines if line[0] in "- "]
    came = [line[1:] for line in lines if line[0] in "+ "]
    assert (wanted == came) == (expected == got)
