"""Settings in environment variables, and the variables that only look like settings."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable

_LINK = re.compile(r"(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
"""Names, without the prefix, that Kubernetes sets in every container for a Service called ``chateau``, or
``chateau-`` and more."""

_LINKED_PORT = re.compile(r"(tcp|udp|sctp)://")
"""How the values of ``CHATEAU_PORT`` and ``CHATEAU_LINES_PORT`` begin if Kubernetes has set them."""

_SHOWN = 5


def environment_settings(prefix: str, names: Collection[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the values of the settings *names* in the environment, and warnings about what is ignored.

    The variable of a setting is its name in capitals after *prefix*. A value is :func:`trimmed`; an empty
    variable counts as unset.
    """
    found: dict[str, str] = {}
    links, unknown = [], []
    for variable, value in sorted(os.environ.items()):
        if not variable.upper().startswith(prefix):
            continue
        name = variable[len(prefix) :].lower()
        stripped = trimmed(value)
        is_setting = name in names
        if _is_link(name, stripped, is_setting=is_setting):
            links.append(variable)
        elif not is_setting:
            unknown.append(variable)
        elif stripped:
            found[name] = stripped
    return found, tuple(_warnings(links, unknown))


def trimmed(value: str) -> str:
    """Return *value* without a byte order mark and line ends at its end, which ``$(<FILE)`` can leave."""
    return value.removeprefix("\ufeff").rstrip("\r\n")


def _is_link(name: str, value: str, *, is_setting: bool) -> bool:
    """Return whether Kubernetes has set the variable, not the user."""
    if (name == "port" or name.endswith("_port")) and _LINKED_PORT.match(value):
        return True
    return not is_setting and _LINK.fullmatch(name.upper()) is not None


def _warnings(links: list[str], unknown: list[str]) -> Iterable[str]:
    if links:
        yield f"{_listed(links)}: ignored, since Kubernetes sets these for a Service of this name"
    if unknown:
        yield f"{_listed(unknown)}: ignored, since no setting has this name"


def _listed(variables: list[str]) -> str:
    more = f" and {len(variables) - _SHOWN} more" if len(variables) > _SHOWN else ""
    return ", ".join(variables[:_SHOWN]) + more
