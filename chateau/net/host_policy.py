"""Host policy: the names that requests may be addressed to.

A web page of any site can let its own name point to 127.0.0.1 and then talk to a server there as its own
(DNS rebinding). The request still carries the name of that site as its ``Host``. So a server on a loopback
address accepts loopback names and configured ones only. No browser uses a UNIX socket, or HTTP/1.0 without
``Host``; and health checks have to work by any name.
"""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from chateau.hosts import DEFAULT_PORTS, is_loopback, normalized_host, split_port
from chateau.net.log_limits import LogLimit
from chateau.settings import ALL, UNIX, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tornado.httputil import HTTPHeaders, RequestStartLine

    from chateau.settings import Settings

log = logging.getLogger(__name__)

HEALTH_PATHS: Final = ("/healthz", "/readyz")

KNOWN: Final = 256
"""Maximum number of accepted values of ``Host`` that are remembered, to be accepted without parsing."""


class HostPolicy:
    """Which values of ``Host`` are accepted."""

    def __init__(
        self,
        patterns: Iterable[str] = (ALL,),
        *,
        url_prefix: str = "",
        clock: Callable[[], float] | None = None,
    ) -> None:
        """*patterns* are normalized hosts, ``*.`` and a name for all names below it, or ``*`` for all."""
        given = tuple(patterns)
        self._accepts_all = ALL in given
        self._hosts = frozenset(each for each in given if not each.startswith("*"))
        self._suffixes = tuple(each[1:] for each in given if each.startswith("*."))
        self._exempt_paths = tuple(url_prefix + path for path in HEALTH_PATHS)
        self._known: set[str] = set()
        self._log_limit = LogLimit() if clock is None else LogLimit(clock=clock)

    def accepts(self, authority: str) -> bool:
        """Return whether *authority*, the value of ``Host``, is accepted; its port does not count."""
        if self._accepts_all or authority in self._known:
            return True
        try:
            host, _ = split_port(authority)
        except ValueError:
            return False
        accepted = is_loopback(host) or host in self._hosts or host.endswith(self._suffixes)
        if accepted and len(self._known) < KNOWN:
            self._known.add(authority)
        return accepted

    def check_for(self, context: Any) -> Callable[[str], bool]:
        """Return the check of ``Host`` on the connection with Tornado's *context*."""
        return accepts_any if is_unix(context) else self.accepts

    def rejection(self, start_line: RequestStartLine, headers: HTTPHeaders, context: Any) -> str | None:
        """Return why the request is refused, and log it; None if it is accepted."""
        if self._accepts_all or is_unix(context):
            return None
        refused = [each for each in authorities(start_line.path, headers) if not self.accepts(each)]
        if not refused or self._is_exempt(start_line.path):
            return None
        host = _host_in(refused[0])
        if self._log_limit.allows(host or ""):
            log.info("a request to the host %s is refused with 421: %s", host or "(invalid)", _expected(host))
        if host is None:
            return f"The header Host is not a host name: {_expected(host)}."
        return f"This server is not at the host {host}: {_expected(host)}."

    def _is_exempt(self, target: str) -> bool:
        return target.partition("?")[0].removesuffix("/") in self._exempt_paths


def authorities(target: str, headers: HTTPHeaders) -> list[str]:
    """Return every name that a request is addressed to: by its headers, and by an absolute *target*."""
    found = headers.get_list("Host")
    if "://" in target.partition("?")[0]:
        found = [target.partition("://")[2].partition("/")[0].partition("?")[0], *found]
    return found


def host_policy(settings: Settings, sockets: Iterable[socket.socket]) -> HostPolicy:
    """Return the policy of the *settings* for a server that listens on *sockets*.

    Raises:
        SettingsError: they have loopback addresses, and a proxy sends other names, which are not given.
    """
    is_local = all(is_loopback(sock.getsockname()[0]) for sock in sockets)
    if is_local and not settings.allow_host and any(proxy != UNIX for proxy in settings.trusted_proxy):
        raise SettingsError(
            f"--trusted-proxy on the loopback address {settings.host}: expected --allow-host too, with the "
            "name by which clients reach the proxy, such as --allow-host chat.example.org (or * for all)"
        )
    patterns = {ALL}
    if is_local or settings.allow_host:
        patterns = {*settings.allow_host, *_hosts_of(settings.allow_origin)}
        for host in settings.hosts:
            with suppress(ValueError):  # a name that only this machine's resolver understands
                patterns.add(normalized_host(host))
    return HostPolicy(patterns, url_prefix=settings.url_prefix)


def _hosts_of(origins: Iterable[str]) -> Iterator[str]:
    for origin in origins:
        scheme, _, authority = origin.partition("://")
        if scheme in DEFAULT_PORTS:
            yield split_port(authority)[0]


def is_unix(context: Any) -> bool:
    """Return whether the connection with Tornado's *context* came over a UNIX socket."""
    return bool(context.address_family == getattr(socket, "AF_UNIX", None))


def accepts_any(authority: str) -> bool:  # noqa: ARG001 - a check like HostPolicy.accepts
    """Accept any host."""
    return True


def _host_in(authority: str) -> str | None:
    """Return the host in *authority*, normalized, which can stand in a log line; None if it is invalid."""
    try:
        return split_port(authority)[0]
    except ValueError:
        return None


def _expected(host: str | None) -> str:
    if host is None:
        return "expected a name of this server (see --allow-host)"
    return f"--allow-host {host} would accept it"
