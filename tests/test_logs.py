"""The log: bounded lines without control characters, a bounded rate, and outputs that are closed or stuck."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
from running_server import free_port, running_server

from chateau import logs
from chateau.logs import Handler, JsonFormatter, Limits, RateLimit, TextFormatter, shortened
from chateau.printable import printable

LIMIT = 200


class ManualTime:
    """A clock, and the calls that are due later."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: list[Callable[[], object]] = []

    def call_later(self, seconds: float, call: Callable[[], object]) -> None:
        assert seconds == logs.REPORT_SECONDS
        self.due.append(call)

    def run_due(self) -> None:
        due, self.due = self.due, []
        for call in due:
            call()


class LimitedLog:
    """A logger with a rate limit of one entry per second; :attr:`lines` has what it wrote."""

    def __init__(self, rate: float = 1.0) -> None:
        self.time = ManualTime()
        self.stream = io.StringIO()
        self.handler = Handler(self.stream)
        self.handler.setFormatter(TextFormatter(LIMIT))
        self.limit = RateLimit(
            rate,
            report=self.handler.report,
            clock=lambda: self.time.now,
            call_later=self.time.call_later,
        )
        self.handler.rate_limit = self.limit
        self.handler.addFilter(self.limit)
        self.logger = logging.Logger("chateau.test")
        self.logger.addHandler(self.handler)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def limited() -> LimitedLog:
    return LimitedLog()


def formatted(
    formatter: logging.Formatter, message: str, *values: object, fault: BaseException | None = None
) -> str:
    exc_info = None if fault is None else (type(fault), fault, fault.__traceback__)
    return formatter.format(logging.LogRecord("chateau", logging.INFO, "x.py", 1, message, values, exc_info))


# Lines


UNSAFE = [
    "\x1b[2J\x1b]0;x\x07",
    "a\r\nb",
    "\x00",
    "\x7f",
    "\x9b31m",
    "\u202eevil",
    "\u2028",
    "\ud800",
    "\U000e0041",
]


@pytest.mark.parametrize("text", UNSAFE)
@pytest.mark.parametrize("formatter", [TextFormatter(LIMIT), JsonFormatter(LIMIT)], ids=["text", "json"])
@pytest.mark.parametrize("where", ["message", "value", "exception"])
def test_entry_has_no_character_that_a_terminal_acts_on(
    formatter: logging.Formatter, text: str, where: str
) -> None:
    entry = {
        "message": lambda: formatted(formatter, text.replace("%", "%%")),
        "value": lambda: formatted(formatter, "got %s", text),
        "exception": lambda: formatted(formatter, "failed", fault=ValueError(text)),
    }[where]()

    assert all(line.isprintable() for line in entry.split("\n"))
    more = entry.split("\n")[1:]
    assert all(line.startswith("  ") for line in more), "of the traceback, and not like an entry"
    assert not more or (where == "exception" and type(formatter) is TextFormatter)
    entry.encode()


def test_ordinary_text_is_unchanged() -> None:
    text = "Zoë says: 你好 👋, ünïcode"

    assert printable(text) == text
    assert shortened(text, LIMIT) == text


@pytest.mark.parametrize("character", ["x", "\x00", "ü", "\U0001f600", "\U000e0041", "\ud800"])
@pytest.mark.parametrize("count", [LIMIT - 1, LIMIT, LIMIT + 1, 4_000, 1_000_000])
def test_line_is_bounded_in_bytes_and_shows_how_long_it_was(character: str, count: int) -> None:
    line = shortened(character * count, LIMIT)

    assert len(line.encode()) <= LIMIT
    assert line.endswith(f"({count} characters)") or line == character * count


def test_long_traceback_is_bounded_in_lines_and_each_line_in_bytes() -> None:
    def nested(depth: int) -> None:
        try:
            if depth == 0:
                raise ValueError("x" * 10_000)
            nested(depth - 1)
        except (ValueError, RuntimeError) as exc:
            raise RuntimeError(depth) from exc

    with pytest.raises(RuntimeError) as caught:
        nested(40)

    lines = formatted(TextFormatter(LIMIT), "failed", fault=caught.value).split("\n")

    assert len(lines) == 1 + logs.TRACEBACK_HEAD + 1 + logs.TRACEBACK_TAIL
    assert all(len(line.encode()) <= LIMIT + 2 for line in lines)
    assert "lines)" in lines[1 + logs.TRACEBACK_HEAD]
    assert lines[-1].endswith("RuntimeError: 40")


def test_json_entry_is_one_object_with_the_traceback_in_lines() -> None:
    entry = formatted(JsonFormatter(LIMIT), "failed: %s", "\x1b", fault=ValueError("no"))

    decoded = json.loads(entry)
    assert decoded["message"] == r"failed: \x1b"
    assert decoded["traceback"] == "ValueError: no"


class Unshowable:
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(("message", "values"), [("%d", ("x",)), ("%s %s", (1,)), ("%s", (Unshowable(),))])
def test_message_that_cannot_be_formatted_is_logged_all_the_same(
    message: str, values: tuple[object, ...]
) -> None:
    assert "cannot be shown" in formatted(TextFormatter(LIMIT), message, *values)


