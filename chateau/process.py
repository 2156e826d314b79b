"""The process of the server: its standard streams, its signals, and an end that nothing can prevent.

Commands of plug-ins run in this process. One that raises ``KeyboardInterrupt`` or ``SystemExit``, ignores its
cancellation, starts threads that do not end, or blocks the event loop, must not end the server or outlive it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final, TextIO

from chateau.printable import printable

log = logging.getLogger(__name__)

END_SECONDS: Final = 15.0
"""The process ends at the latest so many seconds after it was asked to, whatever is running."""

TASK_SECONDS: Final = 1.0
"""How long tasks and threads of plug-ins have to end when the server has ended."""

_CANCEL_SECONDS: Final = 0.1


# Standard streams


def open_standard_streams() -> None:
    """Open the null device where a standard stream is closed (``>&-``); escape what a stream cannot encode.

    Otherwise the next file or socket that is opened, such as the database, would get the descriptor.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:
        descriptor = os.dup(descriptor)
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif hasattr(stream, "reconfigure"):
            with suppress(OSError, ValueError):
                stream.reconfigure(errors="backslashreplace")


def announce(line: str) -> None:
    """Print *line* to standard output, and continue if nobody reads that any more."""
    _print(line, sys.stdout)


def complain(error: object) -> None:
    """Print *error* to standard error, in one line."""
    _print(f"chateau: {error}", sys.stderr)


def flush_output() -> None:
    """Flush standard output; discard what cannot be written."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _discard(sys.stdout)


def _print(line: str, stream: TextIO) -> None:
    try:
        print(printable(line), file=stream, flush=True)
    except (OSError, ValueError):
        _discard(stream)


def _discard(stream: TextIO) -> None:
    """Write what is buffered in *stream*, and all that follows, to the null device."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


# Signals


def handle_signals(*, stop: Callable[[], None], reload: Callable[[], None]) -> None:
    """Call *stop* at SIGTERM and SIGINT, and *stop* or *reload* at SIGHUP, in the running event loop.

    SIGHUP stops the server if it was started at a terminal, which is then being closed; otherwise it reloads.
    It also reloads if the process was started with SIGHUP ignored, as ``nohup`` does.
    """
    loop = asyncio.get_running_loop()

    def handle(call: Callable[[], None], *, is_end: bool) -> Callable[..., None]:
        def handler(*_: object) -> None:
            if is_end:
                end_later()
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(call)

        return handler

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle(stop, is_end=True))
    if hasattr(signal, "SIGHUP"):
        is_end = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN and has_terminal()
        signal.signal(signal.SIGHUP, handle(stop if is_end else reload, is_end=is_end))


def has_terminal() -> bool:
    """Return whether standard input is a terminal, or the process has a controlling terminal."""
    with suppress(OSError, ValueError, AttributeError):
        if os.isatty(0):
            return True
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        return True
    return False


# The end


def end_later() -> None:
    """End the process after `END_SECONDS`, even if the event loop is blocked."""
    timer = threading.Timer(END_SECONDS, _end_now, (1, "the server has not ended in time, and ends now"))
    timer.daemon = True
    timer.start()


def end_if_prevented(status: int, tasks: Sequence[asyncio.Task[Any]] = ()) -> None:
    """End the process with *status* if *tasks*, or threads that do not end, would prevent it."""
    deadline = time.monotonic() + TASK_SECONDS
    threads = [each for each in threading.enumerate() if each is not threading.main_thread()]
    threads = [each for each in threads if not each.daemon]
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.0))
    threads = [each for each in threads if each.is_alive()]
    if tasks or threads:
        _end_now(status, f"{len(tasks)} task(s) and {len(threads)} thread(s) do not end, and are ended")


def _end_now(status: int, reason: str) -> None:
    log.warning("%s", reason)
    logging.shutdown()
    flush_output()
    os._exit(status)


def run(main: Coroutine[Any, Any, None]) -> list[asyncio.Task[Any]]:
    """Run *main* in an event loop until it returns, as `asyncio.run`; return the tasks that do not end.

    ``KeyboardInterrupt`` and ``SystemExit`` of other tasks are logged, and *main* continues.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        _run_through(loop, loop.create_task(main))
    finally:
        stuck = _cancel_all(loop)
        with suppress(TimeoutError):
            loop.run_until_complete(asyncio.wait_for(loop.shutdown_asyncgens(), TASK_SECONDS))
        asyncio.set_event_loop(None)
        loop.close()
    return stuck


def _run_through(loop: asyncio.AbstractEventLoop, main: asyncio.Task[None]) -> None:
    while True:
        try:
            return loop.run_until_complete(main)
        except (KeyboardInterrupt, SystemExit):
            if main.done():
                raise
            log.exception("a task tried to end the server, which continues")


def _cancel_all(loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[Any]]:
    """Cancel all tasks of *loop*, repeatedly; return those that have not ended after `TASK_SECONDS`."""
    deadline = loop.time() + TASK_SECONDS
    while (tasks := asyncio.all_tasks(loop)) and loop.time() < deadline:
        for task in tasks:
            task.cancel()
        with suppress(KeyboardInterrupt, SystemExit):
            loop.run_until_complete(asyncio.wait(tasks, timeout=_CANCEL_SECONDS))
    return list(tasks)
