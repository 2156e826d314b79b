"""Texts that a setting names: files and pipes, read once, in the encodings that editors and shells write."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 1_048_576
"""Maximum size of a text; a device such as /dev/zero has no end."""

STANDARD_INPUT: Final = Path("-")

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class InputError(Exception):
    """A text cannot be read; the text of the error is the reason, without the name of the file."""


def read_text(path: Path) -> str:
    """Return the text in *path*, which may be a file, a pipe or a device; ``-`` is the standard input.

    It is opened and read once, from its beginning to its end.

    Raises:
        InputError: it cannot be read, is larger than `MAX_BYTES`, or is not text.
    """
    return decoded(read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """Return the content of *path*, as :func:`read_text`."""
    try:
        if path == STANDARD_INPUT:
            data = sys.stdin.buffer.read(MAX_BYTES + 1) if sys.stdin is not None else b""
        else:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as exc:
        raise InputError(f"cannot read the file: {getattr(exc, 'strerror', None) or exc}") from exc
    if len(data) > MAX_BYTES:
        raise InputError(f"cannot read the file: expected at most {MAX_BYTES} bytes")
    return data


def decoded(data: bytes) -> str:
    """Return *data* as text: UTF-8, or UTF-16 or UTF-32 with a byte order mark, or UTF-16 without one.

    Raises:
        InputError: it is in another encoding.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding)
    if data[:1] != b"\0" and data[1:2] == b"\0":  # the first character is ASCII
        return _decoded(data, "utf-16-le")
    if data[:1] == b"\0" and data[1:2] not in (b"", b"\0"):
        return _decoded(data, "utf-16-be")
    return _decoded(data, "utf-8")


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as exc:
        raise InputError(f"the file is not text in {encoding.upper()}: byte {exc.start} is invalid") from exc
