"""Scenario files are checked before anything is sent, and every fault is reported with its line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from client_process import CHECKOUT
from jsonschema import Draft202012Validator

from chateau.client.scenarios.load import BadScenario, is_scenario, kinds, load
from chateau.client.scenarios.model import Visibility, every_step

PAGE = (CHECKOUT / "docs" / "scenarios.md").read_text("utf-8")
SCHEMA = json.loads((CHECKOUT / "schemas" / "scenario.json").read_bytes())


def written(
    folder: Path, *steps: str, clients: str = '"alice": {"protocol": "chateau"}', more: str = ""
) -> Path:
    """A file in which the first of *steps* stands in line 5."""
    lines = ",\n".join(steps)
    path = folder / "scenario.json"
    path.write_text(
        f'{{\n"name": "x",{more}\n"clients": {{{clients}}},\n"steps": [\n{lines}\n]\n}}\n', "utf-8"
    )
    return path


def fault(path: Path) -> str:
    with pytest.raises(BadScenario) as caught:
        load(path)
    return str(caught.value).removeprefix(f"{path}, ")


def test_the_example_of_the_docs_is_a_scenario(tmp_path: Path) -> None:
    (example, *_) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "hello.json"
    path.write_text(example, "utf-8")

    scenario = load(path)

    assert scenario.points == 2
    assert [step.kind for step in scenario.steps] == [
        "send",
        "expect",
        "send",
        "expect",
        "send",
        "expect",
        "expect",
    ]
    assert scenario.steps[4].location.line == 16


def test_the_schema_is_one_and_each_of_its_examples_keeps_to_it() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for example in SCHEMA["examples"]:
        Draft202012Validator(SCHEMA).validate(example)


@pytest.mark.parametrize("key", [key for key in SCHEMA["properties"] if key not in {"$schema", "//"}])
def test_every_key_of_a_scenario_is_in_the_page(key: str) -> None:
    assert f"| `{key}` |" in PAGE


@pytest.mark.parametrize("key", [key for key in SCHEMA["$defs"]["client"]["properties"] if key != "//"])
def test_every_key_of_a_client_is_in_the_page(key: str) -> None:
    assert f"| `{key}` |" in PAGE


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_of_step_is_in_the_schema_and_every_key_of_it_in_the_page(kind: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f'| `"{kind}": '))

    keys = set(SCHEMA["$defs"][kind]["properties"]) - {kind, "//"}

    assert kind in SCHEMA["$defs"]["step"]["dependentSchemas"]
    assert {key for key in keys if f"`{key}`" not in row} == set()


def test_a_file_with_steps_is_a_scenario_and_others_are_not(tmp_path: Path) -> None:
    for name, text in {"a": '{"steps": 1}', "b": '{"type": 1}', "c": "[]", "d": "{", "e": '"steps"'}.items():
        (tmp_path / name).write_text(text)

    assert [name for name in "abcdef" if is_scenario(tmp_path / name)] == ["a"]


def test_comments_may_stand_anywhere_and_more_than_once(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '{"//": "one", "//": "two"}',
        '{"//": "why", "send": {"type": 1, "//": "not sent"}}',
        '{"parallel": [[{"//": "nothing"}]]}',
        clients='"//": "us", "alice": {"//": "first", "protocol": "chateau"}',
        more='"//": "x", "//": "y",',
    )

    scenario = load(path)

    assert [step.kind for step in scenario.steps] == ["send", "parallel"]
    assert scenario.steps[0].value == {"type": 1}
    assert list(scenario.clients) == ["alice"]


def test_a_step_without_a_client_belongs_to_the_only_one(tmp_path: Path) -> None:
    scenario = load(written(tmp_path, '{"send": "x"}', '{"close": "alice"}', '{"http": "GET /"}'))

    assert [step.clients for step in scenario.steps] == [("alice",), ("alice",), ("http",)]


def test_steps_inside_steps_keep_their_lines(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '{"parallel": [[\n{"barrier": "in"}],\n[{"repeat": 2, "steps": [\n{"sleep": 0}]}]]}',
    )

    lines = {step.kind: step.location.line for step in every_step(load(path).steps)}

    assert lines == {"parallel": 5, "barrier": 6, "repeat": 7, "sleep": 8}


def test_load_applies_the_documented_defaults(tmp_path: Path) -> None:
    scenario = load(written(tmp_path))

    assert (scenario.points, scenario.visibility, scenario.timeout_seconds) == (1, Visibility.VISIBLE, 60)
    assert not scenario.strict
    assert not scenario.alone


FAULTS: dict[str, tuple[str, str]] = {
    "an unknown step": ('{"expectt": 1}', 'line 5: a step has one of connect, .* did you mean "expect"'),
    "two steps in one": (
        '{"send": 1, "expect": 2}',
        "line 5: a step does one thing, and this one has send and expect",
    ),
    "an unknown key": (
        '{"send": 1, "cliend": "alice"}',
        'line 5: unknown key "cliend"; did you mean "client"',
    ),
    "an unknown client": (
        '{"send": 1, "client": "alise"}',
        'line 5: there is no client "alise"; expected one of: alice; did you mean "alice"',
    ),
    "a wrong type": ('{"expect": 1, "within": "3"}', "line 5: '3' is not of type 'number'"),
    "a repeat of nothing": ('{"repeat": 3}', 'line 5: "steps" is missing'),
    "a barrier outside": ('{"barrier": "x"}', "line 5: a barrier is only allowed in the lists of a parallel"),
    "a barrier in a repeat outside": (
        '{"repeat": 1, "steps": [\n{"barrier": "x"}]}',
        "line 6: a barrier is only allowed in the lists of a parallel",
    ),
    "a wrong pattern": ('{"expect": {\n"a": {"$regex": "("}}}', r'line 6: "\(" is not a valid pattern'),
    "an unknown operator": ('{"expect": {"a": {"$regx": "x"}}}', r"line 5: unknown operator \$regx"),
    "a wrong pattern in an answer": (
        '{"http": "GET /", "answer": {"$regex": "("}}',
        "line 5: .* is not a valid pattern",
    ),
    "a wrong repeat": ('{"send": {"$repeat": "x", "$times": "y"}}', r"line 5: .*\$times"),
    "a wrong close code": ('{"close": "alice", "code": 12}', "line 5: 12 is less than the minimum of 1000"),
    "an http step without a method": ('{"http": "/x"}', "line 5: '/x' does not match"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_load_reports_a_fault_with_its_line(name: str, tmp_path: Path) -> None:
    step, sentence = FAULTS[name]

    assert re.match(sentence, fault(written(tmp_path, step)))


def test_load_reports_the_first_of_several_faults(tmp_path: Path) -> None:
    assert fault(written(tmp_path, '{"sleep": 0}', '{"sleep": -1}', '{"sleep": -2}')).startswith("line 6: ")


def test_a_client_has_to_be_named_where_there_are_two(tmp_path: Path) -> None:
    both = '"alice": {"protocol": "chateau"}, "bob": {"protocol": "lines"}'

    assert fault(written(tmp_path, '{"send": 1}', clients=both)) == (
        'line 5: "client" is missing; expected one of: alice, bob'
    )


@pytest.mark.parametrize(
    ("client", "sentence"),
    [
        ('{"protocol": "channels"}', "line 3: a client of channels needs a channel"),
        ('{"protocol": "lines", "channel": "x"}', "line 3: only a client of channels has a channel"),
        ('{"protocol": "tel net"}', "line 3: 'tel net' does not match"),
        ("{}", 'line 3: "protocol" is missing'),
    ],
)
def test_load_rejects_an_invalid_client(client: str, sentence: str, tmp_path: Path) -> None:
    assert fault(written(tmp_path, clients=f'"alice": {client}')).startswith(sentence)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"name": "x",\n"steps": [}', "line 2: not JSON: "),
        (b'{"name": "x",\n"name": "y", "steps": []}', 'line 2: not JSON: Duplicate key "name"'),
        (b'{"steps": []}', 'line 1: "name" is missing'),
        (b'{"name": "x", "steps": 1}', "line 1: 1 is not of type 'array'"),
        (b"\n\n\xff", "line 3: not UTF-8"),
        (b"[1]", "line 1: [1] is not of type 'object'"),
    ],
)
def test_load_rejects_an_invalid_file(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    path.write_bytes(content)

    assert fault(path).startswith(sentence)


def test_load_rejects_a_missing_file(tmp_path: Path) -> None:
    assert fault(tmp_path / "none.json") == "line 1: No such file or directory"


def every_property(schema: Any) -> list[dict[str, Any]]:
    """Every property that *schema* describes, at any depth."""
    if isinstance(schema, list):
        return [found for item in schema for found in every_property(item)]
    if not isinstance(schema, dict):
        return []
    own = [value for value in schema.get("properties", {}).values() if isinstance(value, dict)]
    return own + [found for value in schema.values() for found in every_property(value)]


def test_every_property_of_the_schema_is_described_for_editors() -> None:
    def described(part: dict[str, Any]) -> bool:
        target = SCHEMA["$defs"].get(part.get("$ref", "").removeprefix("#/$defs/"), {})
        return bool(part.get("description") or target.get("description"))

    assert [part for part in every_property(SCHEMA) if not described(part)] == []
