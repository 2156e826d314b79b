"""An unexpected log line fails a test of the net, whatever logger it is of."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from live_harness import TRANSPORTS, LiveServer, OpenServer
from raw_client import PATIENCE_SECONDS
from tornado.ioloop import IOLoop


class Log(logging.Handler):
    """What was logged at WARNING or above. A test takes what it expects."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def taken(self) -> list[str]:
        """The messages so far, which are then forgotten."""
        messages = [record.getMessage() for record in self.records]
        self.records.clear()
        return messages


@pytest.fixture(autouse=True, scope="session")
def freeze_garbage() -> Iterator[None]:
    """Every test below ends with a search for garbage: among what came since, not among all modules."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def log() -> Iterator[Log]:
    """Everything that is logged: at the end there must be nothing that the test has not taken."""
    log = Log()
    root = logging.getLogger()
    root.addHandler(log)
    yield log
    root.removeHandler(log)
    shown = [logging.Formatter("%(name)s: %(message)s").format(record) for record in log.records]
    assert shown == []


@pytest.fixture
def io_loop(log: Log) -> Iterator[IOLoop]:
    """An event loop for one test; pytest-tornado's own is made in a way that Tornado 6.2 deprecated."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield IOLoop.current()
    loop.run_until_complete(asyncio.sleep(0))
    IOLoop.current().close()
    asyncio.set_event_loop(None)
    gc.collect()  # a socket that was forgotten complains here, not in another test


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """Each way that bytes may take."""
    name: str = request.param
    return name


@pytest.fixture
def open_server(io_loop: IOLoop, transport: str) -> Iterator[OpenServer]:
    """Starts a server with given settings; to be called inside the test."""
    servers: list[LiveServer] = []

    def open_server(**settings: Any) -> LiveServer:
        servers.append(LiveServer(transport, **settings))
        return servers[-1]

    yield open_server
    for harness in servers:
        io_loop.run_sync(harness.close, timeout=PATIENCE_SECONDS)


@pytest.fixture
def harness(io_loop: IOLoop, open_server: OpenServer) -> LiveServer:
    """A server with default settings."""

    async def opened() -> LiveServer:
        return open_server()

    return io_loop.run_sync(opened)
