"""Measure the CPU time to start: server and test client, as ratios to `python -c "import tornado.web"`.

Each number is the lowest of five runs, user and system time of the process and its children. Prints three
ratios: the server until it listens, `test_client.py --version`, and a scenario played against a running
server.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

ROUNDS = 5
CHECKOUT = Path(__file__).parents[1]
SERVER = ("server.py", "--port", "0", "--lines-port", "0", "--data", ":memory:")
SCENARIO = "messages/conformance/chateau/name-keeps-its-case.json"


def main() -> None:
    """Print the ratios."""
    with running_server() as port:
        programs = {
            "import tornado.web": ("-c", "import tornado.web"),
            "server to listening": SERVER,
            "test_client.py --version": ("test_client.py", "--version"),
            "a scenario played": ("test_client.py", "--server", f"localhost:{port}", SCENARIO),
        }
        rounds = [{name: cpu_seconds(*words) for name, words in programs.items()} for _ in range(ROUNDS)]
    best = {name: min(one[name] for one in rounds) for name in programs}
    base = best.pop("import tornado.web")
    print(f"{base:.3f} s of CPU  import tornado.web")
    for name, seconds in best.items():
        print(f"{seconds:.3f} s of CPU  {name}: {seconds / base:.2f} times as much")


def cpu_seconds(*words: str) -> float:
    """Run Python with *words* to its end, or the server until it listens; return its CPU seconds."""
    before = getrusage(RUSAGE_CHILDREN)
    if words == SERVER:
        with running_server():
            pass
    else:
        subprocess.run([sys.executable, *words], cwd=CHECKOUT, stdout=subprocess.DEVNULL, check=False)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def running_server() -> Iterator[str]:
    """Start a server and yield its port once it listens; kill it, so that only its start is counted."""
    command = [sys.executable, *SERVER]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.search(r"http://[^/\s]+:(\d+)/", line):
                    break
            else:
                raise SystemExit("the server did not start")
            yield found[1]
        finally:
            process.kill()


if __name__ == "__main__":
    main()
