"""``make bench``: Chateau compared with plain servers on other libraries, on this machine, in one run.

``benchmarks/README.md`` describes the measurements.
"""

import argparse
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import loads
import report
import servers
from loads import Load, Values
from report import Result
from servers import CHATEAU, SERVERS, BenchmarkError, Server, started

QUICK_SHARE = 0.25
PAUSE_SECONDS = 0.3
MEMORY_ROUNDS = 3
BARE_COMMIT = "a bare SQLite commit"

Subjects = dict[str, Callable[[str, float], Values]]
"""What is measured in turn, by name: functions of a tag and of the share of the load."""


class Bench:
    """One run of the benchmark: its results and its failures."""

    def __init__(self, *, quick: bool, rounds: int) -> None:
        self.results: list[Result] = []
        self.failures: set[str] = set()
        self.rounds = rounds
        self.connections = 1000 if quick else 4000
        self._share = QUICK_SHARE if quick else 1.0
        self._tags = 0

    def ready(self, candidates: Sequence[Server]) -> list[Server]:
        """Return the servers that can be built and pass the conversation."""
        ready = []
        for server in candidates:
            with self._failing(server.name), started(server) as running:
                servers.agree(running.port)
                ready.append(server)
        return ready

    def compare(self, measured: Sequence[Load], compared: Sequence[Server], base: Server) -> None:
        """Measure loads on all servers, relative to *base*."""
        with ExitStack() as stack:
            running = []
            for server in compared:
                with self._failing(server.name):
                    running.append(stack.enter_context(started(server)))
            for load in measured:
                subjects: Subjects = {each.server.name: partial(load.run, each) for each in running}
                self._measure(_result(load, base=base.name), subjects)

    def admin_streams(self) -> None:
        """Measure a load without a stream, with a live stream open, and with one session tapped."""
        states = loads.STATES
        with self._failing(servers.ADMIN_CHATEAU.name), started(servers.ADMIN_CHATEAU) as running:
            for load in loads.ADMIN_STREAMS:
                subjects: Subjects = {
                    state: partial(loads.run_watched, running, load, state) for state in states
                }
                self._measure(_result(load, base=loads.NO_STREAM, judged=states[1:]), subjects)

    def storing(self) -> None:
        """Measure the cost of storage: 100 publishers, and a lone one compared with bare commits."""
        shutil.rmtree(servers.DATA, ignore_errors=True)
        crowd, lone = loads.STORED_CROWD, loads.STORED_LONE
        with self._failing(servers.STORING_CHATEAU.name), started(servers.STORING_CHATEAU) as running:
            self._measure(_result(crowd), {CHATEAU.name: partial(crowd.run, running)})
            subjects: Subjects = {CHATEAU.name: partial(lone.run, running), BARE_COMMIT: loads.bare_commit}
            self._measure(_result(lone, quantity="p50_ms", base=BARE_COMMIT), subjects)

    def memories(self, measured: Sequence[Server]) -> None:
        """Measure the memory of idle registered connections, each time on a fresh server."""

        def measure(server: Server, _tag: str, _share: float) -> Values:
            with started(server) as running:
                return {"kib": loads.memory(running, self.connections)}

        title = f"Memory, {self.connections:,} idle registered connections"
        result = Result(title, loads.MEMORY_MARK_KIB, "connection", "kib")
        rounds = range(1, min(self.rounds, MEMORY_ROUNDS) + 1)  # without a warm-up
        self._measure(result, {each.name: partial(measure, each) for each in measured}, rounds)

    def _measure(self, result: Result, subjects: Subjects, rounds: Iterable[int] = ()) -> None:
        """Run all *subjects* in turn: all of them finish a round before the next one starts."""
        print(f"\n{result.title}: {result.head(result.quantity)}")
        self.results.append(result)
        result.runs.update({name: [] for name in subjects})
        # Round 0 is not counted: node compiles what it finds hot, and Python specializes it.
        for number in rounds or range(self.rounds + 1):
            print(f"  round {number}:" if number else "  warm-up:", end="", flush=True)
            for name, run in list(subjects.items()):
                self._tags += 1
                try:
                    values = run(f"t{self._tags}", self._share if number else QUICK_SHARE)
                except BenchmarkError as exc:
                    self._failed(name, exc)
                    # Its later rounds would not pair with those of the others.
                    del subjects[name], result.runs[name]
                    continue
                print(f" {name} {values[result.quantity]:.2f}", end="", flush=True)
                if number:
                    result.runs[name].append(values)
                time.sleep(PAUSE_SECONDS)
            print()

    @contextmanager
    def _failing(self, name: str) -> Iterator[None]:
        """Report an error of the server *name*, and continue with the next one."""
        try:
            yield
        except servers.MissingError as exc:
            print(f"{name}: left out, {exc}")
        except BenchmarkError as exc:
            self._failed(name, exc)

    def _failed(self, name: str, exc: Exception) -> None:
        self.failures.add(name)
        print(f"\n{name}: FAILED, {exc}")


def _result(load: Load, **options: Any) -> Result:
    return Result(load.title, load.mark, load.unit, **options)


def main() -> int:
    """Run the benchmark; return 1 if a run failed."""
    options = _options()
    rounds = options.rounds or (1 if options.quick else 5)
    bench = Bench(quick=options.quick, rounds=rounds)
    # A benchmark that is terminated terminates its servers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    load_average = os.getloadavg()[0]
    try:
        servers.build_wsload()
    except BenchmarkError as exc:
        print(f"make bench cannot run: {exc}")
        return 1
    ready = bench.ready([server for server in SERVERS if not options.only or server.name in options.only])
    if not ready:
        print("There is nothing to measure.")
        return 1
    facts = report.machine(rounds, load_average)
    bench.compare(loads.SCENARIOS, ready, servers.NODE)
    if not options.only:
        channels = servers.AIOHTTP_CHANNELS
        bench.compare(loads.PUBLISHES, (CHATEAU, channels, servers.AIOHTTP_FRAMES), channels)
        bench.admin_streams()
        bench.storing()
    bench.memories(ready)
    text = f"{facts}\n\n{report.report(bench.results)}\n"
    print(f"\n{text}")
    if options.markdown:
        options.markdown.write_text(report.HEADING + text)
    if bench.failures:
        print(f"Failed to run: {', '.join(sorted(bench.failures))}")
    return 1 if bench.failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [server.name for server in SERVERS]
    only = f"measure this server only; may repeat: {', '.join(names)}"
    add = parser.add_argument
    add("--quick", action="store_true", help="a first look: fewer messages, one round, 1,000 connections")
    add("--only", action="append", choices=names, metavar="NAME", help=only)
    add("--rounds", type=int, metavar="N", help="number of rounds (default: 5; with --quick: 1)")
    add("--markdown", type=Path, metavar="FILE", help="write the tables to this file, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
