"""Build the requirements of the benchmark: the load generator, the peers' Python environment, and ws.

All of it goes into ``benchmarks/.build/``, is made once, and may be deleted at any time.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = HERE / "peers"
BUILD = HERE / ".build"
WSLOAD = BUILD / "wsload"
DATA = BUILD / "data"  # of the server whose storage is measured
PEERS_PYTHON = BUILD / "peers" / "bin" / "python"
NODE_MODULES = BUILD / "node" / "node_modules"
LIBRARIES = ("tornado", "websockets", "aiohttp", "picows", "uvloop", "orjson")


class BuildError(Exception):
    """A build has failed; the message is the reason."""


class MissingError(BuildError):
    """A required program is missing."""


def build_wsload() -> None:
    """Compile the load generator, unless its source is older than the program.

    Raises:
        MissingError: there is no C compiler.
        BuildError: the compiler refused.
    """
    source = HERE / "wsload.c"
    if WSLOAD.exists() and WSLOAD.stat().st_mtime > source.stat().st_mtime:
        return
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise MissingError("there is no C compiler (cc), and the load generator is written in C")
    BUILD.mkdir(exist_ok=True)
    _run(compiler, "-O2", "-Wall", "-o", str(WSLOAD), str(source))


def build_peers() -> None:
    """Install the Python peers into a separate environment, unless it exists.

    Raises:
        BuildError: the environment cannot be made, or a package cannot be installed.
    """
    requirements = PEERS / "requirements.txt"
    installed = BUILD / "peers" / "installed.txt"
    if installed.exists() and installed.read_text() == requirements.read_text():
        return
    _run(sys.executable, "-m", "venv", "--clear", str(BUILD / "peers"))
    _run(
        str(PEERS_PYTHON),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        str(requirements),
    )
    installed.write_text(requirements.read_text())


def build_node() -> None:
    """Install node's ``ws``, unless it is installed.

    Raises:
        MissingError: there is no node, or no npm.
        BuildError: npm could not install it.
    """
    if shutil.which("node") is None:
        raise MissingError("node is not there")
    if (NODE_MODULES / "ws").exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise MissingError("npm is not there")
    _run(npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(BUILD / "node"), "ws@8")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise BuildError(f"{Path(command[0]).name} failed with status {done.returncode}:\n{last}")
