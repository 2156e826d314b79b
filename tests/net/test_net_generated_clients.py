"""Clients that others' tools generate from openapi.json publish, subscribe, and call every admin endpoint."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from node_packages import CACHE, missing, node_with
from running_server import RunningServer, running_server
from websockets.sync.client import ClientConnection, connect

from chateau.net.admin_api import READINGS, STREAMS
from chateau.protocols.admin import ACTIONS

HERE = Path(__file__).parent / "generators"
PYTHON = CACHE / "generators" / "bin" / "python"
NPM = CACHE / "npm-generators"
KEY = "swordfish"
SECONDS = 120
ENDPOINTS = {*READINGS, *STREAMS, *ACTIONS}


@pytest.fixture(scope="module")
def python() -> Path:
    """Return a Python that has openapi-python-client, httpx and requests."""
    if not PYTHON.is_file():
        missing("openapi-python-client is not here; .ci/run installs it into .venv/cache/generators")
    return PYTHON


@contextmanager
def inhabited_server() -> Iterator[RunningServer]:
    """Start a server with alice and bob in the room lobby."""
    with (
        running_server("--secret-key", KEY, "--channel-history", "10") as server,
        member(server, "alice"),
        member(server, "bob"),
    ):
        yield server


@contextmanager
def member(server: RunningServer, username: str) -> Iterator[ClientConnection]:
    with connect(server.websocket, subprotocols=["chateau.v1"], close_timeout=0.1) as client:  # type: ignore[list-item]
        for request in ({"type": 1, "username": username}, {"type": 5, "room": "lobby"}):
            client.send(json.dumps(request))
            assert json.loads(client.recv(timeout=10))["status"] == 200
        yield client


def run(*command: Any, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, check=False, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    return done.stdout


def fetch_specification(server: RunningServer, folder: Path) -> Path:
    file = folder / "openapi.json"
    with urllib.request.urlopen(f"{server.address}openapi.json") as response:
        file.write_bytes(response.read())
    return file


def check(result: dict[str, Any]) -> None:
    """Check what a generated client did: see generators/use_python_client.py."""
    assert result["published"] == ["Hi, älle", '{"a" : 1}', "AA==", "bulk"]
    assert ["version" in json.loads(event) for event in result["live"]] == [True, False, False]
    notification, message = (json.loads(event)["text"] for event in result["tapped"])
    assert "tapped" in notification
    assert "for alice" in message
    assert set(result["generated"]) == ENDPOINTS
    assert result["called"] == dict.fromkeys(ENDPOINTS, 200)


def test_client_of_openapi_python_client_does_everything(python: Path, tmp_path: Path) -> None:
    with inhabited_server() as server:
        file = fetch_specification(server, tmp_path)
        generate = (
            "generate",
            "--meta",
            "none",
            "--path",
            file,
            "--output-path",
            tmp_path / "chateau_client",
        )
        report = run(python, "-m", "openapi_python_client", *generate, cwd=tmp_path)
        printed = run(python, HERE / "use_python_client.py", server.address, KEY, tmp_path, cwd=tmp_path)

        assert "will not be generated" not in report
        check(json.loads(printed))
        assert server.process.wait(timeout=15) == 0


def test_client_of_openapi_typescript_does_everything(tmp_path: Path) -> None:
    packages = ("openapi-typescript@7", "openapi-fetch@0", "typescript@5", "@types/node@20")
    node = node_with(NPM, *packages)
    modules = NPM / "node_modules"
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "use.ts").write_text((HERE / "use_openapi_fetch.ts").read_text("utf-8"), "utf-8")
    compiler = ("--strict", "--module", "commonjs", "--moduleResolution", "node10", "--target", "es2022")
    with inhabited_server() as server:
        file = fetch_specification(server, tmp_path)
        run(
            node,
            modules / "openapi-typescript" / "bin" / "cli.js",
            file,
            "-o",
            tmp_path / "http.ts",
            cwd=tmp_path,
        )
        run(node, modules / "typescript" / "bin" / "tsc", *compiler, "--skipLibCheck", "use.ts", cwd=tmp_path)
        printed = run(node, "use.js", server.address, KEY, cwd=tmp_path)

        check(json.loads(printed))
        assert server.process.wait(timeout=15) == 0


@pytest.mark.parametrize("library", ["requests", "httpx"])
def test_library_passes_an_event_on_when_it_arrives(python: Path, library: str) -> None:
    with running_server() as server:
        address = f"{server.address}channel/news"
        command = [python, HERE / "use_event_streams.py", library, address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "open\n"
            urllib.request.urlopen(urllib.request.Request(address, b"hello")).close()
            assert reader.stdout.readline() == "data: hello\n"
        assert server.process.poll() is None


def test_standard_library_passes_an_event_on_when_it_arrives() -> None:
    with running_server() as server:
        address = f"{server.address}channel/news"
        with urllib.request.urlopen(address, timeout=10) as stream:
            urllib.request.urlopen(urllib.request.Request(address, b"hello")).close()
            assert stream.readline() == b"data: hello\n"
