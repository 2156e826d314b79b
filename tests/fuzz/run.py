"""Fuzz the decoders with atheris, and store each input that fails in the corpus: `make fuzz`.

Every target runs in a process of its own. Inputs that reach new code are stored in .venv/cache/fuzz/ and used
again by the next run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CORPUS = HERE / "corpus"
CACHE = ROOT / ".venv" / "cache" / "fuzz"

sys.path[:0] = [str(ROOT), str(HERE)]
with atheris.instrument_imports(include=["chateau"]):
    import targets

MOST_BYTES = 2_048


def main() -> int:
    """Fuzz the targets that are asked for, one after the other; return 1 if an input was found."""
    parser = argparse.ArgumentParser(description="Fuzz the decoders.")
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of: {', '.join(targets.TARGETS)}; default: all"
    )
    parser.add_argument("--seconds", type=int, default=60, help="per target (default: 60)")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(targets.TARGETS)
    if unknown:
        parser.error(f"no target: {', '.join(sorted(unknown))}; expected: {', '.join(targets.TARGETS)}")
    if arguments.worker:
        fuzz(arguments.targets[0], arguments.seconds)
    names = arguments.targets or list(targets.TARGETS)
    failed = [name for name in names if not passes(name, arguments.seconds)]
    if failed:
        print(f"failed: {', '.join(failed)}. The inputs are in tests/fuzz/corpus/; the tests replay them.")
    return 1 if failed else 0


def passes(name: str, seconds: int) -> bool:
    """Fuzz the target *name* in another process; return whether no input failed."""
    print(f"== {name}", flush=True)
    command = [sys.executable, __file__, name, "--worker", "--seconds", str(seconds)]
    return subprocess.run(command, check=False).returncode == 0


def fuzz(name: str, seconds: int) -> None:
    """Fuzz the target *name*, and exit."""
    cache, corpus = CACHE / name, CORPUS / name
    cache.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}", "-timeout=10", "-rss_limit_mb=2048"]
    options += ["-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={corpus}/"]
    atheris.Setup([name, *options, str(cache), str(corpus)], lambda data: targets.run(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    raise SystemExit(main())
