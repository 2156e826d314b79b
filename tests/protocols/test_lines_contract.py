"""The schemas of lines, and that its page in docs/ says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from harness import ROOT
from jsonschema import Draft202012Validator
from lines_harness import RESULTS, SCHEMA_SET, SCHEMAS, Harness, checked

from chateau.hub.events import Event
from chateau.protocols import lines_commands
from chateau.protocols.lines_commands import COMMANDS
from chateau.protocols.lines_frames import PUSHES

FILES = sorted((ROOT / "schemas" / "lines").glob("*.json"))
COMMON = SCHEMA_SET.schemas["common"]["$defs"]
PAGE = (ROOT / "docs" / "protocols" / "lines.md").read_text("utf-8")
SHOWN = [
    line for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines() if line
]
TYPED = [
    line for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines() if line
]

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def undescribed(schema: Any, place: str = "") -> list[str]:
    """Where in *schema* a property stands that nothing describes."""
    if not isinstance(schema, dict):
        return []
    found = []
    for key, inner in schema.get("properties", {}).items():
        part = COMMON[inner["$ref"].rpartition("/")[2]] if "$ref" in inner else inner
        if not part.get("description", "").endswith("."):
            found.append(f"{place}/{key}")
    for key, inner in schema.items():
        if key not in ("examples", "description"):
            found += undescribed(inner, f"{place}/{key}")
    return found


@every_file
def test_a_schema_is_valid_named_titled_and_described(path: Path) -> None:
    schema = json.loads(path.read_text("utf-8"))

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"http://localhost:8888/schemas/lines/{path.name}"
    assert schema["title"]
    assert schema["description"].endswith(".")
    assert undescribed(schema) == []


@every_file
def test_every_pattern_holds_from_the_first_character_to_the_last(path: Path) -> None:
    patterns = re.findall(r'"pattern": "(.*)"', path.read_text("utf-8"))

    assert all(pattern.startswith("^") and pattern.endswith(r"$(?!\\n)") for pattern in patterns)


@every_file
def test_no_line_may_have_keys_that_its_schema_does_not_name(path: Path) -> None:
    schema = SCHEMA_SET.schemas[path.stem]
    for part in COMMON.values() if path.stem == "common" else [schema]:
        if part["type"] == "object":
            assert part["additionalProperties"] is False
            assert set(part["required"]) == part["properties"].keys()


@every_file
def test_the_examples_keep_to_their_schema(path: Path) -> None:
    schema = SCHEMA_SET.schemas[path.stem]
    if path.stem == "common":
        for part in COMMON.values():
            assert part["examples"]
            assert all(Draft202012Validator(part).is_valid(example) for example in part["examples"])
    else:
        assert schema["examples"]
        for example in schema["examples"]:
            checked(example)


def test_every_schema_is_one_of_a_line_that_goes_out() -> None:
    assert {path.stem for path in FILES} == {
        "common",
        "result-response",
        *SCHEMAS.values(),
        *RESULTS.values(),
    }


def test_there_is_a_frame_for_every_event() -> None:
    named = {event for part in Event.__args__ for event in getattr(part, "__args__", [part])}

    assert PUSHES.keys() == named


@pytest.mark.parametrize("line", SHOWN)
def test_a_line_that_the_page_shows_keeps_to_its_schema(line: str) -> None:
    checked(json.loads(line))


def test_the_page_shows_every_type_of_line() -> None:
    assert {json.loads(line)["type"] for line in SHOWN} == {*SCHEMAS, "commandResult"}


def test_what_the_page_types_first_gets_what_it_shows_first() -> None:
    harness = Harness()
    told = [frame for line in TYPED[:3] for frame in harness["alice"].ask(line)]

    assert told == [json.loads(line) for line in SHOWN[:5]]


@pytest.mark.parametrize("line", TYPED[3:])
def test_a_history_command_that_the_page_shows_is_understood(line: str) -> None:
    assert line.startswith("HISTORY ")
    assert Harness("alice")["alice"].ask(line)[0]["type"] == "commandResult"


@pytest.mark.parametrize("words", [words for command in COMMANDS for words in command.words])
def test_the_page_names_every_command_and_alias(words: str) -> None:
    assert re.search(rf"`{words}[` ]", PAGE)


def test_the_page_tells_every_error_of_this_protocol() -> None:
    texts = [text for name, text in vars(lines_commands).items() if name.isupper() and isinstance(text, str)]

    assert len(texts) == 6
    assert [text for text in texts if f"`{text}`" not in PAGE] == []
