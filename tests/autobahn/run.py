"""``make autobahn``: the Autobahn WebSocket test suite against each path of the wire; none may fail.

The suite's fuzzing client needs a Python 2.7: ``PYTHON2``, one that pyenv holds, or ``python2.7`` on PATH.
Without one the run is skipped, unless ``AUTOBAHN_REQUIRED=1``. The suite's own pages and the logs are in
``.build/reports/``.

Exit code: 0 when no case failed (or all were skipped), 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import python2
import report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUR_PATHS = ("fast", "tornado")
PATHS = (*OUR_PATHS, "plain")
CASES = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.1.1", "12.2.1", "13.1.1")
# The suite gives these a second or a few, which a busy machine can miss. A server that never does them still
# fails.
PATIENCE = {"openHandshakeTimeout": 20, "closeHandshakeTimeout": 5, "serverConnectionDropTimeout": 5}
START_SECONDS = 20
STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """One path's run; *troubles* are what went wrong besides failed cases."""

    path: str
    seconds: float
    cases: list[report.Case]
    troubles: list[str]

    @property
    def failed(self) -> int:
        return sum(case.failed for case in self.cases)

    @property
    def good(self) -> bool:
        return bool(self.cases) and not self.failed and not self.troubles


def main() -> int:
    """Read the command line, run, print; the exit code."""
    options = _options()
    try:
        python = python2.find(os.environ)
        if python is None:
            return _skip()
        suite = python2.furnish(python)
        outcomes = [
            run(path, suite, options.cases, options.timeout_seconds) for path in options.path or OUR_PATHS
        ]
    except python2.AutobahnError as exc:
        print(f"autobahn: {exc}", file=sys.stderr)
        return 1
    if options.markdown:
        options.markdown.write_text(_markdown(outcomes))
    return 0 if all(outcome.good for outcome in outcomes) else 1


def run(path: str, suite: Path, cases: Sequence[str], timeout_seconds: float) -> Outcome:
    """Fuzz an echo server on *path* with *cases*, and print what came of it.

    Raises:
        AutobahnError: the server did not start, or the suite took more than *timeout_seconds*.
    """
    directory = python2.BUILD / "reports" / path
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    print(f"\n{path}: running ...", flush=True)
    start = time.monotonic()
    with echo_server(path, directory / "server.log") as port:
        _fuzz(suite, port, path, cases, directory, timeout_seconds)
    seconds = time.monotonic() - start
    found = report.read(directory)
    outcome = Outcome(path, seconds, found, list(_troubles(found, directory)))
    _show(outcome)
    return outcome


@contextmanager
def echo_server(path: str, log: Path) -> Iterator[int]:
    """An echo server on *path*, in a process of its own; its port."""
    command = (sys.executable, HERE / "echo_server.py", "--path", path)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environ, text=True
        ) as server,
    ):
        try:
            yield _port(server, log)
        finally:
            _stop(server)


def _port(server: subprocess.Popen[str], log: Path) -> int:
    assert server.stdout
    ready, _, _ = select.select([server.stdout], [], [], START_SECONDS)
    line = server.stdout.readline() if ready else ""
    if not line.startswith("port "):
        raise python2.AutobahnError(f"the echo server did not start: see {log}")
    return int(line.split()[1])


def _stop(server: subprocess.Popen[str]) -> None:
    assert server.stdin
    server.stdin.close()  # which is its sign to end
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


def _fuzz(
    suite: Path, port: int, path: str, cases: Sequence[str], directory: Path, timeout_seconds: float
) -> None:
    spec = directory / "spec.json"
    server = {"agent": path, "url": f"ws://127.0.0.1:{port}/"}
    spec.write_text(
        json.dumps({"outdir": str(directory), "servers": [server], "cases": cases, "options": PATIENCE})
    )
    wstest = (suite, "-E", "-W", "ignore", "-u", "-m", "autobahntestsuite.wstest")
    log = directory / "suite.log"
    try:
        with log.open("w") as out:
            command = (*wstest, "--mode", "fuzzingclient", "--spec", spec)
            subprocess.run(
                command, stdout=out, stderr=out, cwd=directory, timeout=timeout_seconds, check=False
            )
    except subprocess.TimeoutExpired as exc:
        raise python2.AutobahnError(
            f"{path} took more than {timeout_seconds:g} s: see the end of {log}"
        ) from exc


def _troubles(found: Sequence[report.Case], directory: Path) -> Iterator[str]:
    """What would let a broken run pass for a good one."""
    said = re.search(r"Ok, will run (\d+) test cases", (directory / "suite.log").read_text())
    if said is None or int(said[1]) != len(found):
        wanted = said[1] if said else "any"
        yield f"{len(found)} of {wanted} cases have an outcome: see {directory / 'suite.log'}"
    if "Traceback" in (directory / "server.log").read_text():
        yield f"the echo server raised: see {directory / 'server.log'}"


def _show(outcome: Outcome) -> None:
    print(f"{outcome.path}: {_sum(outcome)}, in {outcome.seconds:.0f} s\n")
    for line in report.text(outcome.cases):
        print(line)
    for trouble in outcome.troubles:
        print(f"\n{outcome.path}: {trouble}")
    sys.stdout.flush()


def _markdown(outcomes: Sequence[Outcome]) -> str:
    lines: list[str] = []
    for outcome in outcomes:
        lines += [f"**{outcome.path}**: {_sum(outcome)}.", "", *report.markdown(outcome.cases), ""]
    return "\n".join(lines)


def _sum(outcome: Outcome) -> str:
    return f"{len(outcome.cases)} cases, {outcome.failed or 'none'} failed"


def _skip() -> int:
    required = os.environ.get("AUTOBAHN_REQUIRED") == "1"
    word = "autobahn" if required else "skipped"
    print(f"{word}: no Python 2.7 found; set PYTHON2", file=sys.stderr if required else sys.stdout)
    return 1 if required else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="autobahn", description="Run the Autobahn suite against the wire's paths."
    )
    parser.add_argument(
        "--path", action="append", choices=PATHS, help="only this one; plain is Tornado as it comes"
    )
    parser.add_argument("--cases", nargs="+", default=CASES, metavar="CASE", help='such as "7.*" or 9.1.1')
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the counts as Markdown tables")
    parser.add_argument(
        "--timeout-seconds", type=float, default=300, help="for each path (default: %(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
