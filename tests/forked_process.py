"""Python programs that run in a fork of a process which has imported what they need.

Such a start takes some 20 ms of CPU instead of 400. Exit code, signals and streams are those of any process;
what a fork cannot show is the start of the interpreter, and which modules the program imports.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread, Timer
from typing import Self

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(  # one list for all: a second call would replace it
    [
        "chateau.app",
        "chateau.client.commands.run",
        "chateau.client.interactive.display",
        "chateau.client.interactive.prompt",
        "chateau.client.interactive.session",
        "jsonschema",
        "rich.highlighter",
        "rich.progress",
        "tornado.tcpserver",
        "tornado.websocket",
    ]
)


class ForkedProcess:
    """A running Python program, with the methods of :class:`subprocess.Popen` that the tests use."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: int,
        stdout: int,
        stderr: int,
    ) -> None:
        """Run *command*, the path of a script and its arguments; its streams are file descriptors."""
        self.args = command
        streams = [Connection(os.dup(stream)) for stream in (stdin, stdout, stderr)]
        self._process = FORKS.Process(
            target=_run, args=([*command], str(cwd), dict(env), streams), daemon=True
        )
        self._process.start()
        for stream in streams:
            stream.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs after *timeout* seconds.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired([*self.args], timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class PipedProcess(ForkedProcess):
    """A running Python program whose streams are pipes."""

    def __init__(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        (stdin, to_it), (from_it, stdout), (errors, stderr) = (os.pipe() for _ in range(3))
        super().__init__(command, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr)
        for end in (stdin, stdout, stderr):
            os.close(end)
        self.stdin = os.fdopen(to_it, "w", encoding="utf-8")
        self.stdout = os.fdopen(from_it, encoding="utf-8")
        self.stderr = os.fdopen(errors, encoding="utf-8")

    def communicate(self, text: str = "", timeout: float | None = None) -> tuple[str, str]:
        """Write *text*, which fits a pipe, and return what it writes until it ends.

        Raises:
            subprocess.TimeoutExpired: it had not ended after *timeout* seconds, and was killed.
        """
        late: list[float] = []

        def end(seconds: float) -> None:
            late.append(seconds)
            self.kill()

        killing = Timer(timeout, end, [timeout]) if timeout else None
        if killing is not None:
            killing.start()
        errors: list[str] = []
        reading = Thread(target=lambda: errors.append(self.stderr.read()))
        try:
            with suppress(BrokenPipeError):  # it has ended
                self.stdin.write(text)
            self.close_stdin()
            reading.start()
            output = "" if self.stdout.closed else self.stdout.read()
            reading.join()
            self.wait()
        finally:
            if killing is not None:
                killing.cancel()
        if late:
            raise subprocess.TimeoutExpired([*self.args], late[0], output, errors[0])
        return output, errors[0]

    def close_stdin(self) -> None:
        with suppress(BrokenPipeError):  # it has ended
            self.stdin.close()

    def end(self) -> None:
        """Kill it if it still runs, and close the pipes."""
        self.kill()
        self.wait()
        self.close_stdin()
        self.stdout.close()
        self.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def _run(command: list[str], cwd: str, env: dict[str, str], streams: list[Connection]) -> None:
    """Run the script in this process, which begins as a new one does."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
        stream.close()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run_script(command)
    finally:
        atexit._run_exitfuncs()  # multiprocessing ends a process without them


def run_script(command: Sequence[str]) -> None:
    """Run *command*, the path of a Python script and its arguments, in this process."""
    sys.argv = [*command]
    runpy.run_path(command[0], run_name="__main__")
