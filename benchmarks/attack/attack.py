"""Attack a server, and measure what its well-behaved clients notice.

20 well-behaved clients on 127.0.0.3 send themselves a message every 100 ms, while one hostile client, then
50, on 127.0.0.2 send each of the inputs in attacks.py for 10 seconds. As a control the same hostile clients
attack a process that only reads. The server has its default settings.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT)]

from attacks import ATTACKS, ROOM, Attack  # noqa: E402

from chateau.hub.events import RoomMessage  # noqa: E402
from chateau.store.sqlite import SqliteStore  # noqa: E402

QUIET, HOSTILE = "127.0.0.3", "127.0.0.2"
WELL_BEHAVED = 20
MOST_FACTOR, MOST_MILLISECONDS, MOST_GAP, MOST_GROWTH = 2, 5.0, 100.0, 8.0
"""The p99: this factor of the control's and so many ms more. Gap (ms) and growth (MiB): at most these."""


class Outcome(NamedTuple):
    """What the well-behaved clients noticed, in ms; and the memory of the server afterwards, in MiB."""

    samples: int
    p99: float
    gap: float
    complaints: list[str]
    memory: float


def main() -> int:
    """Run the attacks; return 1 if one of them was noticed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", metavar="ID", help="an attack, such as R4; repeatable")
    parser.add_argument(
        "--runs", type=int, default=3, help="runs of each; the table has the medians (default: 3)"
    )
    parser.add_argument("--seconds", type=float, default=10, help="length of a run (default: 10)")
    parser.add_argument("--clients", type=int, action="append", help="hostile clients (default: 1, then 50)")
    parser.add_argument("--same-address", action="store_true", help="both kinds share an address")
    options = parser.parse_args()
    chosen = [each for each in ATTACKS if not options.only or each.id in options.only]
    address = QUIET if options.same_address else HOSTILE
    print("| attack | clients | p99 ms | control | longest ms | growth MiB | complaints | |")
    print("|---|--:|--:|--:|--:|--:|---|---|")
    noticed = 0
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        fill(data)
        for attack in chosen:
            for count in options.clients or (1, 50):
                noticed += not _measure(attack, count, data, address, options.runs, options.seconds)
    return int(noticed > 0)


def fill(folder: Path) -> None:
    """Make a database with a long history, and 8,000 rooms of one message each."""

    async def make() -> None:
        store = SqliteStore(folder, loop=asyncio.get_running_loop(), writer="inline")
        rooms = [(ROOM, 10_000), *((f"stored {number}", 1) for number in range(8_000))]
        for room, count in rooms:
            for _ in range(count):
                seq = store.next_seq(room)
                message = RoomMessage(
                    "alice", room, "x" * 1_000, seq, f"{seq:026d}", "2026-11-20T09:30:00.000Z"
                )
                store.append(room, message)
            store.flush()
        store.close()

    asyncio.run(make())


def _measure(attack: Attack, count: int, data: Path, address: str, runs: int, seconds: float) -> bool:
    """Measure and print one row; return whether all is well."""
    with _server(data) as (process, ports), _sink() as sink:
        control = [_run(attack, count, ports, (sink, sink), address, seconds, process) for _ in range(runs)]
        attacked = [_run(attack, count, ports, ports, address, seconds, process) for _ in range(max(runs, 2))]
    p99, quiet = (statistics.median(each.p99 for each in outcomes) for outcomes in (attacked, control))
    gap = statistics.median(each.gap for each in attacked)
    growth = attacked[1].memory - attacked[0].memory
    complaints = sorted({complaint for each in attacked for complaint in each.complaints})
    is_well = (
        p99 <= MOST_FACTOR * quiet + MOST_MILLISECONDS
        and gap <= MOST_GAP
        and growth <= MOST_GROWTH
        and not complaints
    )
    print(
        f"| {attack.id} {attack.title} | {count} | {p99:.1f} | {quiet:.1f} | {gap:.0f} | {growth:.1f} "
        f"| {'; '.join(complaints)[:80]} | {'' if is_well else 'MISSED'} |",
        flush=True,
    )
    return is_well


def _run(
    attack: Attack,
    count: int,
    ports: tuple[int, int],
    targets: tuple[int, int],
    address: str,
    seconds: float,
    server: subprocess.Popen[bytes],
) -> Outcome:
    well_behaved = subprocess.Popen(
        [
            sys.executable,
            str(HERE / "well_behaved.py"),
            str(ports[0]),
            QUIET,
            str(WELL_BEHAVED),
            str(seconds + 1),
        ],
        stdout=subprocess.PIPE,
    )
    time.sleep(0.5)  # they have registered
    words = [attack.id, *map(str, targets), address, str(count), str(seconds)]
    hostile = subprocess.Popen([sys.executable, str(HERE / "hostile.py"), *words], stdout=subprocess.DEVNULL)
    output, _ = well_behaved.communicate()
    hostile.wait()
    seen: dict[str, Any] = json.loads(output)
    latencies = sorted(1000 * each for each in seen["latencies"])
    if not latencies:
        return Outcome(0, float("inf"), float("inf"), seen["complaints"], 0)
    p99 = latencies[int(len(latencies) * 0.99)]
    return Outcome(len(latencies), p99, latencies[-1], seen["complaints"], _memory(server.pid))


def _memory(pid: int) -> float:
    """Return the resident memory of the process *pid*, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def _server(data: Path) -> Iterator[tuple[subprocess.Popen[bytes], tuple[int, int]]]:
    """Start the server with a copy of *data*; yield the process, and its ports for HTTP and for lines."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cp", "-r", str(data), folder], check=True)
        log = Path(folder) / "log"
        ports = (_free_port(), _free_port())
        command = [
            sys.executable,
            str(ROOT / "server.py"),
            "--port",
            str(ports[0]),
            "--lines-port",
            str(ports[1]),
        ]
        own = {key: value for key, value in os.environ.items() if not key.startswith("CHATEAU_")}
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*command, "--data", str(Path(folder) / data.name), "--secret-key", "not 1234"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=own,
            )
        try:
            _wait_for(ports[0])
            yield process, ports
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"no server listens on port {port}")


@contextmanager
def _sink() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, str(HERE / "hostile.py"), "sink"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
