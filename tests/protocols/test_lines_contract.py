"""The page of the lines protocol matches its schemas and the server."""

from __future__ import annotations

import json
import re

import pytest
from harness import ROOT
from lines_harness import RESULTS, SCHEMA_SET, SCHEMAS, Harness, checked

from chateau.hub.events import Event
from chateau.protocols import lines_commands
from chateau.protocols.lines_commands import COMMANDS
from chateau.protocols.lines_frames import PUSHES

PAGE = (ROOT / "docs" / "protocols" / "lines.md").read_text("utf-8").partition("<!-- reference")[0]
SHOWN = [
    line for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines() if line
]
TYPED = [
    line for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines() if line
]


@pytest.mark.parametrize("name", sorted(SCHEMA_SET.schemas.keys() - {"common"}))
def test_examples_are_lines_that_the_server_sends(name: str) -> None:
    for example in SCHEMA_SET.schemas[name]["examples"]:
        checked(example)


def test_every_schema_belongs_to_a_line() -> None:
    assert SCHEMA_SET.schemas.keys() == {
        "common",
        "result-response",
        *SCHEMAS.values(),
        *RESULTS.values(),
    }


def test_every_event_has_a_frame() -> None:
    named = {event for part in Event.__args__ for event in getattr(part, "__args__", [part])}

    assert PUSHES.keys() == named


@pytest.mark.parametrize("line", SHOWN)
def test_line_on_the_page_matches_its_schema(line: str) -> None:
    checked(json.loads(line))


def test_page_shows_every_type_of_line() -> None:
    assert {json.loads(line)["type"] for line in SHOWN} == {*SCHEMAS, "commandResult"}


def test_first_commands_on_the_page_get_the_shown_lines() -> None:
    server = Harness()
    received = [frame for line in TYPED[:3] for frame in server["alice"].ask(line)]

    assert received == [json.loads(line) for line in SHOWN[:5]]


@pytest.mark.parametrize("line", TYPED[3:])
def test_history_command_on_the_page_is_accepted(line: str) -> None:
    assert line.startswith("HISTORY ")
    assert Harness("alice")["alice"].ask(line)[0]["type"] == "commandResult"


@pytest.mark.parametrize("words", [words for command in COMMANDS for words in command.words])
def test_page_names_every_command_and_alias(words: str) -> None:
    assert re.search(rf"`{words}[` ]", PAGE)


def test_page_has_every_error_of_the_protocol() -> None:
    texts = [
        text
        for name, text in vars(lines_commands).items()
        if name.isupper() and isinstance(text, str) and not name.endswith("_RULE")
    ]

    assert len(texts) == 6
    assert [text for text in texts if f"`{text}`" not in PAGE] == []
