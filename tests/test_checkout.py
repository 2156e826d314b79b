"""A checkout with git: line ends that scripts need, whatever the user's settings are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from running_server import ROOT

git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
EXAMPLES = [
    "examples/gradescope/run_autograder",
    "server.py",
    "Makefile",
    "messages/chateau/register.json",
    "docs/pictures/console.png",
]


def run_git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@git
@pytest.mark.parametrize("setting", ["core.autocrlf=true", "core.eol=crlf"])
def test_checkout_has_the_committed_bytes(tmp_path: Path, setting: str) -> None:
    original = tmp_path / "original"
    scripts = [str(path.relative_to(ROOT)) for path in (ROOT / "examples").rglob("*.sh")]
    for name in (".gitattributes", *EXAMPLES, *scripts):
        (original / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, original / name)
    run_git(original, "init")
    run_git(original, "add", "--all")
    run_git(original, "commit", "--message", "all")

    run_git(tmp_path, "-c", setting, "clone", "--config", setting, str(original), "clone")

    for name in (*EXAMPLES, *scripts):
        assert (tmp_path / "clone" / name).read_bytes() == (ROOT / name).read_bytes(), name
