"""Listening: the sockets that clients come in by.

Out of file descriptors, an accept loop fails without end, since the client goes on waiting at the door.
A listener keeps one descriptor in reserve for that moment: with it the client is let in and sent away.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from pathlib import Path
from typing import Any

from tornado.netutil import bind_sockets, bind_unix_socket

log = logging.getLogger(__name__)

BACKLOG = 1024
_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE))


def bind(host: str, port: int, *, reuse_addr: bool = True, reuse_port: bool = False) -> list[socket.socket]:
    """The sockets that listen on *host* and *port*; 0 is a free one.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    if reuse_addr:
        sockets = bind_sockets(port, host, backlog=BACKLOG, reuse_port=reuse_port)
    else:
        sockets = _bind_afresh(host, port, reuse_port=reuse_port)
    return [Listener(fileno=sock.detach()) for sock in sockets]


def bind_unix(path: Path) -> socket.socket:
    """The UNIX socket *path*, listening; who may connect is the umask's matter.

    Raises:
        OSError: it cannot be made there.
    """
    if _is_served(path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    umask = os.umask(0)
    os.umask(umask)
    sock = bind_unix_socket(str(path), mode=0o666 & ~umask, backlog=BACKLOG)
    return Listener(fileno=sock.detach())


def _is_served(path: Path) -> bool:
    """Whether somebody listens at the UNIX socket *path*: Tornado takes it for one that was left behind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


def _bind_afresh(host: str, port: int, *, reuse_port: bool) -> list[socket.socket]:
    """As Tornado's bind_sockets, which always reuses an address."""
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        ):
            sock = socket.socket(family, kind, protocol)
            sockets.append(sock)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if reuse_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(address)
            sock.listen(BACKLOG)
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


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
