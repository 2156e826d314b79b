"""Commands import heavy libraries only when they need them; benchmarks/startup.py measures the times."""

from __future__ import annotations

import subprocess
import sys

import pytest
from client_process import CHECKOUT

HEAVY = {
    "asyncio",
    "h11",
    "jsonschema",
    "jsonschema_rs",
    "prompt_toolkit",
    "referencing",
    "rich",
    "rich.progress",
    "ssl",
    "tornado",
    "websockets",
}
PROGRAM = """
import sys
from chateau.client.app import main
try:
    main(sys.argv[1:])
except SystemExit:
    print(*sys.modules, file=sys.stderr)
"""


def modules_after(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--version"], ["to-scenario", "--help"]], ids=" ".join)
def test_command_imports_no_heavy_library(arguments: list[str]) -> None:
    assert modules_after(*arguments) & HEAVY == set()


def test_replay_help_imports_no_library_for_connections() -> None:
    assert modules_after("replay", "--help") & (HEAVY - {"asyncio", "ssl"}) == set()
