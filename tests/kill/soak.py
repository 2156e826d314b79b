"""``make soak``: the kill test for as long as you like.

Each round a server is spoken to by eight publishers over three protocols, killed with ``kill -9`` at a
random moment and started again; then its history is held against all that it had acknowledged.

Exit code: 0 when nothing was lost; 1 at the first loss, whose database is then left where it is.
"""

# ruff: noqa: T201 - what it prints is its work

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from campaign import KEPT, Cast, play, two_old_rooms_and_a_new_one
from ledger import Ledger
from publishers import eight_publishers

ROUNDS = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Run with the command line *arguments*; returns the exit code."""
    options = _options(arguments)
    folder = Path(tempfile.mkdtemp(prefix="chateau-soak-"))
    kept = options.kept or KEPT
    ledger = Ledger(kept=options.kept)
    cast = Cast(eight_publishers(ledger, options.seed), two_old_rooms_and_a_new_one)
    began = time.monotonic()
    try:
        for played in play(folder, ledger, cast, seed=options.seed, rounds=options.rounds, kept=kept):
            print(
                f"round {played.number}: killed after {1000 * played.killed_after_seconds:.0f} ms; "
                f"{played.said} said, {played.acknowledged} acknowledged, {played.read} kept",
                flush=True,
            )
    except (AssertionError, TimeoutError) as exc:  # a Loss, or a server that does not start, or hangs
        print(f"LOST (seed {options.seed}): {exc!r}\nThe database is in {folder}.", flush=True)
        return 1
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    print(
        f"{options.rounds} rounds in {time.monotonic() - began:.0f} s, seed {options.seed}: {ledger.said} "
        f"messages said, {ledger.acknowledged} acknowledged, {ledger.verified} of these kept at the end. "
        "Nothing was lost."
    )
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak", description="Kill a server again and again.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often it is killed [{ROUNDS}]")
    parser.add_argument("--seed", type=int, default=1, help="of what is said and when it is killed [1]")
    parser.add_argument("--kept", type=int, help="messages of a room that the server keeps [all]")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
