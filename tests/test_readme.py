"""The README's commands and programs do what it says, run as they stand there in a fresh copy.

Only what a test cannot leave as it is is changed: the port, which may be taken, and ``python3``, which may be
another one than the one that runs the tests.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from running_server import ROOT, running_server

README = (ROOT / "README.md").read_text("utf-8")
DEFAULT_WEBSOCKET = "ws://localhost:8888/ws"


def blocks(language: str) -> list[str]:
    """The README's code blocks in *language*."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that a clone would have."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    copy = tmp_path_factory.mktemp("clone")
    for name in filter(lambda name: (ROOT / name).is_file(), listed.stdout.splitlines()):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    return copy


def test_its_commands_are_the_ones_that_are_run_below() -> None:
    assert "".join(blocks("sh")).splitlines() == [
        "make run",
        "make test",
        "python3 -m venv .venv",
        ".venv/bin/pip install -r requirements.txt",
        ".venv/bin/python server.py",
        ".venv/bin/python test_client.py register list",
    ]


def test_a_newcomer_installs_starts_and_talks(checkout: Path) -> None:
    run = {"cwd": checkout, "check": True, "capture_output": True, "text": True}
    subprocess.run([sys.executable, "-m", "venv", ".venv"], **run)
    subprocess.run([".venv/bin/pip", "install", "-r", "requirements.txt"], **run)

    with running_server(command=[".venv/bin/python", "server.py"], folder=checkout) as server:
        talk = [".venv/bin/python", "test_client.py", "register", "list", "--url", server.websocket]
        said = subprocess.run(talk, **run).stdout

    assert "messages/chateau/register.json" in said
    assert said.count('"status": 200') == 2

    with running_server(command=["make", "run"], folder=checkout) as server:
        said = subprocess.run([*talk[:-1], server.websocket], **run).stdout

    assert said.count('"status": 200') == 2


def test_make_test_is_the_whole_gate() -> None:
    shown = subprocess.run(
        ["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    for tool in ("ruff format --check", "ruff check", "mypy", "lint-imports", "pytest", "coverage report"):
        assert tool in shown
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_its_python_program_talks() -> None:
    (program,) = blocks("python")

    with running_server() as server:
        ended = subprocess.run(
            [sys.executable, "-c", program.replace(DEFAULT_WEBSOCKET, server.websocket)],
            capture_output=True,
            text=True,
            check=True,
        )

    registered, message, answer = map(json.loads, ended.stdout.splitlines())
    assert registered == {"type": 1, "status": 200}
    assert (message["sender"], message["content"]) == ("carol", "hi")
    assert answer == {"type": 3, "status": 200, "id": message["id"], "time": message["time"]}


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_its_javascript_program_talks() -> None:
    (program,) = blocks("js")

    with running_server() as server:
        node = [
            "node",
            "--experimental-websocket",
            "-e",
            program.replace(DEFAULT_WEBSOCKET, server.websocket),
        ]
        with subprocess.Popen(node, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            frames = [json.loads(process.stdout.readline()) for _ in range(2)]
            process.kill()

    assert frames == [{"type": 1, "status": 200}, {"type": 4, "status": 200, "clients": ["dave"]}]
