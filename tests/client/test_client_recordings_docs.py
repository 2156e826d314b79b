"""docs/recordings.md describes the behaviour of the code."""

import argparse
import re
from pathlib import Path

import pytest

from chateau.client.commands import replay, to_scenario
from chateau.client.recordings import Recorder, RecordingError, read
from chateau.client.recordings.to_scenario import format_scenario, scenario_of
from chateau.client.transcript import Opcode

PAGE = (Path(__file__).parents[2] / "docs" / "recordings.md").read_text("utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.S)
    assert found is not None
    return found[1]


def test_the_recording_in_the_page_is_one_and_is_written_so(tmp_path: Path) -> None:
    path = tmp_path / "lesson.jsonl"
    path.write_text(block("jsonl"))

    entries = read(path)
    with Recorder(path) as recorder:
        for entry in entries:
            recorder.write(entry)

    assert path.read_text() == block("jsonl")


def test_the_scenario_in_the_page_is_made_of_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "lesson.jsonl"
    path.write_text(block("jsonl"))

    assert format_scenario(
        scenario_of(read(path), "Who writes to itself gets the push and the answer")
    ) == block("json")


@pytest.mark.parametrize("opcode", Opcode)
def test_every_opcode_is_in_the_page(opcode: Opcode) -> None:
    assert f"`{opcode}`" in PAGE


@pytest.mark.parametrize("arguments_of", [replay.add_arguments, to_scenario.add_arguments])
def test_every_option_of_the_commands_is_in_the_page(arguments_of: object) -> None:
    parser = argparse.ArgumentParser(add_help=False)
    assert callable(arguments_of)
    arguments_of(parser)

    for option in re.findall(r"--[a-z-]+", parser.format_help()):
        assert option in PAGE


def test_documented_error_is_the_actual_one(tmp_path: Path) -> None:
    path = tmp_path / "lesson.jsonl"
    lines = block("jsonl").splitlines()
    path.write_text("\n".join([*lines[:6], lines[6].replace('"close"', '"txt"')]))

    with pytest.raises(RecordingError) as caught:
        read(path)

    assert f"error: {str(caught.value).replace(str(path), 'lesson.jsonl')}\n" in PAGE
