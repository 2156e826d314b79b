"""Measure the cost of observation: a load with a live stream open or one session tapped, compared to neither.

The admin is a thread of this process that reads the stream and counts its events. The result is the server's
CPU, including that of the stream, per frame of the load.
"""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from http.client import HTTPConnection, HTTPException

from scenarios import LoadError, Run, Scenario, load
from servers import SECRET_KEY, Running

NOBODY = "nobody watches"
LIVE = "a live stream is open"
TAP = "one session is tapped"
STATES = (NOBODY, LIVE, TAP)

MARK = 1.05
"""The limit for the CPU per frame, relative to that without a stream."""

# Long enough that a stream with one event per second sends several.
WATCHINGS = (
    Scenario("room", "A room of 1,000, 8 messages in flight, watched", count=2000, window=8, mark=MARK),
    Scenario(
        "direct", "Direct messages, 100 clients, 16 in flight each, watched", count=1500, window=16, mark=MARK
    ),
)

HEADERS = {"Authorization": f"Bearer {SECRET_KEY}"}
PATIENCE_SECONDS = 30
LOOK_SECONDS = 0.02


def watched(running: Running, what: Scenario, state: str, *, tag: str, share: float = 1.0) -> Run:
    """Put *what*'s load on the server while it is observed as *state* names.

    Raises:
        LoadError: frames were missing, the server closed a connection, or the stream had no events.
    """
    with _watching(running.port, state, f"{tag}u0"):
        return load(running, what, tag=tag, share=share)


def _watching(port: int, state: str, name: str) -> AbstractContextManager[None]:
    if state == NOBODY:
        return nullcontext()
    return _reading(port, None if state == LIVE else name)


@contextmanager
def _reading(port: int, name: str | None) -> Iterator[None]:
    """Read the live stream, or the tap of the session of the user *name* as soon as it exists."""
    reader = _Reader(port, name)
    reader.start()
    try:
        yield
    finally:
        reader.stop()
    if not reader.events:
        raise LoadError(f"the stream had no events: {reader.failure or 'no events came'}")


class _Reader(threading.Thread):
    """One reader of a stream. It looks for its session while the clients of the load connect."""

    def __init__(self, port: int, name: str | None) -> None:
        super().__init__(daemon=True)
        self.events = 0
        self.failure: Exception | None = None
        self._name = name
        self._port = port
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        self._connection.connect()
        self._socket = self._connection.sock  # HTTPConnection drops it when an endless response starts

    def run(self) -> None:
        try:
            path = "/admin/live" if self._name is None else f"/admin/tap?session={self._session()}"
            self._connection.request("GET", path, headers=HEADERS)
            response = self._connection.getresponse()
            while block := response.read1(65_536):
                self.events += block.count(b"\n\n")
        except (OSError, HTTPException, TimeoutError, ValueError) as exc:
            self.failure = exc

    def stop(self) -> None:
        """Close the stream, so that the next round does not find it open.

        Raises:
            LoadError: the thread does not end.
        """
        with suppress(OSError):  # the server has ended it
            self._socket.shutdown(socket.SHUT_RDWR)
        self.join(PATIENCE_SECONDS)
        self._connection.close()
        if self.is_alive():
            raise LoadError("the reader of the stream could not be stopped")

    def _session(self) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        asking = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_SECONDS)
        while time.monotonic() < deadline:
            asking.request("GET", "/admin/sessions?limit=10000", headers=HEADERS)
            for session in json.loads(asking.getresponse().read())["sessions"]:
                if session["username"] == self._name:
                    asking.close()
                    return str(session["id"])
            time.sleep(LOOK_SECONDS)
        raise TimeoutError(f"{self._name} did not connect")