# Rate


def flood(log: LimitedLog, count: int) -> None:
    for number in range(count):
        log.logger.info("refused %d", number)


def test_flood_of_one_cause_is_limited_and_the_number_is_reported_once(limited: LimitedLog) -> None:
    flood(limited, 2_600)
    burst = len(limited.lines)
    limited.time.now += logs.REPORT_SECONDS
    limited.time.run_due()
    limited.time.run_due()

    assert burst == int(logs.BURST_SECONDS)
    (summary,) = limited.lines[burst:]
    assert f"{2_600 - burst} more like the last from chateau.test, line " in summary
    assert "--max-log-rate" in summary


def test_flood_that_lasts_is_limited_to_the_rate(limited: LimitedLog) -> None:
    for _ in range(60):
        flood(limited, 100)
        limited.time.now += 1

    entries = [line for line in limited.lines if "refused" in line]
    assert len(entries) <= logs.BURST_SECONDS + 60


def test_number_is_reported_anew_for_the_next_flood(limited: LimitedLog) -> None:
    for _ in range(2):
        flood(limited, 20)
        limited.time.now += 100
        limited.time.run_due()

    assert [line.split(": ")[1].split(" ")[0] for line in limited.lines if "suppressed" in line] == [
        "15",
        "15",
    ]


def test_other_causes_are_logged_during_a_flood(limited: LimitedLog) -> None:
    flood(limited, 1_000)

    limited.logger.warning("the disk is full")

    assert limited.lines[-1].endswith("the disk is full")


def test_exceptions_of_different_types_are_different_causes(limited: LimitedLog) -> None:
    for kind in [ValueError] * 20 + [KeyError]:
        try:
            raise kind("no")
        except (LookupError, ValueError):
            limited.logger.exception("failed")

    assert "KeyError: 'no'" in limited.lines[-1]


def test_cause_that_logs_seldom_is_never_suppressed(limited: LimitedLog) -> None:
    for number in range(100):
        limited.logger.info("hourly %d", number)
        limited.time.now += 3600

    assert len(limited.lines) == 100


def test_rate_of_0_is_unlimited() -> None:
    log = LimitedLog(rate=0)
    flood(log, 1_000)

    assert len(log.lines) == 1_000


def test_causes_that_are_distinguished_are_bounded(limited: LimitedLog) -> None:
    for number in range(5 * logs.MOST_CAUSES):
        record = logging.LogRecord("chateau", logging.INFO, f"plugin{number}.py", 1, "x", (), None)
        limited.limit.filter(record)

    assert len(limited.limit._causes) <= logs.MOST_CAUSES


# Outputs


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        with suppress(OSError):
            os.close(descriptor)


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("chateau", logging.INFO, "x.py", 1, message, (), None)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes that can be polled")
def test_pipe_that_nobody_reads_does_not_block(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    with open(writing, "w", closefd=False) as stream:
        handler = Handler(stream)
        handler.setFormatter(TextFormatter(2000))
        started = time.monotonic()
        for _ in range(1_000):  # 2 MB, of which a pipe takes 64 KiB
            handler.emit(record("x" * 1_900))
        assert time.monotonic() - started < 5

        assert len(os.read(reading, 1 << 20)) >= 4096
        handler.emit(record("it is read again"))

        assert b"it is read again" in os.read(reading, 1 << 20)


def test_pipe_whose_reader_is_gone_raises_nothing(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    with open(writing, "w", closefd=False) as stream:
        handler = Handler(stream)
        handler.setFormatter(TextFormatter(2000))
        os.close(reading)

        handler.emit(record("nobody is there"))


def test_stream_that_is_closed_raises_nothing() -> None:
    stream = io.StringIO()
    handler = Handler(stream)
    stream.close()

    handler.emit(record("nobody is there"))


# A server


def test_flood_of_malformed_requests_writes_a_bounded_log() -> None:
    attempts = 400
    header = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"\x01" * 4_000 + b"\r\n\r\n"
    with running_server("--log-level", "debug", "--max-log-line", "300") as server:
        port = int(server.address.split(":")[2].split("/")[0])
        for _ in range(attempts):
            with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as client:
                client.sendall(header)
                client.recv(65_536)
        server.stop()

    lines = server.log.splitlines()
    assert len(lines) < attempts / 2
    assert all(line.isprintable() and len(line) < 450 for line in lines)
    assert any("suppressed" in line for line in lines)


def test_flood_of_lines_in_a_closed_client_writes_a_bounded_log() -> None:
    port = free_port()
    with running_server("--log-level", "debug", "--lines-port", str(port)) as server:
        for _ in range(300):
            with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as client:
                client.sendall(b"LOGIN \x1b[2J" + b"\xff\xfe" * 100 + b"\r\n" * 20)
        server.stop()

    assert len(server.log) < 100_000
    assert all(line.isprintable() for line in server.log.splitlines())


def test_limits_have_the_documented_defaults() -> None:
    from chateau.settings import Settings

    assert Limits() == (Settings().max_log_line, Settings().max_log_rate)
