"""Submissions: the folders in a folder, each named after who handed it in."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

ARCHIVES = {".zip", ".gz", ".tgz", ".tar", ".7z", ".rar"}


class NoSubmissions(Exception):
    """There is nothing to grade; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody handed in; its server runs in *folder*."""

    name: str
    folder: Path

    @property
    def is_empty(self) -> bool:
        return not _visible(self.folder)


def submissions_in(folder: Path) -> list[Submission]:
    """The submissions in *folder*, by name; hidden folders are none.

    Raises:
        NoSubmissions: *folder* is none, or has none.
    """
    try:
        inside = _visible(folder)
    except OSError as exc:
        raise NoSubmissions(f"{folder}: {exc.strerror}") from exc
    found = [Submission(path.name, _innermost(path).absolute()) for path in inside if path.is_dir()]
    if not found:
        packed = any(path.suffix in ARCHIVES for path in inside)
        advice = "unpack the archives first, each into a folder of its own" if packed else "it has no folders"
        raise NoSubmissions(f"{folder}: there is no submission in it: {advice}")
    return sorted(found, key=lambda submission: submission.name)


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]


def _innermost(folder: Path) -> Path:
    """Archives often hold one folder and nothing else; it stands for the submission then."""
    with contextlib.suppress(PermissionError):  # told when it is graded
        while len(inside := _visible(folder)) == 1 and inside[0].is_dir() and not inside[0].is_symlink():
            folder = inside[0]
    return folder
