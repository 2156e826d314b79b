"""Processes: start one in a session of its own, within limits, read its output, and end all its descendants.

A mark in the environment is inherited by descendants, so that they are found even if they have left the
session, or if their parent has ended.
"""

import asyncio
import atexit
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

OUTPUT_BYTES = 64 * 1024  # stored of stdout and of stderr
MAX_READS = 64
SHOWN_LINES = 20  # of these, in an error
POLL_SECONDS = 0.01
KILL_SECONDS = 2.0
LAUNCHER = Path(__file__).with_name("rlimit_exec.py")

MARK_VARIABLE = "_UNDER_TEST"
KILL_ROUNDS = 50  # a program that forks faster than this cannot be stopped
ROUND_SECONDS = 0.005
DEAD = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}


def new_mark() -> str:
    return secrets.token_hex(8)


def marked_environment(mark: str) -> dict[str, str]:
    """Return this process's environment, with *mark* added to the marks in it."""
    return {**os.environ, MARK_VARIABLE: f"{os.environ.get(MARK_VARIABLE, '')} {mark}".strip()}


def descendants(leader: int, mark: str) -> Iterator[psutil.Process]:
    """Yield all living processes in the session of *leader*, or with *mark*."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() in DEAD:
                continue
            if os.getsid(process.pid) == leader or mark in process.environ().get(MARK_VARIABLE, ""):
                yield process


def kill_all(leader: int, mark: str) -> None:
    """Kill all descendants, and the processes that they start meanwhile."""
    _signal_group(leader, signal.SIGKILL)
    for _ in range(KILL_ROUNDS):
        left = [process for process in descendants(leader, mark) if process.pid != os.getpid()]
        if not left:
            return
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(ROUND_SECONDS)


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


@dataclass(frozen=True, slots=True)
class Limits:
    """The resources that a process may use; 0 is unlimited."""

    cpu_seconds: int = 0
    memory_bytes: int = 0  # of address space
    file_bytes: int = 64 * 1024 * 1024  # of each file that it writes


def limited(limits: Limits, *, parent: int = 0, folder: Path | None = None) -> list[str]:
    """Return the words to put before a command, so that it runs in *folder* within *limits*.

    If *parent* is given, the program ends with that process.
    """
    most = (limits.cpu_seconds, limits.memory_bytes, limits.file_bytes)
    return [sys.executable, "-I", "-S", str(LAUNCHER), *map(str, (parent, *most, folder or "."))]


class OutputTail:
    """The end of the output of a process; the pipe is always read, so that it never fills up."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._content = b""
        os.set_blocking(pipe.fileno(), False)
        asyncio.get_running_loop().add_reader(pipe.fileno(), self._read)

    @property
    def text(self) -> str:
        self._read(MAX_READS)
        return self._content.decode("utf-8", "backslashreplace")

    def close(self) -> None:
        self._read(MAX_READS)
        self._close_pipe()

    def _read(self, most: int = 1) -> None:
        """Read what is there, *most* times at most: the process may write as fast as this reads."""
        for _ in range(most):
            if self._pipe.closed:
                return
            try:
                piece = os.read(self._pipe.fileno(), OUTPUT_BYTES)
            except BlockingIOError:
                return
            self._content = (self._content + piece)[-OUTPUT_BYTES:]
            if not piece:
                self._close_pipe()

    def _close_pipe(self) -> None:
        if not self._pipe.closed:
            with contextlib.suppress(RuntimeError):  # the loop may have ended before
                asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self._pipe.close()


class ServerProcess:
    """One process of the server under test, from its start to its end."""

    def __init__(self, arguments: list[str]) -> None:
        self._mark = new_mark()
        self._process = subprocess.Popen(
            [*limited(Limits(), parent=os.getpid()), *arguments],
            env={"PYTHONUNBUFFERED": "1", **marked_environment(self._mark)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.stdout = OutputTail(self._process.stdout)
        self.stderr = OutputTail(self._process.stderr)
        self.ended_by_us = False
        atexit.register(self.end)

    def exit_code(self) -> int | None:
        """Return the exit code: None while the process runs, negative for a signal."""
        return self._process.poll()

    async def stop(self, number: signal.Signals, seconds: float) -> None:
        """Send *number*, wait for the end for at most *seconds*, and kill the remaining descendants."""
        try:
            if self.exit_code() is None:
                self.ended_by_us = True
                _signal_group(self._process.pid, number)
                deadline = time.monotonic() + seconds
                while self.exit_code() is None and time.monotonic() < deadline:  # noqa: ASYNC110
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            self.end()

    def end(self) -> None:
        """Kill the process and all its descendants."""
        self.ended_by_us |= self.exit_code() is None
        kill_all(self._process.pid, self._mark)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_SECONDS)
        self.stdout.close()
        self.stderr.close()
        atexit.unregister(self.end)

    def listening_on(self) -> set[int]:
        """Return the TCP ports that the process and its descendants listen on, as far as visible."""
        ports = set()
        for process in descendants(self._process.pid, self._mark):
            with contextlib.suppress(psutil.Error):
                connections = process.net_connections("tcp")
                ports |= {one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN}
        return ports

    def end_in_words(self) -> str:
        return f"{self._exit_in_words()}.{self.output_in_words()}"

    def output_in_words(self) -> str:
        for name, tail in (("stderr", self.stderr), ("stdout", self.stdout)):
            if lines := tail.text.rstrip().splitlines():
                return "\n".join([f" Its {name} ended with:", *lines[-SHOWN_LINES:]])
        return " It wrote nothing."

    def _exit_in_words(self) -> str:
        code = self._process.returncode
        if code >= 0:
            return f"ended with exit code {code}"
        if -code == signal.SIGXCPU:
            return "was ended: it used more CPU time than its limit"
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"
