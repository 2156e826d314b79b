"""The proxy's rules file and its flags: what they mean, and how a wrong one is told."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import pytest
from client_process import CHECKOUT
from jsonschema import Draft202012Validator

from chateau.client.app import main
from chateau.client.proxy.command import add_arguments
from chateau.client.proxy.connection import Server
from chateau.client.proxy.flags import flag_rules
from chateau.client.proxy.frame import DATA, Kind, Speech, Way
from chateau.client.proxy.rule import Cut, Do, Ending, Rule, When
from chateau.client.proxy.rules_file import RulesError, read_rules, rules

SCHEMA = json.loads((CHECKOUT / "schemas" / "proxy-rules.json").read_text("utf-8"))
PAGE = (CHECKOUT / "docs" / "proxy.md").read_text("utf-8")

ANYTHING = When()


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(["--to", "localhost:8888", *arguments])


def properties(schema: Any) -> list[dict[str, Any]]:
    """Every property that *schema* describes, at any depth."""
    if isinstance(schema, list):
        return [one for inner in schema for one in properties(inner)]
    if not isinstance(schema, dict):
        return []
    own = list(schema.get("properties", {}).values())
    return own + [one for key, inner in schema.items() if key != "examples" for one in properties(inner)]


def test_the_schema_is_a_valid_one_and_describes_every_property() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert SCHEMA["$id"] == "http://localhost:8888/schemas/proxy-rules.json"
    undescribed = [one for one in properties(SCHEMA) if not {"description", "$ref"} & one.keys()]
    assert undescribed == []


@pytest.mark.parametrize("example", SCHEMA["examples"], ids=json.dumps)
def test_the_schemas_examples_are_rules(example: Any) -> None:
    assert len(rules(example)) == len(example)


def test_every_example_of_the_page_is_a_rules_file() -> None:
    examples = re.findall(r"```json\n(\[.*?)```", PAGE, re.DOTALL)

    assert examples
    for example in examples:
        assert rules(json.loads(example))


def test_every_key_of_a_rule_is_in_the_page() -> None:
    rule = SCHEMA["items"]["properties"]
    keys = {*rule, *rule["when"]["properties"], *rule["do"]["properties"]} - {"//"}

    assert {key for key in keys if f"`{key}`" not in PAGE} == set()


def test_every_flag_is_in_the_page() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    flags = {flag for flag in re.findall(r"--[a-z-]+", parser.format_help()) if flag != "--help"}

    assert {flag for flag in flags if f"`{flag}" not in PAGE} == set()


@pytest.mark.parametrize(
    ("when", "means"),
    [
        ({}, When()),
        ({"//": "any"}, When()),
        ({"direction": "both"}, When()),
        ({"direction": "to-client"}, When(way=Way.TO_CLIENT)),
        ({"connection": 2, "protocol": "lines"}, When(connection=2, speech=Speech.LINES)),
        ({"opcode": "ping"}, When(kinds=frozenset({Kind.PING}))),
        ({"opcode": ["ping", "text"]}, When(kinds=frozenset({Kind.PING, Kind.TEXT}))),
        ({"opcode": "any"}, When(kinds=frozenset(Kind))),
        ({"payload": "^a"}, When(payload=re.compile("^a"))),
        ({"json": {"a": [1]}, "nth": 3}, When(value={"a": [1]}, nth=3)),
        ({"from_nth": 2, "to_nth": 4}, When(from_nth=2, to_nth=4)),
    ],
)
def test_each_condition(when: dict[str, Any], means: When) -> None:
    assert rules([{"when": when, "do": {"drop": True}}]) == [Rule(means, Do(drop=True))]


@pytest.mark.parametrize(
    ("do", "means"),
    [
        ({"drop": True}, Do(drop=True)),
        ({"delay": 0.2, "jitter": 1}, Do(delay_seconds=0.2, jitter_seconds=1)),
        ({"duplicate": 2}, Do(copies=2)),
        ({"reorder": 3}, Do(overtaken_by=3)),
        ({"cut": 4}, Do(cut=4)),
        ({"cut": [1, 3]}, Do(cut=(1, 3))),
        ({"cut": "random"}, Do(cut=Cut.RANDOM)),
        ({"cut": "character"}, Do(cut=Cut.CHARACTER)),
        ({"join": 2}, Do(joined=2)),
        ({"half_close": True}, Do(ending=Ending.HALF_CLOSE)),
        ({"stall": True}, Do(ending=Ending.STALL)),
        ({"close": 1011}, Do(ending=Ending.CLOSE, code=1011)),
        ({"reset": True, "drop": True}, Do(drop=True, ending=Ending.RESET)),
    ],
)
def test_each_fault(do: dict[str, Any], means: Do) -> None:
    assert rules([{"do": do, "probability": 0.5}]) == [Rule(ANYTHING, means, 0.5)]


def test_numbers_that_json_schema_takes_for_whole_ones_are_such() -> None:
    (rule,) = rules([{"do": {"cut": [1.0, 3.0], "duplicate": 2.0, "join": 2.0, "close": 1000.0}}])

    assert rule.do == Do(copies=2, cut=(1, 3), joined=2, ending=Ending.CLOSE, code=1000)
    assert {type(one) for one in (rule.do.copies, rule.do.joined, rule.do.code, *rule.do.cut)} == {int}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("", "line 1, column 1: not JSON"),
        ('[\n  {"do": {"drop": true},}\n]', "line 2, column 2"),
        ("{}", "the top: {} is not of type 'array'"),
        ("[1]", "/0: 1 is not of type 'object'"),
        ('[{"do": {"drop": true}}, {}]', "/1: 'do' is a required property"),
        ('[{"do": {}}]', "/0/do: "),
        ('[{"do": {"drop": false}}]', "/0/do/drop: True was expected"),
        ('[{"do": {"delay": -1}}]', "/0/do/delay: -1 is less than the minimum of 0"),
        ('[{"do": {"close": 1005}}]', "/0/do/close: "),
        ('[{"do": {"explode": true}}]', "/0/do: Additional properties are not allowed ('explode' was"),
        ('[{"do": {"stall": true, "reset": true}}]', "/0/do: "),
        ('[{"do": {"drop": true}, "probability": 2}]', "/0/probability: 2 is greater than the maximum of 1"),
        ('[{"when": {"payload": "("}, "do": {"drop": true}}]', "/0/when/payload: not a regular expression"),
        ('[{"when": {"nth": 0}, "do": {"drop": true}}]', "/0/when/nth: 0 is less than the minimum of 1"),
        ('[{"do": {"delay": NaN}}]', "line 1, column 19: not JSON"),
    ],
)
def test_a_wrong_file_is_told_with_its_place_and_the_exit_code_is_2(
    content: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content)

    assert main(["proxy", "--to", "localhost:1", "--listen", "127.0.0.1:0", "--rules", str(file)]) == 2

    assert capsys.readouterr().err.startswith(f"error: {file}, {place}")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nowhere.json", "No such file"), (".", "Is a directory"), ("\0", "no name of a file")],
)
def test_a_file_that_cannot_be_read_is_told(name: str, reason: str) -> None:
    with pytest.raises(RulesError, match=reason):
        read_rules(name)


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(b"[\xff]")

    with pytest.raises(RulesError, match="byte 1: not UTF-8"):
        read_rules(str(file))


TO_SERVER = When(Way.TO_SERVER)


@pytest.mark.parametrize(
    ("flags", "means"),
    [
        ([], []),
        (["--drop", "0"], []),
        (
            ["--delay", "0.2", "--jitter", "0.1"],
            [Rule(When(kinds=frozenset(Kind)), Do(delay_seconds=0.2, jitter_seconds=0.1))],
        ),
        (["--drop", "0.5"], [Rule(ANYTHING, Do(drop=True), 0.5)]),
        (["--duplicate", "1", "--direction", "to-server"], [Rule(TO_SERVER, Do(copies=2))]),
        (["--reorder", ".1"], [Rule(ANYTHING, Do(overtaken_by=1), 0.1)]),
        (["--cut", "3"], [Rule(ANYTHING, Do(cut=3))]),
        (["--cut", "random"], [Rule(ANYTHING, Do(cut=Cut.RANDOM))]),
        (["--join", "2"], [Rule(ANYTHING, Do(joined=2))]),
        (["--stall-after", "3"], [Rule(When(nth=3), Do(ending=Ending.STALL, code=1011))]),
        (["--stall-after", "0"], [Rule(When(nth=1), Do(drop=True, ending=Ending.STALL, code=1011))]),
        (
            ["--close-after", "1", "--close-code", "4000"],
            [Rule(When(nth=1), Do(ending=Ending.CLOSE, code=4000))],
        ),
        (["--half-close-after", "1"], [Rule(When(nth=1), Do(ending=Ending.HALF_CLOSE, code=1011))]),
        (["--reset-after", "1"], [Rule(When(nth=1), Do(ending=Ending.RESET, code=1011))]),
    ],
)
def test_each_flag_is_a_rule(flags: list[str], means: list[Rule]) -> None:
    assert list(flag_rules(options(*flags))) == means
    assert all(rule.when.kinds >= DATA for rule in means)


@pytest.mark.parametrize(
    ("to", "server"),
    [
        ("localhost:8888", Server("localhost", 8888)),
        ("[::1]:8888", Server("::1", 8888)),
        ("ws://localhost:8888/", Server("localhost", 8888)),
        ("http://localhost", Server("localhost", 80)),
        ("wss://localhost", Server("localhost", 443, Speech.BYTES)),
        ("tls://localhost:9443", Server("localhost", 9443, Speech.BYTES)),
        ("tcp://localhost:9090", Server("localhost", 9090, Speech.LINES)),
    ],
)
def test_the_server_is_an_address_whose_scheme_may_say_what_is_spoken(to: str, server: Server) -> None:
    assert options("--to", to).to == server


def test_where_lines_go_lines_are_spoken() -> None:
    assert options("--lines-to", "localhost:9090").lines_to == Server("localhost", 9090, Speech.LINES)
    assert options("--lines-to", "tls://localhost:9090").lines_to == Server("localhost", 9090, Speech.BYTES)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--to", "localhost"],
        ["--to", "localhost:0"],
        ["--to", "ftp://localhost:1"],
        ["--to", "ws://localhost:1/ws"],
        ["--to", "ws://user@localhost:1"],
        ["--to", "localhost:99999"],
        ["--to", ":8888"],
        ["--to", "[::1:8888"],
        ["--listen", "9999"],
        ["--listen", "ws://localhost:9999"],
        ["--delay", "-1"],
        ["--delay", "nan"],
        ["--jitter", "inf"],
        ["--drop", "1.1"],
        ["--drop", "half"],
        ["--cut", "0"],
        ["--cut", "everywhere"],
        ["--join", "1"],
        ["--stall-after", "-1"],
        ["--stall-after", "1.5"],
        ["--close-code", "1005"],
        ["--close-code", "1015"],
        ["--close-code", "5000"],
        ["--direction", "up"],
        ["--seed", "x"],
        ["--json", "--quiet"],
        ["--what"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_exits_1(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["proxy", "--to", "localhost:8888", *arguments])

    assert left.value.code == 1
    assert "error: " in capsys.readouterr().err
