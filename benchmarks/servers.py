"""The servers: how each one is built, started, checked for readiness and stopped.

Builds go into ``benchmarks/.build/``, are made once, and may be deleted at any time.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

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

UNLIMITED = ("MAX_CONNECTIONS", "MAX_CONNECTIONS_PER_ADDRESS", "MAX_PUBLISH_RATE")
"""Settings that would limit the load; variables, since older commits ignore those that they do not know."""


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
        output = _end(done.stdout + done.stderr)
        raise BenchmarkError(f"{command[0]} failed with status {done.returncode}:\n{output}")


def _end(output: str) -> str:
    return "\n".join(output.strip().splitlines()[-8:])


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
        name,
        (sys.executable, str(ROOT / "server.py"), "--port", "PORT", "--data", data, *own, *flags),
        environment={f"CHATEAU_{setting}": "0" for setting in UNLIMITED},
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


def agree(port: int) -> None:
    """Play the conversation that every server must pass, so that all do the same job.

    Raises:
        BenchmarkError: a frame was missing, or differed from the expected one.
    """
    client, conversation = ROOT / "test_client.py", HERE / "agreement.json"
    _run(sys.executable, str(client), "--server", f"127.0.0.1:{port}", str(conversation))


@dataclass(frozen=True, slots=True)
class Running:
    """A running server, on *port* of 127.0.0.1; its output goes to *log*."""

    server: Server
    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    def log_end(self) -> str:
        """Return the end of the output of the server, for an error message."""
        return _end(self.log.read_text(errors="replace"))


@contextmanager
def started(server: Server) -> Iterator[Running]:
    """Build *server*, start it on a free port, and yield it once it accepts connections; stop it at the end.

    Raises:
        BenchmarkError: it ended, or did not accept in time; with the end of its log.
    """
    server.build()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(port) if word == "PORT" else word for word in server.command]
    # Settings of the user's own server must not change the measurement.
    own = {key: value for key, value in os.environ.items() if not key.startswith("CHATEAU_")}
    environment, log = own | server.environment, BUILD / f"{server.name}.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=BUILD, env=environment
        )
    running = Running(server, port, process, log)
    try:
        _wait(running)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{server.name}: still there {STOP_SECONDS} s after SIGTERM, killed")
            process.kill()
            process.wait()


def _wait(running: Running) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise BenchmarkError(f"ended with status {running.process.returncode}:\n{running.log_end()}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", running.port), timeout=1):
            return
        time.sleep(0.05)
    raise BenchmarkError(f"does not accept connections after {START_SECONDS} s:\n{running.log_end()}")
