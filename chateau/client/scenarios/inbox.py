"""The inbox: the frames that came to one client and that no step has taken yet, oldest first.

What a frame is read as, JSON or text or bytes, is decided here; whether it is the right one, in
:mod:`chateau.client.scenarios.expecting`.
"""

import asyncio
from typing import Any

from chateau.client import strict_json
from chateau.client.transcript import Entry, Opcode, close_of
from chateau.client.transports import event_fields

CONTROL = {Opcode.PING: "ping", Opcode.PONG: "pong"}
FRAMES = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.LINE, Opcode.EVENT})


class Unreadable(Exception):
    """A frame is not what a step wants to read it as; the text says what it is."""


class Inbox:
    """What came to one client; ``changed`` is set whenever something did."""

    def __init__(self) -> None:
        self.frames: list[Entry] = []
        self.controls: list[Entry] = []
        self.close: Entry | None = None
        self.changed = asyncio.Event()

    def put(self, entry: Entry) -> None:
        """Take in *entry*, which the client has received."""
        if entry.opcode in FRAMES:
            self.frames.append(entry)
        elif entry.opcode in CONTROL:
            self.controls.append(entry)
        elif entry.opcode is Opcode.CLOSE:
            self.close = entry
        self.changed.set()

    def waiting(self, read_as: str | None) -> list[Entry]:
        """The frames that a step may take; it takes one by deleting it."""
        return self.controls if read_as in CONTROL.values() else self.frames

    async def wait(self, until: float) -> bool:
        """Wait for the next change; False where none comes until the loop's time *until*."""
        self.changed.clear()
        try:
            async with asyncio.timeout_at(until):
                await self.changed.wait()
        except TimeoutError:
            return False
        return True


def read(entry: Entry, read_as: str | None) -> Any:
    """What *entry* says, for a step that reads it as *read_as*.

    Raises:
        Unreadable: it is something else.
    """
    if entry.opcode in CONTROL:
        return _control(entry, read_as)
    if entry.opcode is Opcode.BINARY or read_as == "binary":
        return _binary(entry, read_as)
    if entry.opcode is Opcode.EVENT:
        return event_fields(entry.payload)
    text = entry.payload.decode()
    return text if read_as == "text" else _json(text, must=read_as == "json")


def close_words(entry: Entry) -> str:
    """How a connection ended, in words."""
    code, reason = close_of(entry.payload)
    return f"with {code}{f', {reason!r}' if reason else ''}" if code else "without a close code"


def _control(entry: Entry, read_as: str | None) -> str:
    if read_as != CONTROL[entry.opcode]:
        raise Unreadable(f"a {entry.opcode}")
    return entry.payload.decode("utf-8", "backslashreplace")


def _binary(entry: Entry, read_as: str | None) -> str:
    if entry.opcode is not Opcode.BINARY:
        raise Unreadable(f"a text frame: {entry.text}")
    if read_as != "binary":
        raise Unreadable(f"a binary frame: {entry.text}")
    return entry.payload.hex()


def _json(text: str, *, must: bool) -> Any:
    try:
        value = strict_json.decode(text)
    except ValueError as exc:
        if must:
            raise Unreadable(f"not JSON: {text}") from exc
        return text
    return value if must or isinstance(value, dict | list) else text
