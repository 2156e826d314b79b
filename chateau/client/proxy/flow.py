"""One direction of a connection, moved: from the side that speaks, through the faults, to the other side.

Where no fault is possible, bytes pass at once and are only looked at. Where one is, frames are taken whole.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from chateau.client.proxy.arrangement import Arrangement, Write
from chateau.client.proxy.backlog import Backlog, Waiting
from chateau.client.proxy.faults import NOTHING, Faults
from chateau.client.proxy.frame import Frame, Speech, Way
from chateau.client.proxy.framing import close_frame, framing_of
from chateau.client.proxy.rule import Ending
from chateau.client.proxy.side import Side
from chateau.client.proxy.witness import Witness

HOLD_SECONDS = 0.5  # a frame waits no longer for others
CUT_PAUSE_SECONDS = 0.005  # so that pieces arrive apart


class ConnectionOver(Exception):
    """A fault ends the whole connection, by a reset or not."""

    def __init__(self, *, by_reset: bool) -> None:
        super().__init__()
        self.by_reset = by_reset


class Flow:
    """One direction of a connection."""

    def __init__(
        self, way: Way, speech: Speech, source: Side, sink: Side, faults: Faults, witness: Witness
    ) -> None:
        self.is_broken = False  # the side that listens has gone, though nobody said goodbye
        self._way = way
        self._speech = speech
        self._source = source
        self._sink = sink
        self._faults = faults
        self._witness = witness
        self._framing = framing_of(speech, way)
        self._has_told_flaw = False
        self._arrangement = Arrangement()
        self._backlog = Backlog()
        self._ending: Ending | None = None

    async def run(self) -> None:
        """Move everything, to the end.

        Raises:
            OSError: the side that speaks broke the connection.
            ConnectionOver: a fault did.
        """
        if self._faults.is_none:
            await self._pass()
            return
        reading = asyncio.create_task(self._read())
        try:
            await self._write()
            if self._ending:
                await reading
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await reading

    async def _pass(self) -> None:
        """Pass bytes as they come."""
        while received := await self._received():
            for frame in self._frames_in(received):
                self._witness.passed(self._way, frame)
            if not await self._try_to_write(received):
                return
        for frame in self._framing.end():
            self._witness.read(self._way, frame)
            self._witness.passed(self._way, frame)
        self._witness.end_read(self._way)
        self._end()

    async def _read(self) -> None:
        """Fill the backlog; after an ending, there is nobody to fill it for."""
        try:
            while received := await self._received():
                self._put(self._frames_in(received))
                await self._backlog.room()
        except Exception as exc:
            self._backlog.fail(exc)
            if self._ending:
                raise
            return
        left = self._framing.end()
        for frame in left:
            self._witness.read(self._way, frame)
        self._put(left)
        self._witness.end_read(self._way)
        if self._ending is Ending.CLOSE:
            self._end()
        self._backlog.put(None, NOTHING)

    async def _received(self) -> bytes:
        try:
            return await self._source.read()
        except OSError:
            self._witness.broken(self._way)
            raise

    def _frames_in(self, received: bytes) -> list[Frame]:
        frames = self._framing.feed(received)
        for frame in frames:
            self._witness.read(self._way, frame)
        if self._framing.flaw and not self._has_told_flaw:
            self._has_told_flaw = True
            side = "client" if self._way is Way.TO_SERVER else "server"
            self._witness.trouble(
                f"the {side}'s frames cannot be read any more ({self._framing.flaw}): "
                "from here on, its bytes pass as they are"
            )
        return frames

    def _put(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            if self._ending:
                self._witness.kept(self._way, frame)
            else:
                self._backlog.put(frame, self._faults.fate(frame))

    async def _write(self) -> None:
        """Empty the backlog, until the end of the bytes or an ending."""
        deadline: float | None = None
        while not self._ending:
            waiting = await self._backlog.next(deadline)
            if not await self._write_all(self._due(waiting)):
                return
            if waiting and waiting.frame is None:
                self._end()
                return
            deadline = self._deadline(deadline)
        for frame in self._backlog.rest():
            self._witness.kept(self._way, frame)

    def _due(self, waiting: Waiting | None) -> list[Write]:
        if waiting is None or waiting.frame is None:
            return self._arrangement.flush()
        return self._arrangement.put(waiting.frame, waiting.fate)

    def _deadline(self, before: float | None) -> float | None:
        """When what is held is held no longer; counted from when the holding began."""
        if not self._arrangement.is_holding:
            return None
        return before or asyncio.get_running_loop().time() + HOLD_SECONDS

    async def _write_all(self, writes: list[Write]) -> bool:
        """Whether the sink is still there."""
        for write in writes:
            if not await self._write_one(write):
                return False
            if write.ending:
                await self._come_to(write.ending, write.code)
        return True

    async def _write_one(self, write: Write) -> bool:
        for passed in write.passed:
            self._witness.passed(self._way, passed.frame, passed.copies, passed.done)
        for number, piece in enumerate(write.pieces):
            if number:
                await asyncio.sleep(CUT_PAUSE_SECONDS)
            if not await self._try_to_write(piece):
                return False
        return True

    async def _try_to_write(self, content: bytes) -> bool:
        try:
            await self._sink.write(content)
        except OSError:
            self.is_broken = True
        return not self.is_broken

    async def _come_to(self, ending: Ending, code: int) -> None:
        """The end of this direction, by a fault; of more, where the fault says so."""
        self._ending = ending
        match ending:
            case Ending.HALF_CLOSE:
                self._end("half-closed")
            case Ending.STALL:
                self._witness.trouble(f"stalled {self._way}: nothing passes any more")
            case Ending.RESET:
                raise ConnectionOver(by_reset=True)
            case Ending.CLOSE if self._speech is Speech.WEBSOCKET and not self._framing.flaw:
                await self._say_close(code)
            case Ending.CLOSE:
                raise ConnectionOver(by_reset=False)

    async def _say_close(self, code: int) -> None:
        frame = close_frame(code, self._way)
        self._witness.passed(self._way, frame, done=("injected",))
        await self._try_to_write(frame.raw)

    def _end(self, *done: str) -> None:
        self._sink.end()
        self._witness.end_passed(self._way, done=done)
