"""docs/client.md describes every option, exit code and message file."""

import re
from pathlib import Path

import pytest
from client_process import CHECKOUT, Run

from chateau.client.arguments import Exit

PAGE = (CHECKOUT / "docs" / "client.md").read_text()
FILES = sorted((CHECKOUT / "messages" / "chateau").glob("*.json"))


def test_every_option_is_in_the_page(call: Run) -> None:
    options = re.findall(r"^ +(?:-\w,? (?:\S+, )?)?(--[a-z-]+)", call("--help").stdout, re.MULTILINE)

    assert "--server-command" in options
    assert [option for option in options if f"`{option}" not in PAGE] == []


@pytest.mark.parametrize("code", list(Exit))
def test_every_exit_code_is_in_the_page(code: Exit) -> None:
    assert f"\n| {code.value} | " in PAGE


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_message_file_is_in_the_page(file: Path) -> None:
    assert f"{file.name}`" in PAGE
