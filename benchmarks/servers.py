"""The servers: how each one is started, checked for readiness and stopped."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from workshop import BUILD, DATA, NODE_MODULES, PEERS, PEERS_PYTHON, ROOT, build_node, build_peers

START_SECONDS = 15
STOP_SECONDS = 10
SECRET_KEY = "benchmark"


class ServerError(Exception):
    """A server did not start, or died."""


@dataclass(frozen=True, slots=True)
class Server:
    """A contender: its name in the tables, its command (``PORT`` stands for the port), and what it needs."""

    name: str
    command: tuple[str, ...]
    build: Callable[[], None]
    environment: dict[str, str] = field(default_factory=dict)


def _nothing() -> None:
    """Chateau runs from this checkout, in the environment that runs the benchmark."""


def _python(name: str, program: str, *words: str) -> Server:
    return Server(name, (str(PEERS_PYTHON), str(PEERS / program), "PORT", *words), build_peers)


# No rate limit, since the load is one; everything else as users get it, the schema check included.
# The peers store nothing, so Chateau stores nothing on disk when it is compared with them.
def _chateau(name: str, data: str, *flags: str) -> Server:
    own = ("--lines-port", "0", "--max-rate", "0", "--presence-limit", "100", "--log-level", "warning")
    start = (sys.executable, str(ROOT / "server.py"), "--port", "PORT", "--data", data)
    return Server(name, (*start, *own, *flags), _nothing)


CHATEAU = _chateau("chateau", ":memory:")
KEEPING_CHATEAU = _chateau("chateau-stored", str(DATA))
WATCHED_CHATEAU = _chateau("chateau-watched", ":memory:", "--secret-key", SECRET_KEY)
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
        """Start *server* on a free port of 127.0.0.1 and wait until it accepts.

        Raises:
            ServerError: it ended, or did not accept in time; with the end of its log.
        """
        self.server = server
        self.port = _free_port()
        self._log = BUILD / f"{server.name}.log"
        command = [str(self.port) if word == "PORT" else word for word in server.command]
        # Settings of the user's own server must not change the measurement.
        own = {key: value for key, value in os.environ.items() if not key.startswith("CHATEAU_")}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=BUILD,
                env=own | server.environment,
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

    def last_words(self) -> str:
        """Return the end of the output of the server, for an error message."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-8:])

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ServerError(f"ended with status {self._process.returncode}:\n{self.last_words()}")
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise ServerError(f"does not accept after {START_SECONDS} s:\n{self.last_words()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
