"""Listening: the sockets that the settings ask for, and what to say when one cannot be had."""

from __future__ import annotations

import errno
import logging
import ssl
from typing import TYPE_CHECKING

from chateau.net import listener
from chateau.settings import flag_of

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from chateau.settings import Settings

log = logging.getLogger(__name__)

_PORT_TROUBLES = frozenset((errno.EADDRINUSE, errno.EACCES))


class StartError(Exception):
    """The server cannot start; the text says why and which setting is to be changed."""


def bound(settings: Settings, name: str) -> list[socket.socket]:
    """The sockets for the port that the setting *name* gives.

    None, with a warning, where the port is taken that is the line protocol's by default.

    Raises:
        StartError: the port is taken, or the host is no address of this machine.
    """
    host, port = settings.host, getattr(settings, name)
    try:
        return listener.bind(host, port, reuse_addr=settings.reuse_addr, reuse_port=settings.reuse_port)
    except OSError as exc:
        if exc.errno not in _PORT_TROUBLES:
            raise StartError(f"--host {host}: cannot listen there: {exc.strerror or exc}") from exc
        trouble = f"{flag_of(name)} {port}: cannot listen on {host}: {exc.strerror}"
        if name == "port" or name in settings.given:
            raise StartError(trouble) from exc
        log.warning("%s; go on without it (another port, or 0, avoids this)", trouble)
        return []


def bound_unix(path: Path) -> socket.socket:
    """The UNIX socket *path*.

    Raises:
        StartError: it cannot be made.
    """
    try:
        return listener.bind_unix(path)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise StartError(f"--usock {path}: cannot listen there: {reason}") from exc


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """What TLS needs, where the settings ask for it.

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


def shown(sock: socket.socket) -> str:
    """Where *sock* listens, as URLs have it."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
