"""``--check``: try everything that the settings name, without listening, writing or waiting for others."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chateau import plugins
from chateau.exposure import exposure
from chateau.net.sockets import StartError, resolved
from chateau.net.tls import tls_context
from chateau.settings import MEMORY, Settings
from chateau.store.sqlite import FILE_NAME
from chateau.store.sqlite_schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chateau.protocols.plugin_commands import Command

_HEADER: Final = b"SQLite format 3\0"
_VERSION_AT: Final = 60  # where the header has user_version (SQLite's file format, section 1.3)


def check(settings: Settings) -> list[str]:
    """Return what is exposed, if a server with *settings* could start; a running one may use the same data.

    Raises:
        StartError: a plug-in, a certificate, the host, or the data folder cannot be used.
    """
    loaded_plugins(settings.plugin)
    tls_context(settings)
    addresses = _addresses(settings)
    if settings.usock is not None and not os.access(settings.usock.absolute().parent, os.W_OK | os.X_OK):
        raise StartError(f"--usock {settings.usock}: cannot listen there: its folder cannot be written")
    if settings.data != MEMORY:
        _check_data(Path(settings.data))
    return exposure(settings, addresses)


def loaded_plugins(names: Sequence[str]) -> dict[str, Command]:
    """Return the commands of the plug-ins *names*.

    Raises:
        StartError: a plug-in cannot be loaded.
    """
    try:
        return plugins.load(names)
    except plugins.PluginError as exc:
        raise StartError(f"--plugin {exc}") from exc


def _addresses(settings: Settings) -> list[str]:
    """Return the addresses of the hosts, all of which are this machine's."""
    try:
        addresses = resolved(settings.hosts)
        for family, address in addresses:
            if address[0] != "::1":  # not there on every machine, and not an error if it is one of several
                with socket.socket(family, socket.SOCK_STREAM) as probe:
                    probe.bind((address[0], 0, *address[2:]))
    except OSError as exc:
        raise StartError(f"--host {settings.host}: cannot listen there: {exc.strerror or exc}") from exc
    return [address[0] for _, address in addresses]


def _check_data(folder: Path) -> None:
    """Raise StartError if *folder* can be neither used nor created."""
    existing = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
    try:
        folder.stat()
    except FileNotFoundError:
        pass  # it will be created
    except OSError as exc:
        raise StartError(f"--data {folder}: {folder} cannot be created: {exc.strerror}.") from exc
    if not existing.is_dir():
        raise StartError(f"--data {folder}: {existing} is not a folder.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise StartError(f"--data {folder}: {existing} cannot be written.")
    file = folder / FILE_NAME
    if existing == folder and file.exists():
        _check_database(folder, file)


def _check_database(folder: Path, file: Path) -> None:
    try:
        with file.open("rb") as database:
            header = database.read(_VERSION_AT + 4)
    except OSError as exc:
        raise StartError(f"--data {folder}: {file} cannot be read: {exc.strerror}.") from exc
    if header and not header.startswith(_HEADER):
        raise StartError(f"--data {folder}: {file} is not a database.")
    version = int.from_bytes(header[_VERSION_AT:], "big")
    if version > len(MIGRATIONS):
        expected = f"expected at most {len(MIGRATIONS)}"
        raise StartError(f"--data {folder}: {file} has version {version}, of a newer server; {expected}.")
