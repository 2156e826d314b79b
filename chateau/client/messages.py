"""Message files: find one by name, and read it.

A message is the exact text of its file, without surrounding white space. It must be JSON, but need not be a
valid request, so that errors can be tried as well.
"""

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chateau.client import strict_json

FOLDER = "messages"
SUFFIX = ".json"
WHITE_SPACE = " \t\r\n"  # of JSON; `str.strip()` removes more


class MessageError(Exception):
    """A message file cannot be found, read or parsed; the text has the file and the position."""


@dataclass(frozen=True, slots=True)
class Message:
    """The content of a message file."""

    name: str
    text: str
    value: Any


def read(name: str) -> Message:
    """Read the message in the file called *name*; see :func:`find`.

    Raises:
        MessageError: the file does not exist, or is not JSON.
    """
    path = find(name)
    text = text_of(path)
    try:
        return Message(str(path), text.strip(WHITE_SPACE), strict_json.decode(text))
    except json.JSONDecodeError as exc:
        raise MessageError(f"{path}, line {exc.lineno}, column {exc.colno}: not JSON: {exc.msg}") from exc


def find(name: str) -> Path:
    """Return the path of the file called *name*, here or in messages/ and its folders.

    Raises:
        MessageError: there is no such file.
    """
    for folder in (Path(), *folders()):
        for ending in ("", SUFFIX):
            path = folder / os.path.expanduser(name + ending)  # noqa: PTH111 - the other raises an error
            if _is_file(path):
                return path
    raise MessageError(f"{name}: no such file, neither here nor in {FOLDER}/")


def folders() -> list[Path]:
    """Return the folders of message files: messages/ here and in the checkout, and the folders in them."""
    here, own = Path.cwd(), Path(__file__).parents[2] / FOLDER
    own = own.relative_to(here) if own.is_relative_to(here) else own
    homes = dict.fromkeys(home for home in (Path(FOLDER), own) if home.is_dir())
    return [folder for home in homes for folder in (home, *sorted(filter(Path.is_dir, home.iterdir())))]


def _is_file(path: Path) -> bool:
    """Return whether *path* can be read: a plain file, a pipe or a device."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def text_of(path: Path) -> str:
    """Return the content of a file in UTF-8. Raises :class:`MessageError`."""
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise MessageError(f"{path}: {exc.strerror}") from exc
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        before = content[: exc.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise MessageError(f"{path}, line {line}, column {column}: not UTF-8") from exc
