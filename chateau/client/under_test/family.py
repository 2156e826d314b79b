"""All processes that came from one: its group, and those that left the group.

A process that is started with a mark in its environment hands it down to its children, whatever groups and
sessions they make for themselves. Elsewhere than on Linux, only the group is seen.
"""

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "_UNDER_TEST"
PROC = Path("/proc")
ROUNDS = 50  # what forks faster than this is not stopped by us
ROUND_SECONDS = 0.005


def new_mark() -> str:
    return secrets.token_hex(8)


def environment(mark: str) -> dict[str, str]:
    """This process's environment, with *mark* beside the marks that it has already."""
    return {**os.environ, VARIABLE: f"{os.environ.get(VARIABLE, '')} {mark}".strip()}


def members(leader: int, mark: str) -> Iterator[int]:
    """The ids of all living processes of the session of *leader*, or with *mark*."""
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, session = _state_and_session(folder)
            if state in "ZX":
                continue
            if session == leader or mark.encode() in (folder / "environ").read_bytes():
                yield int(folder.name)


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send *number* to the group of *leader*, where there still is one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def end(leader: int, mark: str) -> None:
    """Kill all of them, and what they start meanwhile."""
    signal_group(leader, signal.SIGKILL)
    for _ in range(ROUNDS):
        left = [member for member in members(leader, mark) if member != os.getpid()]
        if not left:
            return
        for member in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(member, signal.SIGKILL)
        time.sleep(ROUND_SECONDS)


def open_sockets(leader: int, mark: str) -> set[str]:
    """The inodes of the sockets that they have open."""
    links = (link for member in members(leader, mark) for link in _links(member))
    return {link.removeprefix("socket:[").rstrip("]") for link in links if link.startswith("socket:[")}


def _links(member: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for file in (PROC / str(member) / "fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(file.readlink())


def _state_and_session(folder: Path) -> tuple[str, int]:
    """From /proc/PID/stat, where the name in parentheses may have blanks and parentheses."""
    after_name = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return after_name[0], int(after_name[3])
