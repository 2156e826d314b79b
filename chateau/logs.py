"""Logging to standard error, as plain lines or as one JSON object per line, within bounds.

Whatever clients, plug-ins and file names contain, an entry is a bounded number of bounded lines without
control characters, and each cause has a bounded rate: the number of suppressed entries is logged once, when
the cause has been quiet for a moment or is logged again. A cause is a line of code, with the type of the
exception if there is one.

A standard error that is closed, or that nobody reads, stops nothing: entries for it are discarded.
"""

from __future__ import annotations

import logging
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO

import orjson

from chateau.printable import printable
from chateau.times import rfc3339

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

TEXT_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

TRACEBACK_HEAD: Final = 10
TRACEBACK_TAIL: Final = 40
"""How many first and last lines of a traceback are logged."""

BURST_SECONDS: Final = 5.0
"""A cause that was quiet may log as many entries at once as its rate allows in so many seconds."""

REPORT_SECONDS: Final = 5.0
"""How often the numbers of suppressed entries are logged, at most."""

MOST_CAUSES: Final = 1000
"""Maximum number of causes that are distinguished; with more, all are forgotten."""

_PIECE: Final = 4096
"""A pipe that can be written takes so many bytes without blocking (PIPE_BUF)."""


class Limits(NamedTuple):
    """Bounds of the log: bytes of a line, and entries per second and cause (0 = unlimited)."""

    line: int = 2000
    rate: float = 5.0


class _Cause:
    """What may be logged for one cause: a token bucket, and how much was suppressed."""

    __slots__ = ("at", "suppressed", "tokens", "where")

    def __init__(self, where: str, tokens: float, at: float) -> None:
        self.where = where
        self.tokens = tokens
        self.at = at
        self.suppressed = 0


class RateLimit(logging.Filter):
    """Passes *rate* records per second of each cause, more in a burst, and counts the others.

    *report* is called, in a thread of its own, some seconds after the first record was suppressed; it should
    log :meth:`summaries`.
    """

    def __init__(
        self,
        rate: float,
        *,
        report: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
        call_later: Callable[[float, Callable[[], object]], object] | None = None,
    ) -> None:
        super().__init__()
        self._rate = rate
        self._most = max(rate * BURST_SECONDS, 1.0)
        self._report = report
        self._clock = clock
        self._call_later = call_later or _call_later
        self._causes: dict[tuple[Any, ...], _Cause] = {}
        self._lock = threading.Lock()
        self._is_due = False  # report() will be called

    def filter(self, record: logging.LogRecord) -> bool:
        if not self._rate:
            return True
        kind = record.exc_info[0] if record.exc_info else None
        key = (record.pathname, record.lineno, None if kind is None else kind.__qualname__)
        with self._lock:
            return self._take(key, record)

    def _take(self, key: tuple[Any, ...], record: logging.LogRecord) -> bool:
        now = self._clock()
        cause = self._causes.get(key)
        if cause is None:
            if len(self._causes) >= MOST_CAUSES:
                self._causes.clear()
            cause = self._causes[key] = _Cause(f"{record.name}, line {record.lineno}", self._most, now)
        cause.tokens = min(self._most, cause.tokens + (now - cause.at) * self._rate)
        cause.at = now
        if cause.tokens >= 1:
            cause.tokens -= 1
            return True
        cause.suppressed += 1
        if not self._is_due:
            self._is_due = True
            self._call_later(REPORT_SECONDS, self._report)
        return False

    def summaries(self) -> list[str]:
        """Return a line for each cause of which records were suppressed since the last call."""
        with self._lock:
            self._is_due = False
            found = [cause for cause in self._causes.values() if cause.suppressed]
            lines = [
                f"{cause.suppressed} more like the last from {cause.where} suppressed (--max-log-rate)"
                for cause in found
            ]
            for cause in found:
                cause.suppressed = 0
        return lines


