"""The examples are small, and all of them are listed and run."""

from __future__ import annotations

from pathlib import Path

import pytest
from played_example import EXAMPLES, ROOT

LINES = 40

OTHERS = ("plugin_dice.py", "student_server.py", "gradescope")
CLIENTS = sorted(path for path in EXAMPLES.iterdir() if path.is_file() and path.name not in OTHERS)
TESTS = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / "examples").glob("test_*.py"))


@pytest.mark.parametrize("path", CLIENTS, ids=lambda path: path.name)
def test_each_client_has_less_than_40_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < LINES


@pytest.mark.parametrize("path", CLIENTS, ids=lambda path: path.name)
def test_each_client_has_a_usage_line_and_is_listed_and_run(path: Path) -> None:
    head = "".join(path.read_text("utf-8").splitlines(keepends=True)[:8])

    assert "examples/" + path.name in head or f"{path.name}?server=" in head or "open this file" in head
    assert path.name in (ROOT / "docs" / "examples.md").read_text("utf-8")
    assert path.name in TESTS


@pytest.mark.parametrize("name", OTHERS)
def test_other_examples_are_listed(name: str) -> None:
    assert (EXAMPLES / name).exists()
    assert f"../examples/{name}" in (ROOT / "docs" / "examples.md").read_text("utf-8")
