"""The server under test: started on ports of its own, watched, and ended with all its descendants.

Every wait has a limit, whatever the program does: it may never listen, crash, ignore signals, fork, or write
without end. It is not isolated, though: it runs with the permissions of the tester.
"""

import asyncio
import contextlib
import random
import shlex
import shutil
import signal
import socket
import time
from itertools import takewhile
from pathlib import Path
from typing import Self

from chateau.client.under_test import ServerDidNotStart
from chateau.client.under_test.process import KILL_SECONDS, POLL_SECONDS, ServerProcess

HOST = "127.0.0.1"
PORT_NAMES = ("port", "lines_port", "opcodes_port")
USUAL_PORTS = {"port": 8888, "lines_port": 9090}  # of a command that names none
PORT_RANGE = range(20_000, 32_000)  # below the ephemeral ports
PORT_TRIES = 1000

STOP_SECONDS = 5.0
LISTEN_POLL_SECONDS = 0.02
FOREIGN_LISTENER_SECONDS = 1.0
DYING_SECONDS = 0.5  # from the end of a program's last connection to its own end
DOUBT_SECONDS = 0.05

SOCKET_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LISTEN_STATE = "0A"  # linux/net/tcp_states.h
LOCAL = {"0100007F", "00000000", "0" * 32, "0" * 16 + "FFFF00000100007F"}  # reachable as 127.0.0.1


def free_port() -> int:
    """Return a port of 127.0.0.1 that is not in use."""
    for port in random.sample(PORT_RANGE, PORT_TRIES):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("", port))
            return port
    raise OSError("There is no free port on this machine.")


def listens(port: int) -> bool:
    """Return whether a program listens on *port* of 127.0.0.1.

    On Linux this does not connect: a server may accept a single connection only. psutil knows the listeners
    of other users' processes too, but takes 0.1 s per look, for it asks every process.
    """
    if not SOCKET_TABLES[0].exists():
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((HOST, port)) == 0
    addresses = (address.rpartition(":") for table in SOCKET_TABLES for address in _listening(table))
    return any(int(number, 16) == port and host in LOCAL for host, _, number in addresses)


def _listening(table: Path) -> list[str]:
    """Return the addresses of the listening sockets; Linux lists these first, before thousands of others."""
    with contextlib.suppress(OSError), table.open(encoding="ascii") as file:
        next(file, None)  # the names of the columns
        return [row[1] for row in takewhile(lambda row: row[3] == LISTEN_STATE, map(str.split, file))]
    return []


