"""``make soak``: the kill test, for any number of rounds.

In each round eight publishers of three protocols send messages to a server, which is killed with ``kill -9``
at a random moment and restarted; then its history is checked against the acknowledged messages.

Exit code: 0 if no message was lost; 1 at the first loss, whose database is not deleted.
"""

# ruff: noqa: T201 - printing is its purpose

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from campaign import RETAINED, Workload, play, two_old_rooms_and_a_new_one
from ledger import Ledger
from publishers import eight_publishers

ROUNDS = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Run with the command line *arguments*; return the exit code."""
    options = _options(arguments)
    folder = Path(tempfile.mkdtemp(prefix="chateau-soak-"))
    retained = options.kept or RETAINED
    ledger = Ledger(retained=options.kept)
    workload = Workload(eight_publishers(ledger, options.seed), two_old_rooms_and_a_new_one)
    began = time.monotonic()
    try:
        for played in play(
            folder, ledger, workload, seed=options.seed, rounds=options.rounds, retained=retained
        ):
            print(
                f"round {played.number}: killed after {1000 * played.killed_after_seconds:.0f} ms; "
                f"{played.sent} sent, {played.acknowledged} acknowledged, {played.read} stored",
                flush=True,
            )
    except (AssertionError, TimeoutError) as exc:  # a Loss, or a server that does not start or respond
        print(f"LOST (seed {options.seed}): {exc!r}\nThe database is in {folder}.", flush=True)
        return 1
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    print(
        f"{options.rounds} rounds in {time.monotonic() - began:.0f} s, seed {options.seed}: {ledger.sent} "
        f"messages sent, {ledger.acknowledged} acknowledged, {ledger.verified} of these stored at the end. "
        "Nothing was lost."
    )
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="soak", description="Kill a server repeatedly, and check its history."
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"number of kills [{ROUNDS}]")
    parser.add_argument("--seed", type=int, default=1, help="random seed of the messages and the kills [1]")
    parser.add_argument("--kept", type=int, help="number of messages per room that the server retains [all]")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
