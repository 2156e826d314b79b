"""Listening: the sockets that clients come in by.

Out of file descriptors, an accept loop fails without end, since the client goes on waiting at the door.
A listener keeps one descriptor in reserve for that moment: with it the client is let in and sent away.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from typing import Any

from tornado.netutil import bind_sockets

log = logging.getLogger(__name__)

BACKLOG = 1024
_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE))


def bind(host: str, port: int) -> list[socket.socket]:
    """The sockets that listen on *host* and *port*; 0 is a free one.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    return [Listener(fileno=sock.detach()) for sock in bind_sockets(port, host, backlog=BACKLOG)]


class Listener(socket.socket):
    """A listening socket that sends away whom it has no file descriptor for."""

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self.setblocking(False)
        self._reserve = os.open(os.devnull, os.O_RDONLY)
        self._sent_away = 0

    def accept(self) -> tuple[socket.socket, Any]:
        """The next client.

        Raises:
            BlockingIOError: there is none.
        """
        try:
            return super().accept()
        except OSError as exc:
            if exc.errno not in _EXHAUSTED:
                raise
            self._send_one_away()
            raise BlockingIOError from exc

    def close(self) -> None:
        """Listen no more."""
        if self.fileno() >= 0:
            os.close(self._reserve)
        super().close()

    def _send_one_away(self) -> None:
        os.close(self._reserve)
        try:
            super().accept()[0].close()  # BlockingIOError where nobody waits: the system looks for that last
        finally:
            self._reserve = os.open(os.devnull, os.O_RDONLY)
        self._sent_away += 1
        if self._sent_away & (self._sent_away - 1) == 0:  # the 1st, 2nd, 4th, 8th …: not a line for each
            log.error("out of file descriptors: %d client(s) sent away so far", self._sent_away)


def raise_descriptor_limit() -> None:
    """Let this process have as many files and sockets open as the system allows it."""
    try:
        import resource
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
