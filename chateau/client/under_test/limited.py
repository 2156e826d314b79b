"""Limits itself, then becomes the program that it was started for.

It is run as a file, ``python -I -S limited.py PARENT CPU MEMORY FILE FOLDER PROGRAM ARGUMENT…``, with 0 for a
parent that need not be there, and for what has no limit. It imports nothing but the standard library: what
stands in the folder of a submission must not be imported in its place. A limit that the system refuses is
left out; these are limits for mistakes, and no wall against malice.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
NOT_FOUND = 127  # as shells say it


def main(arguments: list[str]) -> None:
    """Set the limits, go to the folder and become the program."""
    parent, cpu_seconds, memory_bytes, file_bytes = map(int, arguments[:4])
    folder, *program = arguments[4:]
    _die_with(parent)
    _limit(resource.RLIMIT_CORE, 0, 0)
    for kind, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_FSIZE, file_bytes)):
        if most:
            _limit(kind, most, most)
    if cpu_seconds:
        _limit(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1)  # SIGXCPU, and a second later SIGKILL
    try:
        os.chdir(folder)
        os.execvp(program[0], program)
    except OSError as exc:
        sys.stderr.write(f"{program[0]} cannot be run: {exc.strerror}.\n")
        os._exit(NOT_FOUND)


def _limit(kind: int, soft: int, hard: int) -> None:
    with contextlib.suppress(OSError, ValueError):
        already = resource.getrlimit(kind)[1]
        if already != resource.RLIM_INFINITY:
            soft, hard = min(soft, already), min(hard, already)
        resource.setrlimit(kind, (soft, hard))


def _die_with(parent: int) -> None:
    """Linux: where the test client is killed without a word, its server goes with it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent not in {0, os.getppid()}:
            os._exit(NOT_FOUND)


if __name__ == "__main__":
    main(sys.argv[1:])
