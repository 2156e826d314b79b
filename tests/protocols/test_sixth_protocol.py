"""A sixth protocol needs one module of fewer than 80 lines and its schemas: no other file is changed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import echo_protocol
import pytest

from chateau.app import Server
from chateau.protocols.catalog import ALL
from chateau.settings import Settings

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE_SECONDS = 30


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Return the ``host:port`` of a server with the five protocols and echo."""
    addresses: list[str] = []
    is_started, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        server = Server(Settings(port=0, lines_port=0, data=":memory:"), protocols=(*ALL, echo_protocol.SPEC))
        server.start()
        addresses.append(server.greetings[0].rpartition("//")[2].rstrip("/"))
        is_started.set()
        await asyncio.to_thread(stop.wait)
        await server.drain()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert is_started.wait(PATIENCE_SECONDS)
    yield addresses[0]
    stop.set()
    thread.join(PATIENCE_SECONDS)


def test_example_protocol_is_shorter_than_80_lines() -> None:
    assert len((HERE / "echo_protocol.py").read_text().splitlines()) < 80


def test_test_client_plays_a_scenario(address: str) -> None:
    run = [sys.executable, "test_client.py", "--server", address, str(HERE / "echo_scenario.json")]

    ended = subprocess.run(
        run, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_schemas_of_the_protocol_are_served(address: str) -> None:
    with urlopen(f"http://{address}/schemas/") as response:
        assert "/schemas/echo/echo-request.json" in json.load(response)
    with urlopen(f"http://{address}/schemas/echo/echo-request.json") as response:
        assert json.load(response)["title"] == "Echo (request)"


def test_reference_lists_the_protocol(address: str) -> None:
    with urlopen(f"http://{address}/docs/") as response:
        assert "The echo protocol" in response.read().decode()
    with urlopen(f"http://{address}/docs/echo") as response:
        page = response.read().decode()
    for text in ("Echo (request)", "Count (response)", "Shutdown (push)", "unknown_type", "/echo"):
        assert text in page


def test_asyncapi_describes_the_protocol(address: str) -> None:
    with urlopen(f"http://{address}/asyncapi.json") as response:
        document = json.load(response)

    assert document["channels"]["echo"]["address"] == "/echo"
    assert {"echo.echo-request", "echo.count-request", "echo.shutdown-push"} <= document["operations"].keys()
