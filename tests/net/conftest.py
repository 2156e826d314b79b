"""Fail a network test on an unexpected log line of any logger."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from captured_log import Log
from live_harness import TRANSPORTS, LiveServer, OpenServer
from live_lines import LinesServer, OpenLinesServer
from raw_client import PATIENCE_SECONDS
from running_server import free_port
from tornado.ioloop import IOLoop


@pytest.fixture(autouse=True)
def log() -> Iterator[Log]:
    """The log; at the end of the test no message may be left."""
    log = Log()
    root = logging.getLogger()
    root.addHandler(log)
    yield log
    root.removeHandler(log)
    shown = [logging.Formatter("%(name)s: %(message)s").format(record) for record in log.records]
    assert shown == []


@pytest.fixture
def io_loop(log: Log) -> Iterator[IOLoop]:
    """An event loop for one test; that of pytest-tornado is created in a way that Tornado 6.2 deprecates."""
    gc.collect()
    gc.freeze()  # the collections at the ends of tests skip what exists by now, which is nearly everything
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield IOLoop.current()
    loop.run_until_complete(asyncio.sleep(0))
    IOLoop.current().close()
    asyncio.set_event_loop(None)
    gc.collect()  # an unclosed socket warns here, not in another test


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """Each transport."""
    name: str = request.param
    return name


@pytest.fixture
def open_server(io_loop: IOLoop, transport: str) -> Iterator[OpenServer]:
    """Return a function that starts a server with given settings inside the test."""
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


@pytest.fixture
def open_lines_server(io_loop: IOLoop, open_server: OpenServer) -> Iterator[OpenLinesServer]:
    """Return a function that starts a server with given settings inside the test."""
    lobbies: list[LinesServer] = []

    def open_lines_server(**settings: Any) -> LinesServer:
        lobbies.append(LinesServer(open_server(lines_port=free_port(), **settings)))
        return lobbies[-1]

    yield open_lines_server
    for server in lobbies:
        io_loop.run_sync(server.empty, timeout=PATIENCE_SECONDS)
