"""A Python 2.7 with the Autobahn suite in it: found on this machine, then furnished once.

The environment lives in ``.build/`` next to this file and is made again when ``requirements.txt`` or the
Python changes. pip installs everything in it, for :mod:`run`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).resolve().parent
BUILD = HERE / ".build"
REQUIREMENTS = HERE / "requirements.txt"
VIRTUALENV = "virtualenv==20.15.1"  # 20.16 makes no environments for 2.7 any more, and 2.7 has no venv
STEP_SECONDS = 300

IS_PYTHON_2_7 = "import ssl, sys; sys.exit(sys.version_info[:2] != (2, 7))"


class AutobahnError(Exception):
    """The suite could not be run; the message is the reason, a sentence."""


def find(environ: Mapping[str, str]) -> Path | None:
    """The Python 2.7 of this machine, or nothing.

    Raises:
        AutobahnError: ``PYTHON2`` is set, to something that is not a Python 2.7.
    """
    wanted = environ.get("PYTHON2")
    if not wanted:
        return next(filter(_is_python2, _candidates(environ)), None)
    program = shutil.which(wanted)
    if program is None or not _is_python2(Path(program)):
        raise AutobahnError(f"PYTHON2={wanted} is not a Python 2.7 with ssl")
    return Path(program)


def furnish(python2: Path) -> Path:
    """The Python of an environment that holds the suite, made now if it is not there yet.

    Raises:
        AutobahnError: pip or virtualenv failed; ``.build/build.log`` has all of it.
    """
    environment = BUILD / "environment"
    python = environment / "bin" / "python"
    recipe = f"{python2}\n{environment}\n{VIRTUALENV}\n{REQUIREMENTS.read_text()}"
    made_from = environment / "made-from.txt"
    if made_from.is_file() and made_from.read_text() == recipe:
        return python
    print(f"making an environment of {python2} in {environment}, once ...", flush=True)
    _make(python2, environment)
    made_from.write_text(recipe)
    return python


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    for root in (environ.get("PYENV_ROOT"), "~/.pyenv"):
        if root:
            yield from sorted(Path(root).expanduser().glob("versions/2.7*/bin/python"), reverse=True)
    on_path = shutil.which("python2.7")
    if on_path:
        yield Path(on_path)


def _is_python2(program: Path) -> bool:
    # It has to run: pyenv puts a python2.7 on PATH that only prints the versions it offers.
    try:
        done = subprocess.run([program, "-E", "-c", IS_PYTHON_2_7], capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _make(python2: Path, environment: Path) -> None:
    boot = BUILD / "boot"
    for old in (boot, environment, BUILD / "build.log"):
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    BUILD.mkdir(exist_ok=True)
    _step(sys.executable, "-m", "pip", "install", "--target", boot, VIRTUALENV)
    seed = ("--app-data", BUILD / "app-data", "--no-periodic-update")
    _step(sys.executable, "-m", "virtualenv", "--python", python2, *seed, environment, python_path=boot)
    pip = (environment / "bin" / "python", "-E", "-W", "ignore", "-m", "pip")
    _step(*pip, "install", "--no-deps", "--requirement", REQUIREMENTS)


def _step(*command: str | Path, python_path: Path | None = None) -> None:
    log = BUILD / "build.log"
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if python_path:
        environ["PYTHONPATH"] = str(python_path)
    try:
        with log.open("a") as out:
            subprocess.run(command, check=True, stdout=out, stderr=out, env=environ, timeout=STEP_SECONDS)
    except (OSError, subprocess.SubprocessError) as exc:
        raise AutobahnError(f"the environment could not be made ({_words(command)}): see {log}") from exc


def _words(command: Sequence[str | Path]) -> str:
    return " ".join(Path(word).name if isinstance(word, Path) else word for word in command)
