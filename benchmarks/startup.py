"""Measure the CPU time to start: server and test client, as ratios to `python -c "import tornado.web"`.

Each number is the lowest of five runs, user and system time of the process and its children. Prints three
ratios: the server until it listens, `test_client.py --version`, and a scenario played against a running
server.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROUNDS = 5
CHECKOUT = Path(__file__).parents[1]
SERVER = [sys.executable, "server.py", "--port", "0", "--lines-port", "0", "--data", ":memory:"]
CLIENT = [sys.executable, "test_client.py"]
SCENARIO = "messages/conformance/chateau/name-keeps-its-case.json"


def main() -> None:
    """Print the ratios."""
    server, port = start_server()
    play = [*CLIENT, "--server", f"localhost:{port}", SCENARIO]
    programs: dict[str, Callable[[], float]] = {
        "import tornado.web": lambda: run_seconds([sys.executable, "-c", "import tornado.web"]),
        "server to listening": start_and_stop_server,
        "test_client.py --version": lambda: run_seconds([*CLIENT, "--version"]),
        "a scenario played": lambda: run_seconds(play),
    }
    try:
        rounds = [{name: measure() for name, measure in programs.items()} for _ in range(ROUNDS)]
    finally:
        stop(server)
    best = {name: min(one[name] for one in rounds) for name in programs}
    base = best.pop("import tornado.web")
    print(f"{base:.3f} s of CPU  import tornado.web")
    for name, seconds in best.items():
        print(f"{seconds:.3f} s of CPU  {name}: {seconds / base:.2f} times as much")


def run_seconds(command: Sequence[str]) -> float:
    """Run *command* to its end; return its CPU seconds."""
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    return wait_seconds(process)


def start_and_stop_server() -> float:
    """Start a server, stop it once it listens, and return its CPU seconds."""
    server, _ = start_server()
    return stop(server)


def start_server() -> tuple["subprocess.Popen[str]", int]:
    """Start a server; return it and its port once it listens."""
    server = subprocess.Popen(
        SERVER, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert server.stdout is not None
    for line in server.stdout:
        if found := re.search(r"http://[^/\s]+:(\d+)/", line):
            return server, int(found[1])
    raise SystemExit("the server did not start")


def stop(server: "subprocess.Popen[str]") -> float:
    """Kill *server*, so that only its start is counted; return its CPU seconds."""
    server.send_signal(signal.SIGKILL)
    return wait_seconds(server)


def wait_seconds(process: "subprocess.Popen[str]") -> float:
    """Wait for *process*; return its CPU seconds, of user and system."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
