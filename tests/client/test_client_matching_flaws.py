"""What is wrong with an expectation as it is written."""

from pathlib import Path
from typing import Any

import pytest

from chateau.client.scenarios.lint import Flaw, flaws_of, without_comments
from chateau.client.scenarios.match import OPERANDS, OPERATORS
from chateau.client.scenarios.schemas import Schemas

SCHEMAS = Schemas()

FLAWED: list[tuple[Any, tuple[str | int, ...], str]] = [
    ({"a": {"$regx": "x"}}, ("a", "$regx"), "unknown operator $regx; did you mean $regex?"),
    (
        {"$zzz": 1},
        ("$zzz",),
        'unknown operator $zzz; to match a key of this name, use {"$literal": …}',
    ),
    (
        {"a": {"$any": True, "b": 1}},
        ("a", "b"),
        'the key "b" cannot be combined with operators in one object',
    ),
    (
        [{"a": {"$regex": "("}}],
        (0, "a", "$regex"),
        '"(" is not a valid pattern: missing ), unterminated subpattern at position 0',
    ),
    ({"$regex": 1}, ("$regex",), "$regex takes a pattern, not 1"),
    ({"$any": 1}, ("$any",), "$any takes true, not 1"),
    ({"a": {"$absent": False}}, ("a", "$absent"), "$absent takes true, not false"),
    (
        [{"$absent": True}],
        (0, "$absent"),
        "$absent is only allowed as the value of a key",
    ),
    (
        {"a": {"$contains": {"$absent": True}}},
        ("a", "$contains", "$absent"),
        "$absent is only allowed as the value of a key",
    ),
    (
        {"$type": "text"},
        ("$type",),
        '$type takes string, integer, number, boolean, null, array, object or a list of these, not "text"',
    ),
    (
        {"$type": []},
        ("$type",),
        "$type takes string, integer, number, boolean, null, array, object or a list of these, not []",
    ),
    ({"$gt": None}, ("$gt",), "$gt takes a number or a string, not null"),
    ({"$lt": True}, ("$lt",), "$lt takes a number or a string, not true"),
    ({"$length": -1}, ("$length",), "$length takes a number of characters, items or keys, not -1"),
    ({"$length": 1.5}, ("$length",), "$length takes a number of characters, items or keys, not 1.5"),
    ({"$one_of": []}, ("$one_of",), "$one_of takes a list of alternatives, not []"),
    ({"$one_of": {"a": 1}}, ("$one_of",), '$one_of takes a list of alternatives, not {"a": 1}'),
    ({"$one_of": [1, {"$gr": 1}]}, ("$one_of", 1, "$gr"), "unknown operator $gr; did you mean $gt?"),
    (
        {"$not": {"$length": "x"}},
        ("$not", "$length"),
        '$length takes a number of characters, items or keys, not "x"',
    ),
    ({"$exact": {"a": {"$gt": []}}}, ("$exact", "a", "$gt"), "$gt takes a number or a string, not []"),
    ({"$capture": "a-b"}, ("$capture",), '$capture takes a name of letters, digits and _, not "a-b"'),
    ({"$capture": "1a"}, ("$capture",), '$capture takes a name of letters, digits and _, not "1a"'),
    ({"$capture": "${a}"}, ("$capture",), '$capture takes a name of letters, digits and _, not "${a}"'),
    (
        {"a": {"$capture": "x"}, "b": [{"$capture": "x"}]},
        ("b", 0, "$capture"),
        "x is captured twice in one frame",
    ),
    ({"$schema": 3}, ("$schema",), "$schema takes the name of a file or a schema, not 3"),
    (
        {"$schema": "no.json"},
        ("$schema",),
        "there is no schema no.json, neither in schemas/ nor next to the scenario",
    ),
    (
        {"$schema": {"type": "text"}},
        ("$schema",),
        "it is not a valid schema: $.type: 'text' is not valid under any of the given schemas",
    ),
    (
        {"$schema": {"pattern": "("}},
        ("$schema",),
        "it is not a valid schema: $.pattern: '(' is not a 'regex'",
    ),
    (
        {"$schema": {"items": {"$ref": "chateau/no.json"}}},
        ("$schema",),
        "its $ref chateau/no.json cannot be resolved",
    ),
    (
        {"$schema": {"$ref": "chateau/common.json#/$defs/no"}},
        ("$schema",),
        "its $ref chateau/common.json#/$defs/no cannot be resolved",
    ),
]


@pytest.mark.parametrize(("expected", "path", "sentence"), FLAWED, ids=repr)
def test_lint_reports_a_flaw_with_its_path(expected: Any, path: tuple[str | int, ...], sentence: str) -> None:
    assert flaws_of(expected, schemas=SCHEMAS) == [Flaw(path, sentence)]


@pytest.mark.parametrize(
    "expected",
    [
        None,
        {"a": [1, {"b": "$any"}]},
        {"a": {"$absent": True}, "b": {"$one_of": [{"$absent": True}, 1]}},
        {"a": {"$not": {"$absent": True}}},
        {"$literal": {"$zzz": 1, "$any": 2}},
        {"${name}": 1, "$${name}": 2},
        {"$length": "${n}", "$type": "${type}", "$gt": "${n}", "$regex": "(${name}"},
        {"$type": ["null", "${type}"]},
        {"$one_of": "${choices}"},
        {"$any": "${yes}"},
        {"$schema": "${name}.json"},
        {"$schema": {"type": "${type}"}},
        {"$schema": "chateau/join-response.json"},
        {"$schema": {"$ref": "chateau/common.json#/$defs/room"}},
        {"$regex": "^[0-9]+$", "$capture": "id_1"},
        {"//": "a comment", "$any": True},
        {"$one_of": [{"a": {"$capture": "x"}}, {"b": {"$capture": "x"}}]},
        [{"a": {"$capture": "x"}}, {"a": {"$capture": "x"}}],
        {"a": {"$capture": "x"}, "b": {"$not": {"$literal": {"$capture": "x"}}}},
    ],
    ids=repr,
)
def test_lint_accepts_valid_operands_and_variables(expected: Any) -> None:
    assert flaws_of(expected, schemas=SCHEMAS) == []


def test_lint_reports_all_flaws() -> None:
    found = flaws_of({"a": {"$regx": "x"}, "b": [{"$gt": None}]}, schemas=SCHEMAS)

    assert [flaw.path for flaw in found] == [("a", "$regx"), ("b", 0, "$gt")]


def test_every_operator_has_a_check_or_takes_anything() -> None:
    assert set(OPERATORS) - set(OPERANDS) == {"$contains", "$not", "$exact", "$literal"}


def test_comments_are_dropped_at_every_level() -> None:
    value = {"//": 1, "a": [{"//": {"b": 2}, "c": 3}, "//"], "$literal": {"//": "x"}}

    assert without_comments(value) == {"a": [{"c": 3}, "//"], "$literal": {}}


def test_every_schema_of_the_checkout_can_be_used() -> None:
    folder = Path(__file__).parents[2] / "schemas"
    names = [str(path.relative_to(folder)) for path in folder.glob("*/*.json")]

    assert [name for name in names if SCHEMAS.flaw(name)] == []
    assert len(names) > 60
