"""A server in its own process: forked, or started with a command as a user does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forked_process import PipedProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
STOP_SECONDS = 15
GREETING = "Chateau is at "
COMMAND = (sys.executable, "server.py")
DEFAULTS = {"CHATEAU_PORT": "0", "CHATEAU_LINES_PORT": "0", "CHATEAU_DATA": ":memory:"}

Process = subprocess.Popen[str] | PipedProcess


class RunningServer:
    """A server that has printed its address; *log* is its standard error, once it has stopped."""

    def __init__(self, process: Process, address: str) -> None:
        self.process = process
        self.address = address
        self.log = ""

    @property
    def websocket(self) -> str:
        return self.address.replace("http", "ws", 1) + "ws"

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send signal *number*; return the exit code."""
        self.process.send_signal(number)
        self.log = self.process.communicate(timeout=STOP_SECONDS)[1]
        assert self.process.returncode is not None
        return self.process.returncode


@contextmanager
def started_process(
    *flags: str,
    command: Sequence[str] = (),
    folder: Path = ROOT,
    environment: dict[str, str] | None = None,
) -> Iterator[Process]:
    """Start the server with *command* in *folder*; without one, fork a process that has imported it."""
    variables = os.environ | DEFAULTS | (environment or {})
    process: Process
    if command:
        process = subprocess.Popen(
            [*command, *flags],
            cwd=folder,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    else:
        process = PipedProcess([str(ROOT / "server.py"), *flags], cwd=folder, env=variables)
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@contextmanager
def running_server(*flags: str, **how: Any) -> Iterator[RunningServer]:
    """Start a server on a free port, as `started_process` does; stop it at the end, if the test has not."""
    with started_process(*flags, **how) as process:
        assert process.stdout is not None
        line = next((line for line in process.stdout if line.startswith(GREETING)), "")
        assert line, f"the server did not start: {process.communicate()[1]}"
        server = RunningServer(process, line.removeprefix(GREETING).strip())
        yield server
        if process.poll() is None:
            server.stop()


def rejected_start(*flags: str, timeout_seconds: float = STOP_SECONDS, **how: Any) -> str:
    """Return the one-line error of a server that does not start."""
    with started_process(*flags, **how) as process:
        output, errors = process.communicate(timeout=timeout_seconds)
        assert process.returncode == 1, errors
    assert errors.count("\n") == 1, errors
    assert output == ""
    return errors


def free_port() -> int:
    """Return a free port of 127.0.0.1, for flags where 0 means off."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
