"""A lock on a folder: one process at a time writes in it.

The lock is the operating system's and goes with the process, however that ends; the file stays.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from chateau.store.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE = 1024  # Windows lets nobody read what is locked, and the process's number is to be read

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FolderLock:
    """Holds *folder* from when it is made until :meth:`release`."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            StoreError: another process holds it, or the lock's file cannot be written.
        """
        file = folder / "lock"
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as exc:
            raise StoreError(f"{file} cannot be opened: {exc.strerror}.") from exc
        try:
            _hold(descriptor, folder)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        os.close(self._descriptor)


def _hold(descriptor: int, folder: Path) -> None:
    try:
        _try_lock(descriptor)
    except OSError as exc:
        holder = os.read(descriptor, 20).decode(errors="replace").strip()
        shown = f" (process {holder})" if holder else ""
        raise StoreError(f"{folder} is in use by another server{shown}.") from exc
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    except OSError as exc:
        raise StoreError(f"{folder / 'lock'} cannot be written: {exc.strerror}.") from exc
