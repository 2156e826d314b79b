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
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import keeping
import report
from agreement import DisagreementError, agree
from publishing import PUBLISHINGS, Publishing, publish
from scenarios import SCENARIOS, LoadError, Scenario, load, memory
from servers import (
    AIOHTTP_CHANNELS,
    AIOHTTP_FRAMES,
    CHATEAU,
    KEEPING_CHATEAU,
    SERVERS,
    WATCHED_CHATEAU,
    Running,
    Server,
    ServerError,
)
from watching import STATES, WATCHINGS, watched
from workshop import BUILD, DATA, BuildError, MissingError, build_wsload

QUICK_SHARE = 0.25
PAUSE_SECONDS = 0.3
MEMORY_ROUNDS = 3


class Bench:
    """One run of the benchmark: its servers and its failures."""

    def __init__(self, *, quick: bool, rounds: int) -> None:
        self.failures: list[str] = []
        self.rounds = rounds
        self.held = 1000 if quick else 4000
        self._share = QUICK_SHARE if quick else 1.0
        self._tags = 0

    def ready(self, servers: Sequence[Server]) -> list[Server]:
        """Return the *servers* that can be built and pass the conversation."""
        able = []
        for server in servers:
            try:
                server.build()
                with Running(server) as running:
                    agree(running.port)
            except MissingError as exc:
                print(f"{server.name}: left out, {exc}")
            except (BuildError, ServerError, DisagreementError) as exc:
                self._failed(server, exc)
            else:
                able.append(server)
        return able

    def loads(self, servers: Sequence[Server]) -> list[tuple[Scenario, report.Runs]]:
        """Run every scenario on every server; all servers finish a round before the next starts."""
        results = []
        with ExitStack() as stack:
            running = []
            for server in servers:
                try:
                    running.append(stack.enter_context(Running(server)))
                except ServerError as exc:
                    self._failed(server, exc)
            for scenario in SCENARIOS:
                print(f"\n{scenario.title}: µs of server CPU per frame")
                results.append((scenario, self._rounds(scenario, running)))
        return results

    def memories(self, servers: Sequence[Server]) -> dict[str, list[float]]:
        """Measure KiB per idle registered connection, each time on a fresh server."""
        kib: dict[str, list[float]] = {server.name: [] for server in servers}
        print(f"\nMemory of {self.held:,} idle registered connections: KiB each")
        for number in range(1, min(self.rounds, MEMORY_ROUNDS) + 1):
            self._say(f"  round {number}:")
            for server in servers:
                try:
                    with Running(server) as running:
                        kib[server.name].append(memory(running, self.held))
                except (ServerError, LoadError) as exc:
                    self._failed(server, exc)
                else:
                    self._say(f" {server.name} {kib[server.name][-1]:.1f}")
            print()
        return kib

    def keeping(self) -> report.Storage:
        """Measure the cost of storage: a crowd of publishers, and a lone one compared with bare commits."""
        storage = report.Storage([], [], [])
        shutil.rmtree(DATA, ignore_errors=True)
        print("\nStored messages: µs of CPU each from a crowd; p50 ms of a lone one, and of a bare commit")
        try:
            with Running(KEEPING_CHATEAU) as running:
                for number in range(self.rounds + 1):
                    share = self._share if number else QUICK_SHARE
                    crowd = keeping.crowd(running, tag=self._tag(), share=share)
                    lone = keeping.lone(running, tag=self._tag(), share=share)
                    bare = keeping.bare_commit(BUILD, share=share)
                    print(f"  round {number}: {crowd:.1f} µs, {lone:.2f} ms, {bare:.2f} ms")
                    if number:
                        storage.add(crowd, lone, bare)
        except (ServerError, LoadError) as exc:
            self._failed(KEEPING_CHATEAU, exc)
        return storage

    def publishings(self) -> list[tuple[Publishing, report.Runs]]:
        """Measure publishing over HTTP, Chateau and aiohttp in turn."""
        results: list[tuple[Publishing, report.Runs]] = []
        try:
            AIOHTTP_CHANNELS.build()
            with (
                Running(CHATEAU) as chateau,
                Running(AIOHTTP_CHANNELS) as plain,
                Running(AIOHTTP_FRAMES) as low,
            ):
                for what in PUBLISHINGS:
                    print(f"\n{what.title}: µs of server CPU per publish")
                    results.append((what, self._publish_rounds(what, (chateau, plain, low))))
        except (BuildError, ServerError, LoadError) as exc:
            self._failed(AIOHTTP_CHANNELS, exc)
        return results

    def watchings(self) -> list[tuple[Scenario, report.Runs]]:
        """Measure one load while nobody watches, with a live stream open, and with one session tapped."""
        results: list[tuple[Scenario, report.Runs]] = []
        try:
            with Running(WATCHED_CHATEAU) as running:
                for what in WATCHINGS:
                    print(f"\n{what.title}: µs of server CPU per frame")
                    results.append((what, self._watched_rounds(what, running)))
        except (ServerError, LoadError) as exc:
            self._failed(WATCHED_CHATEAU, exc)
        return results

    def _watched_rounds(self, what: Scenario, running: Running) -> report.Runs:
        runs: report.Runs = {state: [] for state in STATES}
        for number in range(self.rounds + 1):
            self._say(f"  round {number}:" if number else "  warming:")
            for state in STATES:
                share = self._share if number else QUICK_SHARE
                run = watched(running, what, state, tag=self._tag(), share=share)
                self._say(f" {state} {run.microseconds:.2f}")
                if number:
                    runs[state].append(run)
                time.sleep(PAUSE_SECONDS)
            print()
        return runs

    def _publish_rounds(self, what: Publishing, servers: Sequence[Running]) -> report.Runs:
        runs: report.Runs = {running.server.name: [] for running in servers}
        for number in range(self.rounds + 1):
            self._say(f"  round {number}:" if number else "  warming:")
            for running in servers:
                run = publish(running, what, share=self._share if number else QUICK_SHARE)
                self._say(f" {running.server.name} {run.microseconds:.1f}")
                if number:
                    runs[running.server.name].append(run)
                time.sleep(PAUSE_SECONDS)
            print()
        return runs

    def _rounds(self, scenario: Scenario, servers: list[Running]) -> report.Runs:
        runs: report.Runs = {running.server.name: [] for running in servers}
        out: set[str] = set()
        for number in range(self.rounds + 1):
            # Round 0 is not counted: node compiles what it finds hot, and Python specializes it.
            self._say(f"  round {number}:" if number else "  warming:")
            for running in servers:
                name = running.server.name
                if name in out:
                    continue
                try:
                    run = load(
                        running, scenario, tag=self._tag(), share=self._share if number else QUICK_SHARE
                    )
                except LoadError as exc:
                    # Its rounds would no longer pair with node's.
                    self._failed(running.server, exc)
                    runs[name].clear()
                    out.add(name)
                    continue
                self._say(f" {name} {run.microseconds:.2f}")
                if number:
                    runs[name].append(run)
                time.sleep(PAUSE_SECONDS)
            print()
        return runs

    def _tag(self) -> str:
        self._tags += 1
        return f"t{self._tags}"

    def _failed(self, server: Server, exc: Exception) -> None:
        self.failures.append(server.name)
        print(f"\n{server.name}: FAILED, {exc}")

    @staticmethod
    def _say(text: str) -> None:
        print(text, end="", flush=True)


