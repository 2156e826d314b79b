"""The server under test: a program on ports of its own, started, watched, and ended with all that it started.

Whatever it does, nothing here waits for it longer than it says: it may never listen, crash, ignore signals,
fork, or write without end. It is no prisoner, though: it runs as the user who tests it.
"""

import asyncio
import os
import shlex
import shutil
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from chateau.client.under_test.ports import HOST, free_port, listens
from chateau.client.under_test.program import KILL_SECONDS, POLL_SECONDS, Limits, Program

__all__ = ["Limits", "ServerDidNotStart", "ServerUnderTest"]

STOP_SECONDS = 5.0
LOOK_SECONDS = 0.02  # between two looks whether it listens
STRANGER_SECONDS = 1.0
DYING_SECONDS = 0.5  # that a program may take from its last connection's end to its own
DOUBT_SECONDS = 0.05
USUAL_PORTS = {"port": 8888, "lines_port": 9090}  # where a command names none


class ServerDidNotStart(Exception):
    """The server under test cannot be tested; the sentence says why."""


class ServerUnderTest:
    """The program that *command* starts.

    ``{port}``, ``{lines_port}`` and ``{opcodes_port}`` in it are filled in with free ports, which stay the
    same when it is started again. A command that names no port is taken to listen on 8888 or 9090.
    """

    def __init__(
        self,
        command: str,
        *,
        start_seconds: float = 10,
        cwd: Path | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.command = command
        self.host = HOST
        self._start_seconds = start_seconds
        self._cwd = cwd
        self._limits = limits or Limits()
        self._named = [name for name in ("port", "lines_port", "opcodes_port") if f"{{{name}}}" in command]
        self._ports: dict[str, int] = {}
        self._program: Program | None = None

    @property
    def port(self) -> int:
        """Of the four protocols over HTTP and WebSocket."""
        return self._ports.get("port", USUAL_PORTS["port"])

    @property
    def lines_port(self) -> int:
        return self._ports.get("lines_port", USUAL_PORTS["lines_port"])

    @property
    def opcodes_port(self) -> int:
        """That of the others, where the command names no other."""
        return self._ports.get("opcodes_port", self.port)

    @property
    def stdout(self) -> str:
        """The end of what it wrote."""
        return self._program.stdout.text if self._program else ""

    @property
    def stderr(self) -> str:
        return self._program.stderr.text if self._program else ""

    async def start(self) -> None:
        """Start it and wait until it listens on every port that the command names.

        Raises:
            ServerDidNotStart: it did not; nothing of it is left.
        """
        await self.stop()
        chosen_now = not self._ports
        if chosen_now:
            self._choose_ports()
        try:
            await self._start_once()
        except _PortTaken as exc:
            if not (chosen_now and self._named):
                raise ServerDidNotStart(str(exc)) from exc
            self._choose_ports()
            await self._start_once()

    def crash(self) -> str | None:
        """How it ended, in a sentence, and the end of its stderr; None unless it ended by itself."""
        if self._program is None or self._program.ended_by_us or self._program.exit_code() is None:
            return None
        return f"The server under test {self._program.end_in_words()}"

    async def crashed(self) -> str | None:
        """As :meth:`crash`, for a server whose connections have just ended: it may be about to end, too."""
        began = time.monotonic()
        while self.crash() is None and time.monotonic() < began + DYING_SECONDS:
            if time.monotonic() > began + DOUBT_SECONDS and self.is_listening():
                return None
            await asyncio.sleep(POLL_SECONDS)
        return self.crash()

    def is_listening(self) -> bool:
        """Whether it can be connected to; False as well where it was never started."""
        runs = self._program is not None and self._program.exit_code() is None
        return runs and self._is_enough(list(filter(listens, self._expected)))

    async def stop(self) -> None:
        """End it by SIGTERM or, where it is still there after 5 seconds, SIGKILL; nothing of it is left."""
        if self._program is not None:
            await self._program.stop(signal.SIGTERM, STOP_SECONDS)

    async def kill(self) -> None:
        """End it by SIGKILL, as a power cut would."""
        if self._program is not None:
            await self._program.stop(signal.SIGKILL, KILL_SECONDS)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def _expected(self) -> list[int]:
        return list(self._ports.values()) or list(USUAL_PORTS.values())

    def _is_enough(self, listening: list[int]) -> bool:
        """All ports that the command names have to listen; of the usual two, one."""
        return bool(listening) if not self._named else len(listening) == len(self._expected)

    def _choose_ports(self) -> None:
        ports: set[int] = set()
        while len(ports) < len(self._named):
            ports.add(free_port())
        self._ports = dict(zip(self._named, sorted(ports), strict=True))

    async def _start_once(self) -> None:
        if taken := list(filter(listens, self._expected)):
            raise _PortTaken(_taken_in_words(taken[0], named=bool(self._named)))
        self._program = Program(self._arguments(), self._cwd, self._limits)
        try:
            await self._until_it_listens(self._program)
        except BaseException:
            self._program.end()
            raise

    async def _until_it_listens(self, program: Program) -> None:
        """Where it is not the program that listens, somebody else took the port in between, and the program
        will say so in a moment; or somebody does it in its name, as for a container.
        """
        deadline = time.monotonic() + self._start_seconds
        listening_since = None
        while program.exit_code() is None:
            listening = list(filter(listens, self._expected))
            if self._is_enough(listening):
                listening_since = listening_since or time.monotonic()
                if program.has(listening) or time.monotonic() > listening_since + STRANGER_SECONDS:
                    return
            elif time.monotonic() > deadline:
                raise ServerDidNotStart(self._silent(program, listening))
            await asyncio.sleep(LOOK_SECONDS)
        raise _ended(program)

    def _silent(self, program: Program, listening: list[int]) -> str:
        missing = [str(port) for port in self._expected if port not in listening]
        where = " or ".join(missing) if not self._named else " and ".join(missing)
        sentence = f"The server under test did not listen on port {where} within {self._start_seconds:g} s"
        has = program.listening_on()
        if has - set(self._expected):
            elsewhere = " and ".join(map(str, sorted(has - set(self._expected))))
            sentence += f", but it listens on port {elsewhere}"
        elif has - set(listening):
            sentence += f", but it listens there at another address than {HOST}"
        if not self._named:
            sentence += "; its command has no {port} to say where it should"
        return f"{sentence}.{program.output_in_words()}"

    def _arguments(self) -> list[str]:
        """The command's words. A port is a number, so it may be filled in after they are parted."""
        try:
            words = shlex.split(self.command)
        except ValueError as exc:
            raise ServerDidNotStart(f"The command {self.command!r} cannot be read: {exc}.") from exc
        if not words:
            raise ServerDidNotStart("The command of the server under test is empty.")
        for name, port in self._ports.items():
            words = [word.replace(f"{{{name}}}", str(port)) for word in words]
        _check_program(words[0], self._cwd)
        return words


class _PortTaken(ServerDidNotStart):
    """Somebody else has a port that was free a moment ago."""


def _taken_in_words(port: int, *, named: bool) -> str:
    sentence = f"Port {port} is in use by another program"
    return f"{sentence}." if named else f"{sentence}; put {{port}} into the command for a free one."


def _ended(program: Program) -> ServerDidNotStart:
    sentence = f"The server under test {program.end_in_words()}"
    in_use = "in use" in program.stderr.text + program.stdout.text
    return _PortTaken(sentence) if in_use else ServerDidNotStart(sentence)


def _check_program(name: str, cwd: Path | None) -> None:
    """A name with a slash, such as ./server, is found from the folder that it is started in."""
    place = str((cwd or Path()).absolute() / name) if os.sep in name else name
    if shutil.which(place) is None:
        raise ServerDidNotStart(f"There is no program {name!r} to start the server under test with.")
