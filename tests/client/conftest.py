"""A scripted server, and the test client: run in the test, in a process, or as a program."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_process import CHECKOUT, COMMAND, PROGRAM, Run, Start, StartAt
from forked_process import PipedProcess
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

    def start_at(url: str, *arguments: str) -> PipedProcess:
        client = PipedProcess([PROGRAM, "--url", url, *arguments], cwd=CHECKOUT, env=environment)
        started.append(client)
        return client

    yield start_at
    for client in started:
        client.end()


@pytest.fixture
def start(server: ScriptedServer, start_at: StartAt) -> Start:
    """Start the client against the server, with pipes."""
    return lambda *arguments: start_at(server.url, *arguments)


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run the client in a process to its end."""

    def run(
        *arguments: str, stdin: str = "", cwd: Path = CHECKOUT, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        with PipedProcess([PROGRAM, *arguments], cwd=cwd, env={**environment, **more}) as client:
            output, errors = client.communicate(stdin, PATIENCE_SECONDS)
        return subprocess.CompletedProcess(arguments, client.wait(), output, errors)

    return run


@pytest.fixture
def run_program(environment: dict[str, str]) -> Run:
    """Run test_client.py to its end, in a new Python, as a user does."""

    def run_program(*arguments: str, stdin: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            cwd=CHECKOUT,
            env={**environment, **more},
            encoding="utf-8",
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    return run_program
