"""Set resource limits, then become the program to run.

Run as a file, ``python -I -S rlimit_exec.py PARENT CPU MEMORY FILE FOLDER PROGRAM ARGUMENT…``, with 0 for no
parent and for no limit. Only the standard library is imported, so that no module in a submission's folder
takes effect here. A limit that the system rejects is ignored: these limits are against mistakes,
not attacks.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
NOT_FOUND = 127  # as in shells


def main(arguments: list[str]) -> None:
    """Set the limits, change to the folder and execute the program."""
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
    """End with *parent*, even if that is killed (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent not in {0, os.getppid()}:
            os._exit(NOT_FOUND)


if __name__ == "__main__":
    main(sys.argv[1:])
