"""``test_client.py proxy`` as a user runs it, before a server as a user runs it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from client_process import COMMAND
from running_server import free_port, running_server
from websockets.sync.client import connect

from chateau.client import app
from chateau.client.app import main
from chateau.client.arguments import Exit
from chateau.client.commands import proxy as command
from chateau.client.proxy.connection import Proxy
from chateau.client.recordings import read

PATIENCE_SECONDS = 60
LISTENING = re.compile(r"Listening at 127\.0\.0\.1:([0-9]+) for 127\.0\.0\.1:[0-9]+\n")


class RunningProxy:
    """A proxy that listens; *out* and *err* are its output, once it has ended."""

    def __init__(self, process: subprocess.Popen[str], ports: list[int]) -> None:
        self.process = process
        self.ports = ports
        self.out = ""
        self.err = ""

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.out, self.err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode


@contextmanager
def running_proxy(*arguments: str, doors: int = 1) -> Iterator[RunningProxy]:
    process = subprocess.Popen(
        [*COMMAND, "proxy", "--listen", "127.0.0.1:0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    with process:
        assert process.stderr is not None
        try:
            lines = [process.stderr.readline() for _ in range(doors + 1)]
            found = [
                re.fullmatch(r"Listening at 127\.0\.0\.1:([0-9]+) for 127\.0\.0\.1:[0-9]+\n", line)
                for line in lines
            ]
            assert all(found[:-1]), lines
            assert re.fullmatch(r"Seed [0-9]+\n", lines[-1])
            yield RunningProxy(process, [int(one[1]) for one in found if one])
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server_ports() -> Iterator[tuple[int, int]]:
    lines_port = free_port()
    with running_server(f"--lines-port={lines_port}") as server:
        yield int(server.address.split(":")[2].rstrip("/")), lines_port


Visit = Callable[[int], object]


@pytest.fixture
def proxy_here(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command in this process while a thread visits it; then a signal ends it."""

    def proxy_here(*arguments: str, visit: Visit, number: int = signal.SIGTERM) -> int:
        entered = threading.Event()
        ports: list[int] = []

        class Entered(Proxy):
            async def __aenter__(self) -> Self:
                ports.extend(endpoint.listening.getsockname()[1] for endpoint in self.endpoints)
                await super().__aenter__()
                entered.set()
                return self

        def visit_and_end() -> None:
            assert entered.wait(PATIENCE_SECONDS)
            try:
                visit(ports[0])
            finally:
                os.kill(os.getpid(), number)

        monkeypatch.setattr(command, "Proxy", Entered)
        with ThreadPoolExecutor(1) as pool:
            visiting = pool.submit(visit_and_end)
            try:
                return main(["proxy", "--listen", "127.0.0.1:0", *arguments])
            finally:
                visiting.result()

    return proxy_here


def said(port: int, *requests: dict[str, Any]) -> list[Any]:
    """Return the responses to a chateau client."""
    with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as client:
        answers = []
        for request in requests:
            client.send(json.dumps(request))
            answers.append(json.loads(client.recv()))
        return answers


