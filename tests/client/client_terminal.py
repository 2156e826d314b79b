"""A terminal with the test client in it: keys in, screen text out."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

from client_process import COMMAND, PROGRAM
from forked_process import ForkedProcess
from scripted_server import PATIENCE_SECONDS

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x07")
ROWS, COLUMNS = 60, 120


class Terminal:
    """A pseudo-terminal; what the client writes is read until the text waited for has come."""

    def __init__(
        self,
        words: list[str],
        *,
        cwd: Path,
        env: dict[str, str],
        stdout: int | None = None,
        as_program: bool = False,
    ) -> None:
        """*as_program*: start test_client.py in a new Python, instead of a fork."""
        self._keys, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._settings = termios.tcgetattr(inside)
        streams = {"stdin": inside, "stdout": inside if stdout is None else stdout, "stderr": inside}
        self.process = (
            subprocess.Popen([*COMMAND, *words], cwd=cwd, env=env, start_new_session=True, **streams)
            if as_program
            else ForkedProcess([PROGRAM, *words], cwd=cwd, env=env, **streams)
        )
        self._inside = inside
        self.raw = ""
        self._seen = 0

    def type(self, keys: str) -> None:
        os.write(self._keys, keys.encode())

    def wait_for(self, text: str) -> str:
        """Read on until *text* has appeared after what was waited for before; what came up to it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (at := self.screen.find(text, self._seen)) < 0:
            assert self._read_until(deadline), f"{text!r} is not in {self.screen[self._seen :]!r}"
        before, self._seen = self.screen[self._seen : at], at + len(text)
        return before

    def leave(self) -> int:
        """The exit code, once the client has left and all that it wrote is read."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.process.poll() is None:
            self._read_until(min(deadline, time.monotonic() + 0.05))
            assert time.monotonic() < deadline, self.screen
        while self._read_until(time.monotonic()):
            pass
        return self.process.returncode

    @property
    def screen(self) -> str:
        return CONTROL.sub("", self.raw)

    @property
    def is_restored(self) -> bool:
        """Whether the terminal is set as it was before."""
        return termios.tcgetattr(self._inside) == self._settings

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._keys)
        os.close(self._inside)

    def _read_until(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._keys], [], [], max(0, deadline - time.monotonic()))
        if ready:
            self.raw += os.read(self._keys, 65536).decode(errors="replace")
        return bool(ready)