def _call_later(seconds: float, call: Callable[[], object]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True  # the process does not wait for it
    with suppress(RuntimeError):  # no more threads: the next suppressed record tries again
        timer.start()


def shortened(text: str, limit: int) -> str:
    """Return *text* on one line of at most *limit* bytes, safe to print."""
    shown = printable(text[:limit]).encode("utf-8", "replace")
    if len(shown) <= limit and len(text) <= limit:
        return shown.decode()
    mark = f"... ({len(text)} characters)"
    return shown[: limit - len(mark)].decode("utf-8", "ignore") + mark


class TextFormatter(logging.Formatter):
    """Formats a record as one line, and the lines of its traceback, of at most *limit* bytes each."""

    def __init__(self, limit: int) -> None:
        super().__init__(TEXT_FORMAT)
        self._limit = limit

    def format(self, record: logging.LogRecord) -> str:
        record.message = shortened(_message(record), self._limit)
        record.asctime = self.formatTime(record)
        lines = [self.formatMessage(record)]
        lines += [f"  {line}" for line in self.traceback(record)]
        return "\n".join(lines)

    def traceback(self, record: logging.LogRecord) -> list[str]:
        """Return the lines of the traceback of *record*; the middle of a long one is left out."""
        if not record.exc_info:
            return []
        lines = self.formatException(record.exc_info).splitlines()
        left_out = len(lines) - TRACEBACK_HEAD - TRACEBACK_TAIL
        if left_out > 0:
            lines[TRACEBACK_HEAD:-TRACEBACK_TAIL] = [f"... ({left_out} lines)"]
        return [shortened(line, self._limit) for line in lines]


class JsonFormatter(TextFormatter):
    """Formats a record as one JSON object: time, level, logger, message and traceback."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": shortened(_message(record), self._limit),
        }
        if record.exc_info:
            entry["traceback"] = "\n".join(self.traceback(record))
        return orjson.dumps(entry).decode()


def _message(record: logging.LogRecord) -> str:
    """Return the message of *record*; a wrong format, or a value whose ``str()`` fails, is no error here."""
    try:
        return record.getMessage()
    except Exception as exc:
        return f"{record.msg!r} (its values cannot be shown: {type(exc).__name__})"


class Handler(logging.Handler):
    """Writes entries to *stream*; discards those that it cannot take at once."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.rate_limit: RateLimit | None = None
        self._stream = stream
        self._descriptor = _descriptor_of(stream)

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):  # closed, full, or its terminal is gone
            entry = self.format(record) + "\n"
            if self._descriptor is None:
                self._stream.write(entry)
                self._stream.flush()
            else:
                self._write(entry.encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Log what was suppressed, at the end of the process."""
        self.report()
        super().close()

    def report(self) -> None:
        """Log how much the rate limit has suppressed since the last call."""
        for line in self.rate_limit.summaries() if self.rate_limit is not None else ():
            record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, line, (), None)
            with self.lock or threading.Lock():
                self.emit(record)

    def _write(self, data: bytes) -> None:
        """Write *data* in pieces, as long as no piece would block: a reader may be stopped (Ctrl-S)."""
        assert self._descriptor is not None
        while data and _is_writable(self._descriptor):
            data = data[os.write(self._descriptor, data[:_PIECE]) :]


def _descriptor_of(stream: TextIO) -> int | None:
    """Return the file descriptor of *stream* where writing to it may block; None otherwise."""
    if not hasattr(select, "poll"):  # Windows
        return None
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):  # replaced by something that is not a file
        return None


def _is_writable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return any(events & select.POLLOUT for _, events in poll.poll(0))


def configure(level: str, style: str, limits: Limits | None = None) -> None:
    """Log messages of at least *level* in *style* (``text`` or ``json``), within *limits*."""
    limits = limits or Limits()
    handler = Handler(sys.stderr)
    handler.setFormatter((JsonFormatter if style == "json" else TextFormatter)(limits.line))
    handler.rate_limit = RateLimit(limits.rate, report=handler.report)
    handler.addFilter(handler.rate_limit)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.captureWarnings(True)
    logging.raiseExceptions = False
    sys.unraisablehook = _log_unraisable


def _log_unraisable(error: UnraisableHookArgs) -> None:
    """Log an exception that Python would print, such as one in a destructor of a plug-in."""
    kind, value = error.exc_type, error.exc_value or error.exc_type()
    logging.getLogger(__name__).error(
        "ignored: %s", error.err_msg or kind.__name__, exc_info=(kind, value, error.exc_traceback)
    )