def test_proxy_shows_and_records_both_ports_of_a_server(
    server_ports: tuple[int, int], tmp_path: Path
) -> None:
    port, lines_port = server_ports
    file = tmp_path / "recording.jsonl"
    arguments = ["--to", f"127.0.0.1:{port}", "--lines-to", f"127.0.0.1:{lines_port}", "--lines-listen"]

    with running_proxy(*arguments, "127.0.0.1:0", "--record", str(file), doors=2) as proxy:
        assert said(proxy.ports[0], {"type": 1, "username": "alice"}) == [{"type": 1, "status": 200}]
        with socket.create_connection(("127.0.0.1", proxy.ports[1]), PATIENCE_SECONDS) as lines:
            lines.sendall(b"LOGIN bob\r\n")
            assert lines.makefile("rb").readline().startswith(b'{"type":"commandResult"')
        head = b"POST /channel/x/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        request = head + b"Content-Length: 2\r\n\r\nhi"
        with socket.create_connection(("127.0.0.1", proxy.ports[0]), PATIENCE_SECONDS) as http:
            http.sendall(request)
            assert http.makefile("rb").read().startswith(b"HTTP/1.1 201")
        assert proxy.end() == 0

    entries = read(file)
    of_alice = [(one.direction, one.opcode, one.payload) for one in entries if one.client == "c1"]
    assert of_alice[0][1] == "open"
    assert json.loads(of_alice[0][2]) == {"protocol": "chateau", "url": f"ws://127.0.0.1:{port}/ws"}
    assert of_alice[1:] == [
        ("sent", "text", b'{"type": 1, "username": "alice"}'),
        ("received", "text", b'{"type":1,"status":200}'),
        ("sent", "close", b"\x03\xe8"),
        ("received", "close", b"\x03\xe8"),
    ]
    assert [one.opcode for one in entries if one.client == "c2"][:3] == ["open", "line", "line"]
    assert [one.opcode for one in entries if one.client == "c3"] == ["request", "response"]
    pattern = r'^[0-9:.]{12} #1   → server text         \{"type": 1, "username": "alice"\}$'
    assert re.search(pattern, proxy.out, re.MULTILINE)
    assert "#2   → server line         LOGIN bob\n" in proxy.out
    assert "#3   → server request      POST /channel/x/ HTTP/1.1  hi\n" in proxy.out
    assert "\x1b" not in proxy.out
    assert proxy.err == ""


def test_json_output_has_one_object_per_line_with_its_faults(
    server_ports: tuple[int, int], proxy_here: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def visit(port: int) -> None:
        said(port, {"type": 1, "username": "carol"})

    to = f"127.0.0.1:{server_ports[0]}"
    assert proxy_here("--to", to, "--json", "--cut", "5", "--delay", "0.01", visit=visit) == 0

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (
        lines[1].items()
        >= {
            "connection": 1,
            "direction": "to-server",
            "opcode": "text",
            "payload": '{"type": 1, "username": "carol"}',
            "done": ["delayed 10 ms", "cut into 8 pieces"],
        }.items()
    )
    assert {line["opcode"] for line in lines} == {"open", "text", "close", "end"}
    assert [line["code"] for line in lines if line["opcode"] == "close"] == [1000, 1000]


def test_quiet_prints_errors_only_and_ctrl_c_exits_0(
    proxy_here: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def visit(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as client:
            client.sendall(b"LOGIN x\n")
            assert client.recv(100) == b""

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        to = f"127.0.0.1:{unused.getsockname()[1]}"
        assert proxy_here("--to", to, "--quiet", "--seed", "7", visit=visit, number=signal.SIGINT) == 0

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[1:] == [
        "Seed 7",
        f"#1: The server at {to} cannot be reached: Connection refused.",
    ]


def test_proxy_ends_when_the_reader_of_its_output_closes(
    server_ports: tuple[int, int], proxy_here: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    def visit(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            while client.recv(1000):
                pass

    monkeypatch.setattr(sys, "stdout", Gone())
    monkeypatch.setattr(app, "_discard_output", lambda: Exit.UNREAD)

    assert proxy_here("--to", f"127.0.0.1:{server_ports[0]}", visit=visit, number=0) == Exit.UNREAD


def test_address_in_use_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert main(["proxy", "--to", "127.0.0.1:1", "--listen", f"127.0.0.1:{port}"]) == 3

    assert capsys.readouterr().err.startswith(
        f"error: cannot listen at 127.0.0.1:{port}: Address already in use"
    )


def test_unwritable_recording_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "nowhere" / "recording.jsonl"

    assert main(["proxy", "--to", "127.0.0.1:1", "--listen", "127.0.0.1:0", "--record", str(file)]) == 2

    assert capsys.readouterr().err.startswith(f"error: {file}: ")
