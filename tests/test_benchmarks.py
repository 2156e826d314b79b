"""The benchmarks can begin: their programs start, and Chateau passes the conversation played first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from running_server import running_server

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", ["run", "compare", "attack/attack"])
def test_program_prints_its_help(name: str) -> None:
    ended = subprocess.run(
        [sys.executable, f"benchmarks/{name}.py", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("usage:")


def test_chateau_passes_the_conversation_that_every_server_must_pass() -> None:
    with running_server() as server:
        ended = subprocess.run(
            [
                *(sys.executable, "test_client.py", "benchmarks/agreement.json"),
                *("--server", server.address.partition("//")[2].rstrip("/")),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    assert ended.returncode == 0, ended.stdout + ended.stderr
