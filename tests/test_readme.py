"""The README's commands and programs work, run unchanged in a fresh copy of the repository.

Only two things are replaced: the port, which may be in use, and ``python3``, which may be another interpreter
than the one that runs the tests.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest
from running_server import ROOT, free_port, running_server

README = (ROOT / "README.md").read_text("utf-8")
SHOWN = re.compile(r"(?:#|//) ([{].*)$", re.M)
PATIENCE_SECONDS = 15


def blocks(language: str) -> list[str]:
    """Return the code blocks in *language* of the README."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files in the repository."""
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


def test_readme_has_exactly_the_tested_commands() -> None:
    assert "".join(blocks("sh")).splitlines() == [
        "make run",
        "make test",
        "python3 -m venv .venv",
        ".venv/bin/pip install -r requirements.txt",
        ".venv/bin/python server.py",
        ".venv/bin/python test_client.py register list",
        ".venv/bin/python test_client.py messages/scenarios",
        "nc localhost 9090",
        'curl -N -H "Accept: text/event-stream" http://localhost:8888/channel/news/',
        'curl -d "Hello world" http://localhost:8888/channel/news/',
    ]


def test_commands_install_start_and_connect(checkout: Path) -> None:
    run = {"cwd": checkout, "check": True, "capture_output": True, "text": True}
    subprocess.run([sys.executable, "-m", "venv", ".venv"], **run)
    subprocess.run([".venv/bin/pip", "install", "-r", "requirements.txt"], **run)

    with running_server(command=[".venv/bin/python", "server.py"], folder=checkout) as server:
        talk = [".venv/bin/python", "test_client.py", "register", "list", "--url", server.websocket]
        output = subprocess.run(talk, **run).stdout
        where = server.websocket.removeprefix("ws://").removesuffix("/ws")
        test = [".venv/bin/python", "test_client.py", "messages/scenarios", "--server", where]
        verdicts = subprocess.run(test, **run).stdout

    assert "messages/chateau/register.json" in output
    assert output.count('"status": 200') == 2

    (promised,) = re.findall(r"^```\n(passed .*?)^```", README, re.M | re.S)
    assert re.sub(r"\d\.\d\d", "…", verdicts) == re.sub(r"\d\.\d\d", "…", promised)

    with running_server(command=["make", "run"], folder=checkout) as server:
        output = subprocess.run([*talk[:-1], server.websocket], **run).stdout

    assert output.count('"status": 200') == 2


def test_make_test_runs_every_check() -> None:
    shown = subprocess.run(
        ["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    for tool in (
        "ruff format --check",
        "ruff check",
        "mypy",
        "lint-imports",
        "vocabulary",
        "pytest",
        "--cov-fail-under 100",
    ):
        assert tool in shown
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def shown(program: str) -> list[str]:
    """Return the output that the comments of *program* show."""
    return SHOWN.findall(program)


def looks_like(line: str, expected: str) -> bool:
    """Return whether *line* is what the README shows; an ellipsis stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, expected.split("…"))), line) is not None


def at(address: str, text: str) -> str:
    """Return *text* with the server at *address* instead of the default."""
    return text.replace("localhost:8888", address.removeprefix("http://").removesuffix("/"))


def need(program: str) -> None:
    """Skip the test if *program* is not installed; fail if CI is ``true``."""
    if shutil.which(program) is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{program} is not installed")


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run *command*, and kill it at the end."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, bufsize=1, **pipes) as process:
        impatience = Timer(PATIENCE_SECONDS, process.kill)
        impatience.start()
        yield process
        impatience.cancel()
        process.kill()


@pytest.mark.parametrize("program", blocks("python"), ids=["chateau", "opcodes"])
def test_python_programs_print_the_output_in_their_comments(program: str) -> None:
    with running_server() as server:
        command = [sys.executable, "-c", at(server.address, program)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    assert len(printed) == len(shown(program)) > 0
    assert all(map(looks_like, printed, shown(program))), printed


def test_javascript_program_prints_the_output_in_its_comments() -> None:
    need("node")
    (program,) = blocks("js")

    with running_server() as server:
        command = ("node", "--experimental-websocket", "--eval", at(server.address, program))
        with started(*command) as node:
            printed = [node.stdout.readline().rstrip("\n") for _ in shown(program)]

    assert len(printed) > 0
    assert all(map(looks_like, printed, shown(program))), printed


def test_nc_receives_the_responses_in_the_readme() -> None:
    need("nc")
    (transcript,) = blocks("text")
    (command,) = [line for line in "".join(blocks("sh")).splitlines() if line.startswith("nc")]
    lines_port = str(free_port())

    with (
        running_server("--lines-port", lines_port),
        started(*command.replace("9090", lines_port).split()) as nc,
    ):
        for line in transcript.splitlines():
            if line.startswith("{"):
                assert nc.stdout.readline().rstrip() == line
            else:
                nc.stdin.write(f"{line}\n")


def test_curl_receives_what_curl_publishes() -> None:
    need("curl")
    commands = [line for line in "".join(blocks("sh")).splitlines() if line.startswith("curl")]

    with running_server() as server:
        listen, publish = (shlex.split(at(server.address, command)) for command in commands)
        with started(*listen) as listener:
            output = published(publish)
            received = listener.stdout.readline()

    assert output.endswith('"OK"')
    assert received == "data: Hello world\n"


def published(command: list[str]) -> str:
    """Run *command* until there is a subscriber; return curl's last output, with the head of the response."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    output = "X-Delivered: 0"
    while "X-Delivered: 0" in output:
        assert time.monotonic() < deadline, "no subscriber has connected"
        shown = subprocess.run([*command, "-s", "-i"], capture_output=True, text=True, check=True)
        output = shown.stdout
    return output
