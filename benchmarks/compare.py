"""Compare the server CPU per frame of two checkouts: ``python benchmarks/compare.py OTHER [--pairs 15]``.

Both servers run at the same time and take turns, so that each pair of rounds meets the same machine. Pairs
are added until the 95 % confidence interval of the ratio (this checkout to OTHER) is narrow enough. OTHER has
its own .venv.
"""

import argparse
import math
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from loads import PUBLISHES, SCENARIOS, Load
from servers import CHATEAU, ROOT, Running, Server, build_wsload, started

MOST_PAIRS = 80
INTERVAL_WIDTH = 0.06
SHARE = 0.5
"""How much of a benchmark's load one round has."""
LOADS = (*(load for load in SCENARIOS if load.window > 1), *PUBLISHES)


def main() -> int:
    """Run the comparison; return 1 if an upper bound is above the limit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path, metavar="OTHER", help="the checkout to compare with")
    parser.add_argument("--pairs", type=int, default=15, help="fewest pairs of rounds (default: 15)")
    parser.add_argument(
        "--limit", type=float, default=1.05, help="largest upper bound allowed (default: 1.05)"
    )
    options = parser.parse_args()
    build_wsload()
    failed = False
    print(f"{'load':55} {'pairs':>5} {'ratio':>6}  95 % interval  µs of CPU")
    with ExitStack() as stack:
        here, there = (stack.enter_context(started(each)) for each in (CHATEAU, _in(options.other.resolve())))
        for load in LOADS:
            ours, theirs = _pairs(load, here, there, options.pairs)
            ratio, low, high = interval(ours, theirs)
            failed |= high > options.limit
            each = f"{statistics.median(ours):.2f} / {statistics.median(theirs):.2f}"
            print(f"{load.title:55} {len(ours):5} {ratio:6.3f}  {low:.3f} to {high:.3f}  {each}", flush=True)
    return int(failed)


def _in(checkout: Path) -> Server:
    words = [word.replace(str(ROOT), str(checkout)) for word in CHATEAU.command[1:]]
    return Server("other", (str(checkout / ".venv" / "bin" / "python"), *words))


def _pairs(load: Load, here: Running, there: Running, fewest: int) -> tuple[list[float], list[float]]:
    """Measure both in turn, after a warm-up, until the interval is narrow or there are enough pairs."""
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(MOST_PAIRS + 1):
        order = (here, there) if number % 2 else (there, here)
        results = {running.server.name: load.run(running, f"r{number}", SHARE)["us_cpu"] for running in order}
        if number == 0:
            continue
        ours.append(results[here.server.name])
        theirs.append(results[there.server.name])
        if number >= fewest:
            _, low, high = interval(ours, theirs)
            if high - low <= INTERVAL_WIDTH:
                break
    return ours, theirs


def interval(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Return the geometric mean of the ratios of the pairs, and its 95 % confidence interval."""
    logs = [math.log(our / their) for our, their in zip(ours, theirs, strict=True)]
    middle = statistics.fmean(logs)
    # Student's t for 14 and more degrees of freedom is 2.145 and less.
    half = 2.145 * statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


if __name__ == "__main__":
    sys.exit(main())
