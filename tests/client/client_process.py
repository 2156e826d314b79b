"""The test client as a process of its own: started as a user does, or forked.

A fork of a process that has imported the client starts in some 20 ms of CPU instead of 400. Its exit code,
signals and streams are those of any process; what a fork cannot show is the start of the interpreter.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
COMMAND = [sys.executable, str(CHECKOUT / "test_client.py")]

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "chateau.client.commands.run",
        "chateau.client.interactive.display",
        "chateau.client.interactive.prompt",
        "chateau.client.interactive.session",
        "jsonschema",
        "rich.highlighter",
        "rich.progress",
        "tornado.httpserver",
        "tornado.tcpserver",
        "tornado.websocket",
    ]
)


class ForkedClient:
    """A running test client, with the methods of :class:`subprocess.Popen` that the tests use."""

    def __init__(
        self, words: Sequence[str], cwd: str, env: Mapping[str, str], stdin: int, stdout: int, stderr: int
    ) -> None:
        streams = [Connection(os.dup(stream)) for stream in (stdin, stdout, stderr)]
        self._process = FORKS.Process(
            target=_run_client, args=(list(words), cwd, dict(env), streams), daemon=True
        )
        self._process.start()
        for stream in streams:
            stream.close()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code.

        Raises:
            TimeoutError: the client still runs after *timeout* seconds.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()


class PipedClient(ForkedClient):
    """A running test client whose streams are pipes."""

    def __init__(self, words: Sequence[str], cwd: str, env: Mapping[str, str]) -> None:
        (stdin, to_client), (from_client, stdout), (errors, stderr) = (os.pipe() for _ in range(3))
        super().__init__(words, cwd, env, stdin, stdout, stderr)
        for end in (stdin, stdout, stderr):
            os.close(end)
        self.stdin = os.fdopen(to_client, "w", encoding="utf-8")
        self.stdout = os.fdopen(from_client, encoding="utf-8")
        self.stderr = os.fdopen(errors, encoding="utf-8")

    def communicate(self, text: str = "", timeout: float | None = None) -> tuple[str, str]:
        """Write *text*, and read everything that the client writes until it ends, or is killed.

        Nothing that the tests write fills a pipe.
        """
        killing = threading.Timer(timeout, self.kill) if timeout else None
        if killing is not None:
            killing.start()
        try:
            self.stdin.write(text)
            self.close_stdin()
            errors: list[str] = []
            reading = threading.Thread(target=lambda: errors.append(self.stderr.read()))
            reading.start()
            output = "" if self.stdout.closed else self.stdout.read()
            reading.join()
            self.wait()
        finally:
            if killing is not None:
                killing.cancel()
        return output, errors[0]

    def close_stdin(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # the client has ended
            self.stdin.close()

    def end(self) -> None:
        """Kill the client if it still runs, and close the pipes."""
        self.kill()
        self.wait()
        self.close_stdin()
        self.stdout.close()
        self.stderr.close()


def _run_client(words: list[str], cwd: str, env: dict[str, str], streams: list[Connection]) -> None:
    """Run the client in this process, which begins as a new one does."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
        stream.close()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [COMMAND[1], *words]
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)

    from chateau.client.app import main

    sys.exit(main(words))


Run = Callable[..., "subprocess.CompletedProcess[str]"]
StartAt = Callable[..., PipedClient]
Start = Callable[..., PipedClient]
