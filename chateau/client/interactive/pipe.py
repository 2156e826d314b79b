"""Names of message files from a pipe or a file on stdin, one a line.

A thread reads, since a stdin may be anything and not all of it can be waited for. It takes the descriptor
without Python's buffer: a program that leaves while its thread holds that buffer's lock dies of it.
"""

import asyncio
import contextlib
import os
import sys
import threading
from typing import BinaryIO


class Lines:
    """The lines of stdin, as they come."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    async def next(self) -> str | None:
        """The next line without the white space around it; None at the end."""
        return await self._queue.get()

    def _read(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            if sys.stdin is not None:
                with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stream:
                    self._read_from(stream)
            self._loop.call_soon_threadsafe(self._queue.put_nowait, None)

    def _read_from(self, stream: BinaryIO) -> None:
        for line in stream:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, os.fsdecode(line).strip())
