"""Ports of this machine: which are free, and who listens where.

A look at who listens must not disturb: a server under test that accepts one connection only would waste it on
the question. So Linux is asked for its table, and only other systems by a connection.
"""

import contextlib
import random
import socket
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

HOST = "127.0.0.1"
CHOICE = range(20_000, 32_000)  # below the ports that systems give to outgoing connections
TRIES = 1000
LISTEN = "0A"  # linux/net/tcp_states.h
REACHED = {"0100007F", "00000000", "0" * 32, "0" * 16 + "FFFF00000100007F"}  # as the table writes addresses
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens; *inode* is how Linux names it in its owner's open files."""

    port: int
    reached: bool  # from 127.0.0.1, that is
    inode: str


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has at the moment."""
    for port in random.sample(CHOICE, TRIES):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("", port))
            return port
    raise OSError("There is no free port on this machine.")


def listens(port: int) -> bool:
    """Whether somebody listens on *port* of 127.0.0.1."""
    if TABLES[0].exists():
        return any(listener.port == port and listener.reached for listener in listeners())
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def listeners() -> list[Listener]:
    """All that listen on this machine; Linux only, and nothing elsewhere."""
    return [_listener(row) for table in TABLES for row in _rows(table)]


def _rows(table: Path) -> list[list[str]]:
    """Those of sockets that listen, which Linux lists first; after them may come thousands of others."""
    try:
        with table.open(encoding="ascii") as file:
            next(file, None)  # the columns' names
            return list(takewhile(lambda row: row[3] == LISTEN, map(str.split, file)))
    except OSError:
        return []


def _listener(row: list[str]) -> Listener:
    address, _, port = row[1].rpartition(":")
    return Listener(int(port, 16), address in REACHED, row[9])