def main() -> int:
    options = _options()
    rounds = options.rounds or (1 if options.quick else 5)
    bench = Bench(quick=options.quick, rounds=rounds)
    # A benchmark that is terminated terminates its servers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    load_average = os.getloadavg()[0]
    try:
        build_wsload()
    except BuildError as exc:
        print(f"make bench cannot run: {exc}")
        return 1

    servers = bench.ready([server for server in SERVERS if not options.only or server.name in options.only])
    if not servers:
        print("There is nothing to measure.")
        return 1
    facts = report.machine(rounds, load_average)
    results = bench.loads(servers)
    storage = bench.keeping() if not options.only else report.Storage([], [], [])
    publishings = bench.publishings() if not options.only else []
    watchings = bench.watchings() if not options.only else []
    kib = bench.memories(servers)
    tables = [report.load_table(scenario, runs) for scenario, runs in results]
    tables += [report.publish_table(what, runs) for what, runs in publishings]
    tables += [report.watch_table(what, runs) for what, runs in watchings]
    tables += [report.storage_table(storage), report.memory_table(bench.held, kib)]
    tables.append(report.marks(results, publishings, watchings, storage, bench.held, kib))
    text = "\n\n".join((facts, *tables)) + "\n"
    print(f"\n{text}")
    if options.markdown:
        options.markdown.write_text(report.HEADING + text)
    if bench.failures:
        print(f"Failed to run: {', '.join(sorted(set(bench.failures)))}")
    return 1 if bench.failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [server.name for server in SERVERS]
    parser.add_argument(
        "--quick", action="store_true", help="a first look: fewer messages, one round, 1,000 held"
    )
    parser.add_argument(
        "--only", action="append", choices=names, metavar="NAME", help=f"may repeat: {', '.join(names)}"
    )
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="rounds to take the medians of (5; with --quick 1)"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
