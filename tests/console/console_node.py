"""The page's modules that know no page, in node: a question a line, an answer a line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chateau.net.console_handlers import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVE = """
import { createInterface } from "node:readline";

for await (const line of createInterface({ input: process.stdin })) {
  const { ask, with: given } = JSON.parse(line);
  console.log(JSON.stringify(answers[ask](...given) ?? null));
}
"""


class Node:
    """A running program that answers with the functions in ``answers``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, question: str, *given: Any) -> Any:
        """What the function *question* gives for *given*."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"ask": question, "with": given}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def node_with(folder: Path, answers: str) -> Iterator[Node]:
    """Node, with the page's modules in *folder*; *answers* imports them and makes the object ``answers``.

    Skips where node is not installed; with CI set to ``true`` that is a failure.
    """
    node = shutil.which("node")
    if node is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("node is not installed")
    for path in FOLDER.glob("*.js"):
        shutil.copy(path, folder)
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    (folder / "asked.js").write_text(answers + SERVE, "utf-8")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([node, "asked.js"], cwd=folder, text=True, encoding="utf-8", **pipes) as process:
        try:
            yield Node(process)
        finally:
            process.kill()
