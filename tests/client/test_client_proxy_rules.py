"""The rules file and the flags of the proxy: their meaning, and the errors of invalid ones."""

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
from chateau.client.commands.proxy import add_arguments, flag_rules
from chateau.client.proxy.codec import DATA, Kind, WireProtocol
from chateau.client.proxy.connection import Upstream
from chateau.client.proxy.faults import (
    Action,
    Condition,
    Cut,
    Ending,
    Rule,
    RulesError,
    parse_rules,
    read_rules,
)
from chateau.client.transcript import Direction

SCHEMA = json.loads((CHECKOUT / "schemas" / "proxy-rules.json").read_text("utf-8"))
PAGE = (CHECKOUT / "docs" / "proxy.md").read_text("utf-8")

ANYTHING = Condition()


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
    assert len(parse_rules(example)) == len(example)


def test_every_example_of_the_page_is_a_rules_file() -> None:
    examples = re.findall(r"```json\n(\[.*?)```", PAGE, re.DOTALL)

    assert examples
    for example in examples:
        assert parse_rules(json.loads(example))


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
        ({}, Condition()),
        ({"//": "any"}, Condition()),
        ({"direction": "both"}, Condition()),
        ({"direction": "to-client"}, Condition(direction=Direction.RECEIVED)),
        ({"connection": 2, "protocol": "lines"}, Condition(connection=2, protocol=WireProtocol.LINES)),
        ({"opcode": "ping"}, Condition(kinds=frozenset({Kind.PING}))),
        ({"opcode": ["ping", "text"]}, Condition(kinds=frozenset({Kind.PING, Kind.TEXT}))),
        ({"opcode": "any"}, Condition(kinds=frozenset(Kind))),
        ({"payload": "^a"}, Condition(payload=re.compile("^a"))),
        ({"json": {"a": [1]}, "nth": 3}, Condition(value={"a": [1]}, nth=3)),
        ({"from_nth": 2, "to_nth": 4}, Condition(from_nth=2, to_nth=4)),
    ],
)
def test_each_condition(when: dict[str, Any], means: Condition) -> None:
    assert parse_rules([{"when": when, "do": {"drop": True}}]) == [Rule(means, Action(drop=True))]


@pytest.mark.parametrize(
    ("do", "means"),
    [
        ({"drop": True}, Action(drop=True)),
        ({"delay": 0.2, "jitter": 1}, Action(delay_seconds=0.2, jitter_seconds=1)),
        ({"duplicate": 2}, Action(copies=2)),
        ({"reorder": 3}, Action(overtaken_by=3)),
        ({"cut": 4}, Action(cut=4)),
        ({"cut": [1, 3]}, Action(cut=(1, 3))),
        ({"cut": "random"}, Action(cut=Cut.RANDOM)),
        ({"cut": "character"}, Action(cut=Cut.CHARACTER)),
        ({"join": 2}, Action(joined=2)),
        ({"half_close": True}, Action(ending=Ending.HALF_CLOSE)),
        ({"stall": True}, Action(ending=Ending.STALL)),
        ({"close": 1011}, Action(ending=Ending.CLOSE, code=1011)),
        ({"reset": True, "drop": True}, Action(drop=True, ending=Ending.RESET)),
    ],
)
def test_each_fault(do: dict[str, Any], means: Action) -> None:
    assert parse_rules([{"do": do, "probability": 0.5}]) == [Rule(ANYTHING, means, 0.5)]


def test_floats_without_a_fraction_are_integers() -> None:
    (rule,) = parse_rules([{"do": {"cut": [1.0, 3.0], "duplicate": 2.0, "join": 2.0, "close": 1000.0}}])

    assert rule.action == Action(copies=2, cut=(1, 3), joined=2, ending=Ending.CLOSE, code=1000)
    assert {
        type(one) for one in (rule.action.copies, rule.action.joined, rule.action.code, *rule.action.cut)
    } == {int}  # type: ignore[misc]


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
def test_invalid_rules_file_is_reported_with_its_position_and_exits_2(
    content: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content)

    assert main(["proxy", "--to", "localhost:1", "--listen", "127.0.0.1:0", "--rules", str(file)]) == 2

    assert capsys.readouterr().err.startswith(f"error: {file}, {place}")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nowhere.json", "No such file"), (".", "Is a directory"), ("\0", "is not a valid file name")],
)
def test_unreadable_file_is_an_error(name: str, reason: str) -> None:
    with pytest.raises(RulesError, match=reason):
        read_rules(name)


def test_file_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(b"[\xff]")

    with pytest.raises(RulesError, match="byte 1: not UTF-8"):
        read_rules(str(file))


TO_SERVER = Condition(Direction.SENT)


@pytest.mark.parametrize(
    ("flags", "means"),
    [
        ([], []),
        (["--drop", "0"], []),
        (
            ["--delay", "0.2", "--jitter", "0.1"],
            [Rule(Condition(kinds=frozenset(Kind)), Action(delay_seconds=0.2, jitter_seconds=0.1))],
        ),
        (["--drop", "0.5"], [Rule(ANYTHING, Action(drop=True), 0.5)]),
        (["--duplicate", "1", "--direction", "to-server"], [Rule(TO_SERVER, Action(copies=2))]),
        (["--reorder", ".1"], [Rule(ANYTHING, Action(overtaken_by=1), 0.1)]),
        (["--cut", "3"], [Rule(ANYTHING, Action(cut=3))]),
        (["--cut", "random"], [Rule(ANYTHING, Action(cut=Cut.RANDOM))]),
        (["--join", "2"], [Rule(ANYTHING, Action(joined=2))]),
        (["--stall-after", "3"], [Rule(Condition(nth=3), Action(ending=Ending.STALL, code=1011))]),
        (["--stall-after", "0"], [Rule(Condition(nth=1), Action(drop=True, ending=Ending.STALL, code=1011))]),
        (
            ["--close-after", "1", "--close-code", "4000"],
            [Rule(Condition(nth=1), Action(ending=Ending.CLOSE, code=4000))],
        ),
        (["--half-close-after", "1"], [Rule(Condition(nth=1), Action(ending=Ending.HALF_CLOSE, code=1011))]),
        (["--reset-after", "1"], [Rule(Condition(nth=1), Action(ending=Ending.RESET, code=1011))]),
    ],
)
def test_each_flag_is_a_rule(flags: list[str], means: list[Rule]) -> None:
    assert list(flag_rules(options(*flags))) == means
    assert all(rule.condition.kinds >= DATA for rule in means)


@pytest.mark.parametrize(
    ("to", "server"),
    [
        ("localhost:8888", Upstream("localhost", 8888)),
        ("[::1]:8888", Upstream("::1", 8888)),
        ("ws://localhost:8888/", Upstream("localhost", 8888)),
        ("http://localhost", Upstream("localhost", 80)),
        ("wss://localhost", Upstream("localhost", 443, WireProtocol.BYTES)),
        ("tls://localhost:9443", Upstream("localhost", 9443, WireProtocol.BYTES)),
        ("tcp://localhost:9090", Upstream("localhost", 9090, WireProtocol.LINES)),
    ],
)
def test_scheme_of_the_server_names_its_protocol(to: str, server: Upstream) -> None:
    assert options("--to", to).to == server


def test_server_of_lines_has_the_line_protocol() -> None:
    assert options("--lines-to", "localhost:9090").lines_to == Upstream("localhost", 9090, WireProtocol.LINES)
    assert options("--lines-to", "tls://localhost:9090").lines_to == Upstream(
        "localhost", 9090, WireProtocol.BYTES
    )


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
