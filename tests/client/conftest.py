"""A scripted server, and the test client run against it as a process."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_process import CHECKOUT, COMMAND, Run, Start, StartAt
from in_process import call  # noqa: F401
from scripted_server import PATIENCE_SECONDS, ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    server.open()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """A shell that runs the tests in the background has them ignore SIGINT, and so would every client."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def environment() -> dict[str, str]:
    """What a user's shell may set to change the output is unset."""
    unset = {"NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS", "PYTHONUTF8", "PYTHONIOENCODING"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return {**kept, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}


@pytest.fixture
def start_at(environment: dict[str, str]) -> Iterator[StartAt]:
    """Start the client against a server of the test's own, with pipes."""
    started = []

    def start_at(url: str, *arguments: str) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [*COMMAND, "--url", url, *arguments],
            cwd=CHECKOUT,
            env=environment,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            encoding="utf-8",
        )
        started.append(process)
        return process

    yield start_at
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def start(server: ScriptedServer, start_at: StartAt) -> Start:
    """Start the client against the server, with pipes."""
    return lambda *arguments: start_at(server.url, *arguments)


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run the client to its end."""

    def run(
        *arguments: str, stdin: str | None = None, cwd: Path = CHECKOUT, **more: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            cwd=cwd,
            env={**environment, **more},
            encoding="utf-8",
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    return run
