"""Measure the cost of the admin API: a load while an admin reads a stream, compared with the same load alone.

The admin is a thread of this process that reads the stream and counts its events. The result is the server's
CPU, including that of the stream, per frame of the load.
"""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException

from loads import Load, Values, run_load
from servers import SECRET_KEY, BenchmarkError, Running

NO_STREAM = "no stream"
LIVE = "live stream"
TAP = "tapped session"
STATES = (NO_STREAM, LIVE, TAP)

HEADERS = {"Authorization": f"Bearer {SECRET_KEY}"}
TIMEOUT_SECONDS = 30
POLL_SECONDS = 0.02


def run_watched(running: Running, load: Load, state: str, tag: str, share: float = 1.0) -> Values:
    """Put *load* on the server in one of ``STATES``.

    Raises:
        BenchmarkError: frames were missing, the server closed a connection, or the stream had no events.
    """
    if state == NO_STREAM:
        return run_load(running, load, tag, share)
    with _stream(running.port, None if state == LIVE else f"{tag}u0"):
        return run_load(running, load, tag, share)


@contextmanager
def _stream(port: int, username: str | None) -> Iterator[None]:
    """Read the live stream, or the tap of the session of *username* as soon as it exists."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    connection.connect()
    sock = connection.sock  # HTTPConnection drops it when an endless response starts
    with ThreadPoolExecutor(1) as executor:
        events = executor.submit(_count_events, connection, port, username)
        try:
            yield
        finally:
            with suppress(OSError):  # the server has ended it
                sock.shutdown(socket.SHUT_RDWR)
        try:
            failure = None if events.result(TIMEOUT_SECONDS) else "it had no events"
        except (OSError, HTTPException, ValueError) as exc:
            failure = repr(exc)
        if failure:
            raise BenchmarkError(f"the stream failed: {failure}")


def _count_events(connection: HTTPConnection, port: int, username: str | None) -> int:
    path = "/admin/live" if username is None else f"/admin/tap?session={_session(port, username)}"
    connection.request("GET", path, headers=HEADERS)
    response = connection.getresponse()
    events = 0
    with suppress(OSError, HTTPException):
        while block := response.read1(65_536):
            events += block.count(b"\n\n")
    return events


def _session(port: int, username: str) -> str:
    """Return the id of the session of *username*, which connects while this waits."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    while time.monotonic() < deadline:
        connection.request("GET", "/admin/sessions?limit=10000", headers=HEADERS)
        for session in json.loads(connection.getresponse().read())["sessions"]:
            if session["username"] == username:
                return str(session["id"])
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"{username} did not connect")
