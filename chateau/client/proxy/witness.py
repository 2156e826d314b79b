"""The witness of a connection: what passes it is shown, and recorded.

It looks on; nothing that it does changes what passes.
"""

import time
from dataclasses import dataclass
from typing import Protocol

from chateau.client.proxy.account import Account, FrameAccount, opening_payload, protocol_at
from chateau.client.proxy.exchange import HttpAccount
from chateau.client.proxy.frame import Frame, Speech, Way
from chateau.client.transcript import Direction, Entry, OnEntry, Opcode

NOT_PASSED = ("not passed on",)

_DIRECTIONS = {Way.TO_SERVER: Direction.SENT, Way.TO_CLIENT: Direction.RECEIVED}
_WAYS = {direction: way for way, direction in _DIRECTIONS.items()}


@dataclass(frozen=True, slots=True)
class Sight:
    """One thing that is worth a line: a frame, or that a connection opened or ended."""

    at: float  # seconds of Unix time
    connection: int
    way: Way
    opcode: str
    payload: bytes
    done: tuple[str, ...] = ()


class Display(Protocol):
    """Where it is shown."""

    def sight(self, sight: Sight) -> None: ...

    def trouble(self, sentence: str) -> None: ...


class Witness:
    """What is said of one connection."""

    def __init__(self, connection: int, display: Display, record: OnEntry | None) -> None:
        self._connection = connection
        self._display = display
        self._record = record
        self._speech = Speech.BYTES
        self._account: Account | None = None

    def opened(self, speech: Speech, url: str, path: str = "") -> None:
        """It is known what is spoken; *url* and *path* are where the client wanted to go."""
        self._speech = speech
        self._show(Way.TO_SERVER, "open", f"{url}{path}".encode())
        match speech:
            case Speech.HTTP:
                self._account = HttpAccount(self._tell, self.trouble, url)
            case Speech.WEBSOCKET | Speech.LINES:
                self._account = FrameAccount(self._tell)
                protocol = "lines" if speech is Speech.LINES else protocol_at(path)
                self._tell(Direction.SENT, Opcode.OPEN, opening_payload(protocol, f"{url}{path}"))

    def read(self, way: Way, frame: Frame) -> None:
        """*frame* came in: what a client sends counts as sent, whatever becomes of it."""
        if way is Way.TO_SERVER and self._account:
            self._account.saw(Direction.SENT, frame)

    def passed(self, way: Way, frame: Frame, copies: int = 1, done: tuple[str, ...] = ()) -> None:
        """*frame* went out *copies* times, which may be never."""
        if self._speech is not Speech.HTTP or done:  # of HTTP, whole requests and answers are shown
            self._show(way, frame.kind, frame.payload, done)
        if way is Way.TO_CLIENT and self._account:
            for _ in range(copies):
                self._account.saw(Direction.RECEIVED, frame)

    def kept(self, way: Way, frame: Frame) -> None:
        """*frame* came too late to be passed on."""
        self._show(way, frame.kind, frame.payload, NOT_PASSED)

    def end_read(self, way: Way) -> None:
        """One side said that it sends no more."""
        if way is Way.TO_SERVER and self._account:
            self._account.ended(Direction.SENT)

    def broken(self, way: Way) -> None:
        """The side that speaks that way reset the connection."""
        if way is Way.TO_SERVER and self._account:
            self._account.aborted()

    def end_passed(self, way: Way, word: str = "end", done: tuple[str, ...] = ()) -> None:
        """The other side was told so; *word* is how."""
        self._show(way, word, b"", done)
        if way is Way.TO_CLIENT and self._account:
            self._account.ended(Direction.RECEIVED)

    def trouble(self, sentence: str) -> None:
        self._display.trouble(f"#{self._connection}: {sentence}")

    def _tell(self, direction: Direction, opcode: Opcode, payload: bytes) -> None:
        entry = Entry(time.time(), f"c{self._connection}", direction, opcode, payload)
        if self._record:
            self._record(entry)
        if self._speech is Speech.HTTP:
            self._show(_WAYS[direction], opcode, payload)

    def _show(self, way: Way, opcode: str, payload: bytes, done: tuple[str, ...] = ()) -> None:
        self._display.sight(Sight(time.time(), self._connection, way, str(opcode), payload, done))
