"""Listening sockets: those of the settings, and the errors that prevent the start.

When the process is out of file descriptors, an accept loop fails continuously, since the client stays in the
backlog. A :class:`Listener` reserves one descriptor for this case: it accepts the client and closes the
connection.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tornado.netutil import bind_unix_socket

from chateau.net.log_limits import is_milestone
from chateau.settings import ALL, flag_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chateau.settings import Settings

log = logging.getLogger(__name__)

BACKLOG = 1024

_PORT_ERRORS = frozenset((errno.EADDRINUSE, errno.EACCES))
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_FREE_PORT_ATTEMPTS = 10
_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE))


class StartError(Exception):
    """The server cannot start; the text names the reason and the setting to change."""


def bind_port(settings: Settings, name: str) -> list[socket.socket]:
    """Return the sockets for the port in the setting *name*.

    Return none, with a warning, if the default port of the line protocol is taken.

    Raises:
        StartError: the port is taken, or the host is not an address of this machine.
    """
    port = getattr(settings, name)
    try:
        return bind(settings.hosts, port, reuse_addr=settings.reuse_addr, reuse_port=settings.reuse_port)
    except OSError as exc:
        if exc.errno not in _PORT_ERRORS:
            raise StartError(f"--host {settings.host}: cannot listen there: {exc.strerror or exc}") from exc
        error = f"{flag_of(name)} {port}: cannot listen on {settings.host}: {exc.strerror}"
        if name == "port" or name in settings.given:
            raise StartError(error) from exc
        flag = flag_of(name)
        log.warning(
            "%s; continuing without the line protocol (use %s to choose another port, or 0 to disable)",
            error,
            flag,
        )
        return []


def bind_usock(path: Path, mode: int) -> socket.socket:
    """Return the UNIX socket *path* of the setting ``usock``, with the permissions *mode*.

    Raises:
        StartError: it cannot be created.
    """
    try:
        return bind_unix(path, mode)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise StartError(f"--usock {path}: cannot listen there: {reason}") from exc


def format_address(sock: socket.socket) -> str:
    """Return the address of *sock* as in a URL."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind(
    hosts: Sequence[str], port: int, *, reuse_addr: bool = True, reuse_port: bool = False
) -> list[socket.socket]:
    """Return sockets that listen on *port* of all addresses of *hosts*; port 0 takes one that is free on all.

    Raises:
        OSError: the port is taken, or an address is not this machine's.
    """
    addresses = resolved(hosts)
    for attempt in range(_FREE_PORT_ATTEMPTS):
        try:
            return _bind_all(addresses, port, reuse_addr=reuse_addr, reuse_port=reuse_port)
        except OSError as exc:  # the port that is free on the first address may be taken on the others
            if port or exc.errno != errno.EADDRINUSE or attempt == _FREE_PORT_ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def resolved(hosts: Sequence[str]) -> list[tuple[socket.AddressFamily, Any]]:
    """Return the addresses of *hosts*, each once; ``*`` and ``::`` are all addresses, IPv4 and IPv6.

    Raises:
        OSError: a host is unknown.
    """
    addresses: list[tuple[socket.AddressFamily, Any]] = []
    for host in hosts:
        name = None if host in (ALL, "::") else host
        found = socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        addresses += [(family, address) for family, _, _, _, address in found if family in _FAMILIES]
    return list(dict.fromkeys(addresses))


def _bind_all(
    addresses: Sequence[tuple[socket.AddressFamily, Any]], port: int, *, reuse_addr: bool, reuse_port: bool
) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for family, address in addresses:
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
            except OSError as exc:
                if exc.errno == errno.EAFNOSUPPORT and len(addresses) > 1:
                    continue  # a machine without IPv6
                raise
            sockets.append(sock)
            _set_options(sock, reuse_addr=reuse_addr, reuse_port=reuse_port)
            try:
                sock.bind((address[0], port, *address[2:]))
            except OSError as exc:
                if exc.errno != errno.EADDRNOTAVAIL or not _may_be_missing(address, addresses):
                    raise
                sockets.pop().close()  # as in containers whose hosts file has ::1
                continue
            sock.listen(BACKLOG)
            port = port or sock.getsockname()[1]
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    if not sockets:
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    return [Listener(fileno=sock.detach()) for sock in sockets]


def _set_options(sock: socket.socket, *, reuse_addr: bool, reuse_port: bool) -> None:
    if reuse_addr and os.name != "nt":  # on Windows, several servers could share the port
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if sock.family == socket.AF_INET6:  # IPv4 has a socket of its own
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def _may_be_missing(address: Any, addresses: Sequence[Any]) -> bool:
    """Return whether *address* is an IPv6 one that names resolve to although the machine has no IPv6."""
    return address[0] in ("::1", "::") and len(addresses) > 1


def bind_unix(path: Path, mode: int) -> socket.socket:
    """Return a UNIX socket that listens at *path*, with the permissions *mode*, whatever the umask is.

    Raises:
        OSError: it cannot be created there.
    """
    if _is_in_use(path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    sock = bind_unix_socket(str(path), mode=mode, backlog=BACKLOG)
    return Listener(fileno=sock.detach())


def _is_in_use(path: Path) -> bool:
    """Return whether a process listens at the UNIX socket *path*; Tornado would replace it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


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
        if is_milestone(self._rejected):
            log.error("out of file descriptors: %d client(s) rejected so far", self._rejected)


def raise_descriptor_limit() -> None:
    """Raise this process's limit of open files and sockets to the maximum that the system allows."""
    try:
        import resource
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
