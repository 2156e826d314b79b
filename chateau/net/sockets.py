"""Listening sockets: those of the settings, TLS, and the errors that prevent the start.

When the process is out of file descriptors, an accept loop fails continuously, since the client stays in the
backlog. A :class:`Listener` reserves one descriptor for this case: it accepts the client and closes the
connection.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tornado.netutil import bind_sockets, bind_unix_socket

from chateau.settings import flag_of

if TYPE_CHECKING:
    from chateau.settings import Settings

log = logging.getLogger(__name__)

BACKLOG = 1024

_PORT_ERRORS = frozenset((errno.EADDRINUSE, errno.EACCES))
_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE))


class StartError(Exception):
    """The server cannot start; the text names the reason and the setting to change."""


def bind_port(settings: Settings, name: str) -> list[socket.socket]:
    """Return the sockets for the port in the setting *name*.

    Return none, with a warning, if the default port of the line protocol is taken.

    Raises:
        StartError: the port is taken, or the host is not an address of this machine.
    """
    host, port = settings.host, getattr(settings, name)
    try:
        return bind(host, port, reuse_addr=settings.reuse_addr, reuse_port=settings.reuse_port)
    except OSError as exc:
        if exc.errno not in _PORT_ERRORS:
            raise StartError(f"--host {host}: cannot listen there: {exc.strerror or exc}") from exc
        error = f"{flag_of(name)} {port}: cannot listen on {host}: {exc.strerror}"
        if name == "port" or name in settings.given:
            raise StartError(error) from exc
        flag = flag_of(name)
        log.warning(
            "%s; continuing without the line protocol (use %s to choose another port, or 0 to disable)",
            error,
            flag,
        )
        return []


def bind_usock(path: Path) -> socket.socket:
    """Return the UNIX socket *path* of the setting ``usock``.

    Raises:
        StartError: it cannot be created.
    """
    try:
        return bind_unix(path)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise StartError(f"--usock {path}: cannot listen there: {reason}") from exc


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS context of the settings; None without TLS.

    Raises:
        StartError: the certificate or the key cannot be used.
    """
    if settings.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as exc:
        flags = f"--tls-cert {settings.tls_cert}, --tls-key {settings.tls_key}"
        raise StartError(f"{flags}: {exc.strerror or exc}") from exc
    return context


def format_address(sock: socket.socket) -> str:
    """Return the address of *sock* as in a URL."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind(host: str, port: int, *, reuse_addr: bool = True, reuse_port: bool = False) -> list[socket.socket]:
    """Return sockets that listen on *host* and *port*; port 0 takes a free one.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    if reuse_addr:
        sockets = bind_sockets(port, host, backlog=BACKLOG, reuse_port=reuse_port)
    else:
        sockets = _bind_without_reuse(host, port, reuse_port=reuse_port)
    return [Listener(fileno=sock.detach()) for sock in sockets]


def bind_unix(path: Path) -> socket.socket:
    """Return a UNIX socket that listens at *path*; the umask decides who may connect.

    Raises:
        OSError: it cannot be created there.
    """
    if _is_in_use(path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    umask = os.umask(0)
    os.umask(umask)
    sock = bind_unix_socket(str(path), mode=0o666 & ~umask, backlog=BACKLOG)
    return Listener(fileno=sock.detach())


def _is_in_use(path: Path) -> bool:
    """Return whether a process listens at the UNIX socket *path*; Tornado would replace it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


def _bind_without_reuse(host: str, port: int, *, reuse_port: bool) -> list[socket.socket]:
    """Do as Tornado's bind_sockets, which always reuses an address."""
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
    """A listening socket that closes connections for which there is no file descriptor."""

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self.setblocking(False)
        self._reserve = os.open(os.devnull, os.O_RDONLY)
        self._rejected = 0

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection and its address.

        Raises:
            BlockingIOError: there is none.
        """
        try:
            return super().accept()
        except OSError as exc:
            if exc.errno not in _EXHAUSTED:
                raise
            self._reject_one()
            raise BlockingIOError from exc

    def close(self) -> None:
        """Stop listening."""
        if self.fileno() >= 0:
            os.close(self._reserve)
        super().close()

    def _reject_one(self) -> None:
        os.close(self._reserve)
        try:
            super().accept()[0].close()  # BlockingIOError if no client waits: the system checks that last
        finally:
            self._reserve = os.open(os.devnull, os.O_RDONLY)
        self._rejected += 1
        if self._rejected & (self._rejected - 1) == 0:  # the 1st, 2nd, 4th, 8th …: not a line for each
            log.error("out of file descriptors: %d client(s) rejected so far", self._rejected)


def raise_descriptor_limit() -> None:
    """Raise this process's limit of open files and sockets to the maximum that the system allows."""
    try:
        import resource
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
