"""One life of a program that is tested: started in a session of its own, read, watched and ended."""

import asyncio
import atexit
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from chateau.client.under_test import family
from chateau.client.under_test.ports import TABLES, listeners

KEPT_BYTES = 64 * 1024  # of stdout and of stderr
TOLD_LINES = 20  # of these, in a sentence
POLL_SECONDS = 0.01
KILL_SECONDS = 2.0
LAUNCHER = Path(__file__).with_name("limited.py")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server under test may use; 0 is without limit."""

    cpu_seconds: int = 0
    memory_bytes: int = 0  # of address space
    file_bytes: int = 64 * 1024 * 1024  # of each file that it writes


class Tail:
    """The end of what a program writes to one of its pipes, which never fills up."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._kept = b""
        os.set_blocking(pipe.fileno(), False)
        asyncio.get_running_loop().add_reader(pipe.fileno(), self._read_once)

    @property
    def text(self) -> str:
        self._read_what_is_there()
        return self._kept.decode("utf-8", "backslashreplace")

    def close(self) -> None:
        if not self._pipe.closed:
            self._read_what_is_there()
        if not self._pipe.closed:
            self._forget()

    def _read_what_is_there(self) -> None:
        for _ in range(64):  # it may write as fast as this reads
            if self._pipe.closed or not self._read_once():
                return

    def _read_once(self) -> bool:
        try:
            piece = os.read(self._pipe.fileno(), KEPT_BYTES)
        except BlockingIOError:
            return False
        self._kept = (self._kept + piece)[-KEPT_BYTES:]
        if not piece:
            self._forget()
        return bool(piece)

    def _forget(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may be gone before us
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
        self._pipe.close()


class Program:
    """One life of the server under test."""

    def __init__(self, arguments: list[str], cwd: Path | None, limits: Limits) -> None:
        self._mark = family.new_mark()
        self._limits = limits
        self._process = subprocess.Popen(
            [*limited(limits, parent=os.getpid()), *arguments],
            cwd=cwd,
            env={"PYTHONUNBUFFERED": "1", **family.environment(self._mark)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.stdout = Tail(self._process.stdout)
        self.stderr = Tail(self._process.stderr)
        self.ended_by_us = False
        atexit.register(self.end)

    def exit_code(self) -> int | None:
        """None while it runs; below 0 for a signal."""
        return self._process.poll()

    async def stop(self, number: signal.Signals, seconds: float) -> None:
        """Send *number*, wait until it has ended but for no longer than *seconds*, and end what is left."""
        try:
            if self.exit_code() is None:
                self.ended_by_us = True
                family.signal_group(self._process.pid, number)
                await self._until_ended(seconds)
        finally:
            self.end()

    def end(self) -> None:
        """Kill it and all that it started, at once."""
        self.ended_by_us |= self.exit_code() is None
        family.end(self._process.pid, self._mark)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_SECONDS)
        self.stdout.close()
        self.stderr.close()
        atexit.unregister(self.end)

    def listening_on(self) -> set[int]:
        """The ports on which it listens; nothing elsewhere than on Linux."""
        sockets = family.open_sockets(self._process.pid, self._mark)
        return {listener.port for listener in listeners() if listener.inode in sockets}

    def has(self, ports: Iterable[int]) -> bool:
        """Whether it is itself who listens on *ports*, as far as the system tells."""
        return not TABLES[0].exists() or self.listening_on() >= set(ports)

    def end_in_words(self) -> str:
        return f"{_exit_in_words(self._process.returncode, self._limits)}.{self.output_in_words()}"

    def output_in_words(self) -> str:
        for name, tail in (("stderr", self.stderr), ("stdout", self.stdout)):
            if lines := tail.text.rstrip().splitlines():
                return "\n".join([f" Its {name} ended with:", *lines[-TOLD_LINES:]])
        return " It wrote nothing."

    async def _until_ended(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.exit_code() is None and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)


def limited(limits: Limits, *, parent: int = 0, folder: Path | None = None) -> list[str]:
    """The words that stand before a command, so that it runs in *folder* within *limits*.

    Where there is a *parent*, the program is not to outlive that process.
    """
    most = (limits.cpu_seconds, limits.memory_bytes, limits.file_bytes)
    return [sys.executable, "-I", "-S", str(LAUNCHER), *map(str, (parent, *most, folder or "."))]


def _exit_in_words(code: int, limits: Limits) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    if -code == signal.SIGXCPU:
        return f"was ended: it used more than its {limits.cpu_seconds} s of CPU time"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
