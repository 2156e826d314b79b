"""Run an example as a process, type lines into it and read its output."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from queue import Empty, Queue
from threading import Thread
from typing import IO

import pytest
from running_server import ROOT, RunningServer, free_port, running_server

EXAMPLES = ROOT / "examples"
TIMEOUT_SECONDS = 15


class Example:
    """A running example."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self._lines: Queue[str] = Queue()
        self._complaints: list[str] = []
        self._readers = [
            Thread(target=_read, args=(process.stdout, self._lines.put)),
            Thread(target=_read, args=(process.stderr, self._complaints.append)),
        ]
        for reader in self._readers:
            reader.start()

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def next(self) -> str:
        """Return the next line."""
        return self._lines.get(timeout=TIMEOUT_SECONDS)

    def wait_for(self, expected: str) -> None:
        """Wait for the line *expected*; drop the lines before it."""
        dropped = []
        try:
            while (line := self.next()) != expected:
                dropped.append(line)
        except Empty:
            raise AssertionError(f"never {expected!r}, but {dropped + self._complaints}") from None

    def end(self) -> list[str]:
        """Close its input, which ends it; return the rest of its output."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(TIMEOUT_SECONDS) == 0, self._complaints
        return self._rest()

    def interrupt(self) -> list[str]:
        """Interrupt it; return the rest of its output."""
        self.kill()
        return self._rest()

    def kill(self) -> None:
        """Kill it and its child processes."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(TIMEOUT_SECONDS)

    def _rest(self) -> list[str]:
        for reader in self._readers:
            reader.join()
        assert not self._complaints
        return [self._lines.get() for _ in range(self._lines.qsize())]


def _read(stream: IO[str], put: Callable[[str], object]) -> None:
    for line in stream:
        put(line.removesuffix("\n"))


@contextmanager
def played(*command: str, **environment: str) -> Iterator[Example]:
    """Run *command* in the root of the checkout."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        example = Example(process)
        try:
            yield example
        finally:
            if process.poll() is None:
                example.kill()


class Harness:
    """A running server and its two ports."""

    def __init__(self, server: RunningServer, lines_port: int) -> None:
        self.host_port = server.address.removeprefix("http://").removesuffix("/")
        self.host, _, self.port = self.host_port.partition(":")
        self.lines_port = str(lines_port)
        self.lines_host_port = f"{self.host}:{lines_port}"


@contextmanager
def running_harness(*flags: str) -> Iterator[Harness]:
    lines_port = free_port()
    with running_server("--lines-port", str(lines_port), *flags) as server:
        yield Harness(server, lines_port)
        server.stop()
    assert "Traceback" not in server.log


def publish(harness: Harness, channel: str, package: bytes, kind: str) -> int:
    """Publish *package*; return the number of recipients."""
    connection = HTTPConnection(harness.host, int(harness.port))
    connection.request("POST", f"/channel/{channel}/", package, {"Package-Type": kind})
    delivered = int(connection.getresponse().headers["X-Delivered"])
    connection.close()
    return delivered


def publish_until_delivered(harness: Harness, channel: str, package: bytes) -> None:
    """Publish *package*, a text, until a subscriber receives it."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while publish(harness, channel, package, "text") == 0:
        assert time.monotonic() < deadline, "nobody has subscribed"
        time.sleep(0.01)


def need(program: str, *probe: str) -> None:
    """Skip the test if *program* is missing or *probe* fails; if CI is ``true``, fail instead."""
    if shutil.which(program) is None:
        missing = f"{program} is not installed"
    elif probe and subprocess.run([program, *probe], capture_output=True, check=False).returncode:
        missing = f"this {program} cannot do {' '.join(probe)}"
    else:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)
