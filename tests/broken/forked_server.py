"""A broken server as the system under test: a fork of a process that has imported the common modules.

A start takes some 20 ms of CPU instead of 400, with two hundred starts.
"""

from __future__ import annotations

import asyncio
import multiprocessing.process
import time
from pathlib import Path

from forked_process import FORKS, run_script

from chateau.client.protocols import Server
from chateau.client.under_test import ServerDidNotStart
from chateau.client.under_test.server import free_port, listens

START_SECONDS = 30.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.005


class ForkedServer:
    """The script at *path*, started with *flags*, in which the ports are filled in."""

    can_stop = True

    def __init__(self, path: Path, flags: str) -> None:
        self._path = path
        self.server = Server("127.0.0.1", free_port(), free_port())
        self._words = flags.format(port=self.server.port, lines_port=self.server.lines_port).split()
        self._port = self.server.port if "{port}" in flags else self.server.lines_port
        self._starting = asyncio.Lock()
        self._process: multiprocessing.process.BaseProcess | None = None

    async def ready(self) -> None:
        async with self._starting:
            if not listens(self._port):  # one that has closed its port may take a moment to end
                await self.do("stop")
                await self.do("start")

    async def crash(self) -> str | None:
        process = self._process
        return None if process is None or process.is_alive() else f"it ended with {process.exitcode}"

    async def do(self, what: str) -> None:
        match what:
            case "start":
                self._process = FORKS.Process(target=run_script, args=([str(self._path), *self._words],))
                self._process.start()
                await self._until_it_listens()
            case "kill" if self._process is not None:
                self._process.kill()
                await self._until_it_has_ended()
            case "stop" if self._process is not None:
                self._process.terminate()
                await self._until_it_has_ended()

    async def _until_it_listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not listens(self._port):
            if time.monotonic() > deadline or await self.crash():
                raise ServerDidNotStart(f"{self._path} did not start: {await self.crash()}")
            await asyncio.sleep(POLL_SECONDS)

    async def _until_it_has_ended(self) -> None:
        process, self._process = self._process, None
        assert process is not None
        deadline = time.monotonic() + STOP_SECONDS
        while process.is_alive() and time.monotonic() < deadline:  # noqa: ASYNC110 - no event reports it
            await asyncio.sleep(POLL_SECONDS)
        process.kill()
        process.join()
        process.close()
