"""The measurements: four loads and the memory of idle connections, each one call of wsload."""

import json
import subprocess
from dataclasses import dataclass

from servers import Running
from workshop import WSLOAD

MEMBERS = 1000
CLIENTS = 100
CONTENT = "forty characters of content of a message"
# A room message's push has about 190 bytes; its response 120, and presence fewer. Only the push counts.
PUSH_BYTES = 150
LIMIT_SECONDS = 60
# Longer than the second between two counts of members in a crowded room.
QUIET_SECONDS = 1.2
SETTLE_SECONDS = 3


class LoadError(Exception):
    """A run of the load generator failed."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load: the number of frames, how many are in flight, and the mark for Chateau against node ws."""

    key: str
    title: str
    count: int
    window: int
    mark: float


SCENARIOS = (
    Scenario("room", f"A room of {MEMBERS:,}, one message at a time", count=200, window=1, mark=0.75),
    Scenario("room", f"A room of {MEMBERS:,}, 8 messages in flight", count=400, window=8, mark=0.25),
    Scenario("direct", f"Direct messages, {CLIENTS} clients, one at a time", count=200, window=1, mark=0.6),
    Scenario(
        "direct", f"Direct messages, {CLIENTS} clients, 16 in flight each", count=400, window=16, mark=0.35
    ),
)
MEMORY_MARK_KIB = 3.0


@dataclass(frozen=True, slots=True)
class Run:
    """The result of one run. Counted frames are pushes and the responses to direct messages."""

    microseconds: float
    frames_per_second: float
    frame_bytes: float
    p50_ms: float | None
    p99_ms: float | None


def load(running: Running, scenario: Scenario, *, tag: str, share: float = 1.0) -> Run:
    """Put *scenario*'s load on a server. *tag* makes the names of this run unique.

    Raises:
        LoadError: frames were missing, or the server closed a connection.
    """
    count = str(max(1, round(scenario.count * share)))
    return run_load(running, "--count", count, "--window", str(scenario.window), *_ROLES[scenario.key](tag))


def memory(running: Running, held: int) -> float:
    """Return KiB of resident memory per idle registered connection, of *held*.

    Raises:
        LoadError: the server refused or closed a connection.
    """
    # The first connections make the server load code once; that is not the cost of a connection.
    _wsload(running, "--n", "100", "--hello", register("warm"), "--hold", "0.5")
    told = _wsload(running, "--n", str(held), "--hello", register("idle"), "--hold", str(SETTLE_SECONDS))
    return (told["rss_kb"] - told["rss_kb_before"]) / held


def _room(tag: str) -> tuple[str, ...]:
    """The members and the publisher, which is a member too; wsload does not count what the publisher gets."""
    join = json.dumps({"type": 5, "room": "bench"})
    publish = json.dumps({"type": 7, "room": "bench", "content": CONTENT})
    return (
        *("--n", str(MEMBERS), "--quiet", str(QUIET_SECONDS), "--minlen", str(PUSH_BYTES)),
        *("--hello", register(tag), "--hello", join, "--send", publish),
    )


def _direct(tag: str) -> tuple[str, ...]:
    """Each client writes to itself, and gets the push and the response."""
    message = json.dumps({"type": 3, "clients": [f"{tag}u%d"], "content": CONTENT})
    return ("--n", str(CLIENTS), "--hello", register(tag), "--send", message, "--echo", "--fan", "2")


_ROLES = {"room": _room, "direct": _direct}


def register(tag: str) -> str:
    """Return the request that registers a name."""
    return json.dumps({"type": 1, "username": f"{tag}u%d"})


def run_load(running: Running, *words: str) -> Run:
    """One call of wsload that sends something.

    Raises:
        LoadError: frames were missing, or the server closed a connection.
    """
    told = _wsload(running, "--limit", str(LIMIT_SECONDS), *words)
    return Run(
        microseconds=told["us_cpu_per_frame"],
        frames_per_second=told["frames_per_s"],
        frame_bytes=told["mean_len"],
        p50_ms=told.get("p50_ms"),
        p99_ms=told.get("p99_ms"),
    )


def _wsload(running: Running, *words: str) -> dict[str, float]:
    command = [str(WSLOAD), "--port", str(running.port), "--pid", str(running.pid), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3 * LIMIT_SECONDS)
    except subprocess.TimeoutExpired as exc:
        raise LoadError(f"wsload did not end in {exc.timeout:.0f} s") from exc
    if done.returncode:
        output = (done.stderr or done.stdout).strip()
        raise LoadError(
            f"wsload ended with status {done.returncode}: {output}\n{running.last_words()}".rstrip()
        )
    told: dict[str, float] = json.loads(done.stdout)
    return told
