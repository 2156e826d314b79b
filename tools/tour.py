"""Show the way of one room message through the server: ``make tour``.

Starts a server with a database in a temporary folder, lets alice send a message to a room in which bob is,
and prints each step of docs/architecture.md with the functions that ran for it, in the order in which they
ran.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tornado.websocket import WebSocketClientConnection, websocket_connect  # noqa: E402 - the path comes first

from chateau.app import Server  # noqa: E402
from chateau.settings import Settings  # noqa: E402

PACKAGE = ROOT / "chateau"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
MESSAGE = {"type": 7, "room": "lobby", "content": "hello, all"}

_STEP = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_FUNCTION = re.compile(r"`([\w/]+\.py): ([\w.<>]+)`")


class Call(NamedTuple):
    """A Python function of the server that ran: its file below chateau/, its qualified name, its line."""

    file: str
    function: str
    line: int
    thread: str


class Step(NamedTuple):
    """A step of docs/architecture.md, with its functions as (file, qualified name)."""

    number: int
    name: str
    functions: tuple[tuple[str, str], ...]
    about: str


def main() -> None:
    """Trace one message, and print its way step by step."""
    calls = asyncio.run(trace())
    listed = steps(ARCHITECTURE.read_text("utf-8"))
    print(f"alice sends {json.dumps(MESSAGE)}")
    for step in listed:
        print(f"\n{step.number}. {step.name}: {step.about}")
        for call in calls:
            if (call.file, call.function) in step.functions:
                thread = "" if call.thread == "MainThread" else f"  [thread {call.thread}]"
                print(f"   chateau/{call.file}:{call.line}  {call.function}{thread}")
    print("\nbob has the message, and alice the response.")


def steps(markdown: str) -> list[Step]:
    """Return the steps in the table of *markdown*."""
    return [
        Step(int(number), name.strip(), tuple(_FUNCTION.findall(functions)), about.strip())
        for number, name, functions, about in _STEP.findall(markdown)
    ]


async def trace() -> list[Call]:
    """Return the functions of the server that ran for one room message, each once, in order.

    It is the second message to the room: the first one creates what later ones use.
    """
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as folder, recorder.installed():
        server = Server(Settings(port=0, lines_port=0, data=str(Path(folder) / "chateau.db")))
        server.start()
        try:
            port = server.greetings[0].split(":")[2].partition("/")[0]
            alice, bob = [await _member(f"ws://127.0.0.1:{port}/ws", name) for name in ("alice", "bob")]
            await _received(alice, event="joined")
            for recorder.is_on in (False, True):
                await alice.write_message(json.dumps(MESSAGE))
                await _received(bob, content=MESSAGE["content"])
                await _received(alice, status=200, type=MESSAGE["type"], seq=...)
            recorder.is_on = False
            alice.close()
            bob.close()
        finally:
            await server.drain()
    return list(dict.fromkeys(recorder.calls))


async def _member(url: str, name: str) -> WebSocketClientConnection:
    client = await websocket_connect(url)
    for request in ({"type": 1, "username": name}, {"type": 5, "room": MESSAGE["room"]}):
        await client.write_message(json.dumps(request))
        await _received(client, status=200, type=request["type"])
    return client


async def _received(client: WebSocketClientConnection, **fields: Any) -> None:
    """Wait until *client* receives a frame with *fields*, and without a sender where a seq is expected."""
    is_response = fields.pop("seq", None) is not None
    while True:
        text = await client.read_message()
        assert text is not None, "the server closed the connection"
        frame = json.loads(text)
        if all(frame.get(key) == value for key, value in fields.items()) and not (
            is_response and "sender" in frame
        ):
            return


class Recorder:
    """Records the calls of the server's functions, in all threads, while it is on."""

    def __init__(self) -> None:
        self.is_on = False
        self.calls: list[Call] = []
        self._files: dict[CodeType, str | None] = {}

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Profile this thread and those that start inside the block."""
        threading.setprofile(self._record)
        sys.setprofile(self._record)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]

    def _record(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if self.is_on and event == "call" and (file := self._file_of(code)) is not None:
            thread = threading.current_thread().name
            self.calls.append(Call(file, code.co_qualname, code.co_firstlineno, thread))

    def _file_of(self, code: CodeType) -> str | None:
        """Return the file of *code* below chateau/; None for other code."""
        if code not in self._files:
            path = Path(code.co_filename)
            self._files[code] = str(path.relative_to(PACKAGE)) if path.is_relative_to(PACKAGE) else None
        return self._files[code]


if __name__ == "__main__":
    main()
