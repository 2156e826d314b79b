"""Saving a report: whole or not at all, where the user wants it.

Who reads a report while it is written anew finds the one before.
"""

import os
import secrets
import shutil
import sys
from pathlib import Path

STDOUT = "-"


class ReportError(Exception):
    """A report could not be written."""


def save(text: str, path: str) -> None:
    """Write *text* to the file at *path* in UTF-8, in place of what is there; ``-`` is stdout.

    Raises:
        ReportError: it cannot be written there.
    """
    content = text.encode("utf-8", "backslashreplace")
    try:
        if path == STDOUT:
            _print(content)
        else:
            _write(content, Path(os.path.realpath(path)))  # a link goes on pointing to it
    except BrokenPipeError:
        raise  # who reads our output has left, which is the command's to tell
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise ReportError(f"The report cannot be written to {path}: {reason}.") from exc


def _print(content: bytes) -> None:
    sys.stdout.flush()
    if binary := getattr(sys.stdout, "buffer", None):
        binary.write(content)
    else:
        sys.stdout.write(content.decode())
    sys.stdout.flush()


def _write(content: bytes, path: Path) -> None:
    if path.exists() and not path.is_file():
        path.write_bytes(content)  # a pipe or a device; a folder says so itself
        return
    temporary = path.with_name(f".report-{secrets.token_hex(8)}")
    try:
        try:
            temporary.write_bytes(content)
        except PermissionError:
            path.write_bytes(content)  # the folder takes no new file, but this one may be ours
            return
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