class ServerUnderTest:
    """The program that *command* starts.

    ``{port}``, ``{lines_port}`` and ``{opcodes_port}`` in it are replaced by free ports, which stay the same
    when it is started again. A command that names no port is expected to listen on 8888 or 9090.
    """

    host = HOST

    def __init__(self, command: str, *, start_seconds: float = 10) -> None:
        self.process: ServerProcess | None = None
        self._command = command
        self._start_seconds = start_seconds
        self._named = [name for name in PORT_NAMES if f"{{{name}}}" in command]
        self._ports: dict[str, int] = {}

    @property
    def port(self) -> int:
        """The port of the protocols over HTTP and WebSocket."""
        return self._ports.get("port", USUAL_PORTS["port"])

    @property
    def lines_port(self) -> int:
        return self._ports.get("lines_port", USUAL_PORTS["lines_port"])

    @property
    def opcodes_port(self) -> int:
        """The port of the opcodes protocol: ``port``, unless the command names another."""
        return self._ports.get("opcodes_port", self.port)

    async def start(self) -> None:
        """Start it and wait until it listens on every port that the command names.

        Raises:
            ServerDidNotStart: it did not; no process is left.
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
        """Return how it ended, with the end of its stderr; None unless it ended by itself."""
        if self.process is None or self.process.ended_by_us or self.process.exit_code() is None:
            return None
        return f"The server under test {self.process.end_in_words()}"

    async def crashed(self) -> str | None:
        """Return :meth:`crash`, after waiting for a server that may be about to end."""
        began = time.monotonic()
        while self.crash() is None and time.monotonic() < began + DYING_SECONDS:
            if time.monotonic() > began + DOUBT_SECONDS and self.is_listening():
                return None
            await asyncio.sleep(POLL_SECONDS)
        return self.crash()

    def is_listening(self) -> bool:
        """Return whether it accepts connections; False if it was never started."""
        runs = self.process is not None and self.process.exit_code() is None
        return runs and self._is_enough(list(filter(listens, self._expected)))

    async def stop(self) -> None:
        """End it by SIGTERM, or by SIGKILL after 5 seconds; no process is left."""
        if self.process is not None:
            await self.process.stop(signal.SIGTERM, STOP_SECONDS)

    async def kill(self) -> None:
        """End it by SIGKILL, as a power failure would."""
        if self.process is not None:
            await self.process.stop(signal.SIGKILL, KILL_SECONDS)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def _expected(self) -> list[int]:
        return list(self._ports.values()) or list(USUAL_PORTS.values())

    def _is_enough(self, listening: list[int]) -> bool:
        """Return whether all ports that the command names are listening, or one of the usual two."""
        return bool(listening) if not self._named else len(listening) == len(self._expected)

    def _choose_ports(self) -> None:
        ports: set[int] = set()
        while len(ports) < len(self._named):
            ports.add(free_port())
        self._ports = dict(zip(self._named, sorted(ports), strict=True))

    async def _start_once(self) -> None:
        if taken := list(filter(listens, self._expected)):
            hint = "." if self._named else "; put {port} into the command to use a free one."
            raise _PortTaken(f"Port {taken[0]} is in use by another program{hint}")
        self.process = ServerProcess(self._arguments())
        try:
            await self._until_it_listens(self.process)
        except BaseException:
            self.process.end()
            raise

    async def _until_it_listens(self, process: ServerProcess) -> None:
        """Wait until *process* listens on the expected ports.

        If another process listens, it either took the port in between, which the program will report in a
        moment, or it does so for the program, as with a container.
        """
        deadline = time.monotonic() + self._start_seconds
        listening_since = None
        while process.exit_code() is None:
            listening = list(filter(listens, self._expected))
            if self._is_enough(listening):
                listening_since = listening_since or time.monotonic()
                is_foreign = time.monotonic() > listening_since + FOREIGN_LISTENER_SECONDS
                if is_foreign or process.listening_on() >= set(listening):
                    return
            elif time.monotonic() > deadline:
                raise ServerDidNotStart(self._silent(process, listening))
            await asyncio.sleep(LISTEN_POLL_SECONDS)
        sentence = f"The server under test {process.end_in_words()}"
        in_use = "in use" in process.stderr.text + process.stdout.text
        raise _PortTaken(sentence) if in_use else ServerDidNotStart(sentence)

    def _silent(self, process: ServerProcess, listening: list[int]) -> str:
        missing = [str(port) for port in self._expected if port not in listening]
        ports = " or ".join(missing) if not self._named else " and ".join(missing)
        sentence = f"The server under test did not listen on port {ports} within {self._start_seconds:g} s"
        has = process.listening_on()
        if others := has - set(self._expected):
            sentence += f", but it listens on port {' and '.join(map(str, sorted(others)))}"
        elif has - set(listening):
            sentence += f", but it listens there at another address than {HOST}"
        if not self._named:
            sentence += "; its command has no {port} for the port to listen on"
        return f"{sentence}.{process.output_in_words()}"

    def _arguments(self) -> list[str]:
        """Return the words of the command; ports are replaced after splitting, as they need no quotes."""
        try:
            words = shlex.split(self._command)
        except ValueError as exc:
            raise ServerDidNotStart(f"The command {self._command!r} cannot be parsed: {exc}.") from exc
        if not words:
            raise ServerDidNotStart("The command of the server under test is empty.")
        for name, port in self._ports.items():
            words = [word.replace(f"{{{name}}}", str(port)) for word in words]
        if shutil.which(words[0]) is None:
            raise ServerDidNotStart(f"There is no program {words[0]!r} to start the server under test with.")
        return words


class _PortTaken(ServerDidNotStart):
    """Another program uses a port that was free a moment ago."""
