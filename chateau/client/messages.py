"""Message files: finding one by its name, and reading it.

A message is the exact text of its file without the white space around it. It must be JSON; whether it is a
*right* request is the server's to say, so that wrong ones can be tried too.
"""

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chateau.client import strict_json

FOLDER = "messages"
SUFFIX = ".json"
WHITE_SPACE = " \t\r\n"  # JSON's, which is less than str.strip() takes


class MessageError(Exception):
    """A message file cannot be found, read or parsed; the text names it, and where it goes wrong."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one file says."""

    name: str
    text: str
    value: Any


def read(name: str) -> Message:
    """The message in the file that *name* means; see :func:`find`.

    Raises:
        MessageError: there is no such file, or it is not JSON.
    """
    path = find(name)
    text = _text(path)
    try:
        return Message(str(path), text.strip(WHITE_SPACE), strict_json.decode(text))
    except json.JSONDecodeError as exc:
        raise MessageError(f"{path}, line {exc.lineno}, column {exc.colno}: not JSON: {exc.msg}") from exc


def find(name: str) -> Path:
    """The file that *name* means: where you are first, then in messages/ and its folders.

    Raises:
        MessageError: nowhere is there such a file.
    """
    for path in _candidates(name):
        if _is_file(path):
            return path
    raise MessageError(f"{name}: no such file, neither here nor in {FOLDER}/")


def folders() -> list[Path]:
    """Where message files are kept: messages/ here, messages/ of the checkout, and the folders in them."""
    checkout = Path(__file__).parents[2]
    homes = dict.fromkeys(_shortened(home / FOLDER) for home in (Path.cwd(), checkout))
    return [folder for home in homes if home.is_dir() for folder in (home, *_inside(home))]


def _candidates(name: str) -> Iterator[Path]:
    for folder in (Path(), *folders()):
        for ending in ("", SUFFIX):
            yield folder / _expanded(name + ending)


def _is_file(path: Path) -> bool:
    """Whether there is something to read: a pipe or a device is as good as a plain file."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # ~ of nobody
        return Path(name)


def _inside(home: Path) -> list[Path]:
    return sorted(path for path in home.iterdir() if path.is_dir())


def _shortened(path: Path) -> Path:
    """*path* as a person would type it from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _text(path: Path) -> str:
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
