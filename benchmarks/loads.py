"""The measurements: loads of wsload, also while an admin reads a stream, memory of idle connections, and
commits of SQLite alone.
"""

import json
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from servers import BUILD, SECRET_KEY, WSLOAD, BenchmarkError, Running

CONTENT = "forty characters of content of a message"
CHANNEL = "/channel/bench/"
# A room message's push has about 190 bytes; its response 120, and presence fewer. Only the push counts.
PUSH_BYTES = "150"
LIMIT_SECONDS = 60
# Longer than the second between two counts of members in a crowded room.
QUIET_SECONDS = "1.2"
SETTLE_SECONDS = "3"
COMMITS = 500

Values = dict[str, float]
"""The result of a run, by quantity: see report.QUANTITIES."""


@dataclass(frozen=True, slots=True)
class Load:
    """*count* messages, *window* of them in flight, and Chateau's *mark*; *arguments* are those of wsload.

    *arguments* takes a tag that makes the names of a run unique. The CPU time is that of a *unit*, which has
    *frames* counted frames.
    """

    title: str
    arguments: Callable[[str], tuple[str, ...]]
    count: int
    window: int
    mark: float
    unit: str = "frame"
    frames: int = 1

    def run(self, running: Running, tag: str, share: float = 1.0) -> Values:
        """Put *share* of the load on a server; return the values of wsload and ``us_cpu``, per unit.

        Raises:
            BenchmarkError: frames were missing, or the server closed a connection.
        """
        size = ("--count", str(max(1, round(self.count * share))), "--window", str(self.window))
        values = _wsload(running, "--limit", str(LIMIT_SECONDS), *size, *self.arguments(tag))
        return values | {"us_cpu": values["us_cpu_per_frame"] * self.frames}


def _request(type_: int, **fields: object) -> str:
    return json.dumps({"type": type_, **fields})


def _register(tag: str) -> str:
    return _request(1, username=f"{tag}u%d")


def _room(tag: str) -> tuple[str, ...]:
    """1,000 members and a publisher, which is a member too; wsload does not count its frames."""
    return (
        *("--n", "1000", "--quiet", QUIET_SECONDS, "--minlen", PUSH_BYTES, "--hello", _register(tag)),
        *("--hello", _request(5, room="bench"), "--send", _request(7, room="bench", content=CONTENT)),
    )


def _direct(tag: str) -> tuple[str, ...]:
    """100 clients; each sends to itself, and gets the push and the response."""
    message = _request(3, clients=[f"{tag}u%d"], content=CONTENT)
    return ("--n", "100", "--hello", _register(tag), "--send", message, "--echo", "--fan", "2")


def _own_rooms(publishers: int, tag: str) -> tuple[str, ...]:
    """Publishers that are each the only member of a room, and get the push and the response."""
    publish = _request(7, room=f"{tag}r%d", content=CONTENT)
    return (
        *("--n", str(publishers), "--hello", _register(tag), "--hello", _request(5, room=f"{tag}r%d")),
        *("--send", publish, "--echo", "--fan", "2"),
    )


def _subscribers(number: int, _tag: str) -> tuple[str, ...]:
    """Subscribers of a channel, and a publisher over HTTP."""
    header = "Package-Type: text"
    return ("--n", str(number), "--path", CHANNEL, "--post", CHANNEL, "--header", header, "--send", CONTENT)


SCENARIOS = (
    Load("A room of 1,000, one message at a time", _room, count=200, window=1, mark=0.75),
    Load("A room of 1,000, 8 messages in flight", _room, count=400, window=8, mark=0.25),
    Load("Direct messages, 100 clients, one at a time", _direct, count=200, window=1, mark=0.6),
    Load("Direct messages, 100 clients, 16 in flight each", _direct, count=400, window=16, mark=0.35),
)
PUBLISHES = (
    Load("HTTP publish to 1,000 subscribers", partial(_subscribers, 1000), 200, 1, 0.6, "publish", 1000),
    Load("HTTP publish to one subscriber", partial(_subscribers, 1), 2000, 1, 1.3, "publish", 1),
)
# Long enough that a stream with one event per second sends several.
ADMIN_STREAMS = (
    Load("A room of 1,000, 8 in flight, with an admin", _room, count=2000, window=8, mark=1.05),
    Load("Direct messages, 16 in flight, with an admin", _direct, count=1500, window=16, mark=1.05),
)
STORED_CROWD = Load(
    "Stored, 100 publishers, 4 in flight each", partial(_own_rooms, 100), 200, 4, 20.0, "message", 2
)
STORED_LONE = Load("Stored, a lone publisher", partial(_own_rooms, 1), COMMITS, 1, 2.0, "message", 2)
MEMORY_MARK_KIB = 3.0


