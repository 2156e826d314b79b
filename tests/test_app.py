"""The program: start, output, graceful stop, and installation."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.request import urlopen

import pytest
from running_server import COMMAND, ROOT, running_server

from chateau.app import Server
from chateau.settings import Settings


def test_server_prints_one_line_per_address_and_serves_it() -> None:
    with running_server("--url-prefix", "/chat", command=COMMAND) as server, urlopen(server.address) as page:
        shown = page.read().decode()

    assert server.address.startswith("http://127.0.0.1:")
    assert server.address.endswith("/chat/")
    assert "/chat/ws" in shown


def test_server_stops_although_its_store_never_settles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chateau.app.DRAIN_SECONDS", 0.05)

    async def drained() -> None:
        server = Server(Settings(port=0, lines_port=0, data=str(tmp_path)))
        server.start()
        monkeypatch.setattr(server.store, "settle", asyncio.Event().wait)
        async with asyncio.timeout(10):
            await server.drain()

    asyncio.run(drained())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_the_server_gracefully(number: signal.Signals) -> None:
    with running_server(command=COMMAND) as server:
        assert server.stop(number) == 0

    assert "Traceback" not in server.log
    assert "draining" in server.log


def test_port_in_use_is_a_one_line_error_that_names_the_flag() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        ended = subprocess.run(
            [sys.executable, "server.py", "--port", port, "--data", ":memory:"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    assert ended.returncode == 1
    assert ended.stderr == f"chateau: --port {port}: cannot listen on 127.0.0.1: Address already in use\n"


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["--port", "http"], 2, "chateau: --port: got 'http', expected a port, 0 to 65535\n"),
        (
            ["--host", "192.0.2.1"],
            1,
            "chateau: --host 192.0.2.1: cannot listen there: Cannot assign",
        ),
        (
            ["--tls-cert", "none.pem", "--tls-key", "none.pem"],
            1,
            "chateau: --tls-cert none.pem: cannot read the file: No such file or directory\n",
        ),
    ],
)
def test_startup_error_is_one_line(arguments: list[str], status: int, complaint: str) -> None:
    command = [
        sys.executable,
        "server.py",
        "--port",
        "0",
        "--lines-port",
        "0",
        "--data",
        ":memory:",
        *arguments,
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == status
    assert ended.stderr.startswith(complaint)
    assert ended.stderr.count("\n") == 1


def test_log_can_be_json() -> None:
    with running_server("--log-format", "json", command=COMMAND) as server:
        server.stop()

    entries = [json.loads(line) for line in server.log.splitlines()]
    assert entries[0].keys() == {"time", "level", "logger", "message"}
    assert entries[0]["level"] == "info"


def test_installed_package_contains_its_data_files(tmp_path: Path) -> None:
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *build], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")

    assert "chateau = chateau.app:main" in entry_points.read_text()
    assert "chateau-client = chateau.client.app:main" in entry_points.read_text()
    start = "import sys; from chateau.app import main; sys.exit(main())"
    with running_server(
        command=[sys.executable, "-P", "-c", start],
        folder=installed,
        environment={"PYTHONPATH": str(installed)},
    ) as server:
        with urlopen(f"{server.address}schemas/chateau/register-request.json") as response:
            assert json.load(response)["title"] == "Register (request)"
        client = "import sys; from chateau.client.app import main; sys.exit(main())"
        message = str(ROOT / "messages" / "chateau" / "register.json")
        completed = subprocess.run(
            [sys.executable, "-P", "-c", client, "--json", "--url", server.websocket, message],
            cwd=installed,
            env={"PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=True,
        )
    assert json.loads(completed.stdout) == {"type": 1, "status": 200}
