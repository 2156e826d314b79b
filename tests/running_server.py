"""A server in its own process, started as a user does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
STOP_SECONDS = 15
GREETING = "Chateau is at "
DEFAULTS = {"CHATEAU_PORT": "0", "CHATEAU_LINES_PORT": "0", "CHATEAU_DATA": ":memory:"}


class RunningServer:
    """A server that has printed its address; *log* is its standard error, once it has stopped."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
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
        return self.process.returncode


@contextmanager
def running_server(
    *flags: str,
    command: Sequence[str] = (sys.executable, "server.py"),
    folder: Path = ROOT,
    environment: dict[str, str] | None = None,
) -> Iterator[RunningServer]:
    """Start a server on a free port; stop it at the end, if the test has not."""
    process = subprocess.Popen(
        [*command, *flags],
        cwd=folder,
        env=os.environ | DEFAULTS | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        line = next((line for line in process.stdout if line.startswith(GREETING)), "")
        try:
            assert line, f"the server did not start: {process.communicate()[1]}"
            server = RunningServer(process, line.removeprefix(GREETING).strip())
            yield server
            if process.poll() is None:
                server.stop()
        finally:
            if process.poll() is None:
                process.kill()


def free_port() -> int:
    """Return a free port of 127.0.0.1, for flags where 0 means off."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
