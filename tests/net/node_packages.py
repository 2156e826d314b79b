"""Packages of npm, installed once into the cache folder, and what a test does where one is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

CACHE = Path(__file__).resolve().parents[2] / ".venv" / "cache"
INSTALL_SECONDS = 240


def node_with(folder: Path, *packages: str) -> str:
    """Return the command of Node; *folder* has *packages*, each with its version, in node_modules."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing("node and npm are not both here")
    names = (package.rpartition("@")[0] for package in packages)
    if not all((folder / "node_modules" / name).is_dir() for name in names):
        install(npm, folder, packages)
    return node


def install(npm: str, folder: Path, packages: tuple[str, ...]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        npm,
        "install",
        "--prefix",
        folder,
        "--cache",
        folder / "cache",
        "--ignore-scripts",
        "--no-audit",
    ]
    quiet = ["--no-fund", "--no-update-notifier", "--loglevel=error"]
    patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]  # fails soon when offline
    named = " and ".join(packages)
    try:
        subprocess.run(
            [*command, *quiet, *patience, *packages],
            check=True,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        first, *_ = error.stderr.splitlines() or [f"exit code {error.returncode}"]
        missing(f"npm could not install {named}: {first}")
    except subprocess.TimeoutExpired:
        missing(f"npm did not install {named} within {INSTALL_SECONDS} s")


def missing(reason: str) -> NoReturn:
    """Skip the test for *reason*; fail where a skip would not be noticed."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
