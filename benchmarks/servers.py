"""The servers: how each one is built, started, checked for readiness and stopped.

Builds go into ``benchmarks/.build/``, are made once, and may be deleted at any time.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = HERE / "peers"
BUILD = HERE / ".build"
WSLOAD = BUILD / "wsload"
DATA = BUILD / "data"  # of the server whose storage is measured
PEERS_PYTHON = BUILD / "peers" / "bin" / "python"
NODE_MODULES = BUILD / "node" / "node_modules"

START_SECONDS = 15
STOP_SECONDS = 10
SECRET_KEY = "benchmark"


class BenchmarkError(Exception):
    """A build, a server or a measurement failed; the message is the reason."""


class MissingError(BenchmarkError):
    """A required program is missing."""


def build_wsload() -> None:
    """Compile the load generator, unless its source is older than the program."""
    source = HERE / "wsload.c"
    if not WSLOAD.exists() or WSLOAD.stat().st_mtime <= source.stat().st_mtime:
        BUILD.mkdir(exist_ok=True)
        _run(os.environ.get("CC", "cc"), "-O2", "-Wall", "-o", str(WSLOAD), str(source))


def build_peers() -> None:
    """Install the Python peers into a separate environment, unless it exists."""
    requirements = PEERS / "requirements.txt"
    installed = BUILD / "peers" / "installed.txt"
    if not installed.exists() or installed.read_text() != requirements.read_text():
        _run(sys.executable, "-m", "venv", "--clear", str(BUILD / "peers"))
        _run(str(PEERS_PYTHON), "-m", "pip", "install", "--quiet", "-r", str(requirements))
        shutil.copy(requirements, installed)


def build_node() -> None:
    """Install node's ``ws``, unless it is installed."""
    if shutil.which("node") is None:
        raise MissingError("node is missing")
    if not (NODE_MODULES / "ws").exists():
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(BUILD / "node"), "ws@8")


def _run(*command: str) -> None:
    if shutil.which(command[0]) is None:
        raise MissingError(f"{command[0]} is missing")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        output = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise BenchmarkError(f"{command[0]} failed with status {done.returncode}:\n{output}")


@dataclass(frozen=True, slots=True)
class Server:
    """A server: its name in the tables, its command (``PORT`` stands for the port), and what it needs."""

    name: str
    command: tuple[str, ...]
    build: Callable[[], None] = lambda: None
    environment: dict[str, str] = field(default_factory=dict)


def _python(name: str, program: str, *words: str) -> Server:
    return Server(name, (str(PEERS_PYTHON), str(PEERS / program), "PORT", *words), build_peers)


def _chateau(name: str, data: str, *flags: str) -> Server:
    """Return Chateau from this checkout as users run it, but without a rate limit, since the load is one."""
    own = ("--lines-port", "0", "--max-rate", "0", "--presence-limit", "100", "--log-level", "warning")
    return Server(
        name, (sys.executable, str(ROOT / "server.py"), "--port", "PORT", "--data", data, *own, *flags)
    )


CHATEAU = _chateau("chateau", ":memory:")  # the peers store nothing on disk either
STORING_CHATEAU = _chateau("chateau-stored", str(DATA))
ADMIN_CHATEAU = _chateau("chateau-admin", ":memory:", "--secret-key", SECRET_KEY)
AIOHTTP_CHANNELS = _python("aiohttp", "aiohttp_channels.py")
AIOHTTP_FRAMES = _python("aiohttp, send_frame", "aiohttp_channels.py", "frames")
NODE = Server(
    "node-ws", ("node", str(PEERS / "node_ws.js"), "PORT"), build_node, {"NODE_PATH": str(NODE_MODULES)}
)
SERVERS = (
    CHATEAU,
    NODE,
    _python("picows", "picows_plain.py"),
    _python("aiohttp", "aiohttp_plain.py"),
    _python("websockets", "websockets_plain.py"),
    _python("tornado", "tornado_plain.py"),
)


class Running:
    """A running server; a context manager that stops it, by its own process id."""

    def __init__(self, server: Server) -> None:
        """Start *server* on a free port of 127.0.0.1 and wait until it accepts connections.

        Raises:
            BenchmarkError: it ended, or did not accept in time; with the end of its log.
        """
        self.server = server
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self._log = BUILD / f"{server.name}.log"
        command = [str(self.port) if word == "PORT" else word for word in server.command]
        # Settings of the user's own server must not change the measurement.
        own = {key: value for key, value in os.environ.items() if not key.startswith("CHATEAU_")}
        environment = own | server.environment
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=BUILD, env=environment
            )
        self.pid = self._process.pid
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process by SIGTERM, or by SIGKILL if it does not react."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{self.server.name}: still there {STOP_SECONDS} s after SIGTERM, killed")
            self._process.kill()
            self._process.wait()

    def log_end(self) -> str:
        """Return the end of the output of the server, for an error message."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-8:])

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise BenchmarkError(f"ended with status {self._process.returncode}:\n{self.log_end()}")
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise BenchmarkError(f"does not accept connections after {START_SECONDS} s:\n{self.log_end()}")