# A load while an admin, a thread of this process, reads a stream and counts its events. The server's CPU time
# includes that of the stream; the frames are those of the load.

NO_STREAM, LIVE, TAP = STATES = ("no stream", "live stream", "tapped session")
ADMIN_HEADERS = {"Authorization": f"Bearer {SECRET_KEY}"}
ADMIN_SECONDS = 30
POLL_SECONDS = 0.02


def run_watched(running: Running, load: Load, state: str, tag: str, share: float = 1.0) -> Values:
    """Put *load* on the server in one of ``STATES``.

    Raises:
        BenchmarkError: frames were missing, the server closed a connection, or the stream had no events.
    """
    if state == NO_STREAM:
        return load.run(running, tag, share)
    with _stream(running.port, None if state == LIVE else f"{tag}u0"):
        return load.run(running, tag, share)


@contextmanager
def _stream(port: int, username: str | None) -> Iterator[None]:
    """Read the live stream, or the tap of the session of *username* as soon as it exists."""
    connection = HTTPConnection("127.0.0.1", port, timeout=ADMIN_SECONDS)
    connection.connect()
    sock = connection.sock  # HTTPConnection drops it when an endless response starts
    with ThreadPoolExecutor(1) as executor:
        events = executor.submit(_count_events, connection, username)
        try:
            yield
        finally:
            with suppress(OSError):  # the server has ended it
                sock.shutdown(socket.SHUT_RDWR)
        try:
            if not events.result(ADMIN_SECONDS):
                raise BenchmarkError("the stream had no events")
        except (OSError, HTTPException, ValueError) as exc:
            raise BenchmarkError(f"the stream failed: {exc!r}") from exc


def _count_events(connection: HTTPConnection, username: str | None) -> int:
    path = "/admin/live" if username is None else f"/admin/tap?session={_session(connection, username)}"
    connection.request("GET", path, headers=ADMIN_HEADERS)
    response = connection.getresponse()
    events = 0
    with suppress(OSError, HTTPException):
        while block := response.read1(65_536):
            events += block.count(b"\n\n")
    return events


def _session(connection: HTTPConnection, username: str) -> str:
    """Return the id of the session of *username*, which connects while this waits."""
    deadline = time.monotonic() + ADMIN_SECONDS
    while time.monotonic() < deadline:
        connection.request("GET", "/admin/sessions?limit=10000", headers=ADMIN_HEADERS)
        for session in json.loads(connection.getresponse().read())["sessions"]:
            if session["username"] == username:
                return str(session["id"])
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"{username} did not connect")


def memory(running: Running, connections: int) -> float:
    """Return KiB of resident memory per idle registered connection."""
    # The first connections make the server load code once; that is not the cost of a connection.
    _wsload(running, "--n", "100", "--hello", _register("warm"), "--hold", "0.5")
    idle = ("--hello", _register("idle"), "--hold", SETTLE_SECONDS)
    values = _wsload(running, "--n", str(connections), *idle)
    return (values["rss_kb"] - values["rss_kb_before"]) / connections


def bare_commit(_tag: str, share: float = 1.0) -> Values:
    """Return the p50 of an SQLite transaction with one message, with the pragmas of the store."""
    row = (1, "01KAF4Z5V8M9QK7T4W2X6Y0000", "2026-11-20T09:30:00.000Z", "alice", CONTENT)
    times = []
    with TemporaryDirectory(dir=BUILD) as folder:
        database = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE stored (room INTEGER, seq INTEGER, id, time, sender, content)")
        for seq in range(round(COMMITS * share)):
            start = time.perf_counter()
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO stored VALUES (?, ?, ?, ?, ?, ?)", (seq, *row))
            database.execute("COMMIT")
            times.append(time.perf_counter() - start)
        database.close()
    return {"p50_ms": median(times) * 1000}


def _wsload(running: Running, *words: str) -> Values:
    command = [str(WSLOAD), "--port", str(running.port), "--pid", str(running.process.pid), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3 * LIMIT_SECONDS)
    except subprocess.TimeoutExpired as exc:
        raise BenchmarkError(f"wsload did not end in {exc.timeout:.0f} s") from exc
    if done.returncode:
        output = f"{(done.stderr or done.stdout).strip()}\n{running.log_end()}".rstrip()
        raise BenchmarkError(f"wsload ended with status {done.returncode}: {output}")
    values: Values = json.loads(done.stdout)
    return values
