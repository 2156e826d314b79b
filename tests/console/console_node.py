"""The page's modules that need no browser, in Node: one call per line, one result per line."""

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
  const { call, values } = JSON.parse(line);
  console.log(JSON.stringify(functions[call](...values) ?? null));
}
"""


class Node:
    """A running Node process that calls the functions in ``functions``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def call(self, function: str, *values: Any) -> Any:
        """Return the result of *function* for *values*."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": function, "values": values}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def node_with(folder: Path, script: str) -> Iterator[Node]:
    """Start Node with the page's modules in *folder*; *script* imports some, and defines ``functions``.

    Without Node, skip the test, or fail it if CI is ``true``.
    """
    node = shutil.which("node")
    if node is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("node is not installed")
    for path in FOLDER.glob("*.js"):
        shutil.copy(path, folder)
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    (folder / "functions.js").write_text(script + SERVE, "utf-8")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(
        [node, "functions.js"], cwd=folder, text=True, encoding="utf-8", **pipes
    ) as process:
        try:
            yield Node(process)
        finally:
            process.kill()
