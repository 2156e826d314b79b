"""A protocol that the client does not know is JSON in text frames over WebSocket, at the path of its name."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_process import Run
from websockets.sync.server import ServerConnection, serve

from chateau.client.arguments import Exit
from chateau.client.protocols import PROTOCOLS, Server, protocol_at, vocabulary

PATH = "/echo"


@pytest.fixture
def port() -> Iterator[int]:
    """Run a server that echoes at /echo and rejects every other path; yield its port."""

    def echo(connection: ServerConnection) -> None:
        for message in connection:
            connection.send(message)

    def reject_other_paths(connection: ServerConnection, request: object) -> object:
        return None if request.path == PATH else connection.respond(404, "not here")  # type: ignore[attr-defined]

    with serve(echo, "127.0.0.1", 0, process_request=reject_other_paths) as server:  # type: ignore[arg-type]
        threading.Thread(target=server.serve_forever).start()
        yield server.socket.getsockname()[1]
        server.shutdown()


@pytest.mark.parametrize(
    "client",
    [
        {"protocol": "echo"},
        {"protocol": "other", "path": PATH},
        {"protocol": "other", "url": "ws://${host}:${port}/echo"},
    ],
    ids=["its own path", "a path", "a url"],
)
def test_scenario_of_an_unknown_protocol_is_played(
    port: int, client: dict[str, str], tmp_path: Path, run: Run
) -> None:
    scenario = {
        "name": "Every message comes back",
        "clients": {"alice": client},
        "steps": [{"send": {"hello": [1, "you"]}}, {"expect": {"hello": [1, "you"]}}],
    }
    file = tmp_path / "echo.json"
    file.write_text(json.dumps(scenario))

    done = run(str(file), "--server", f"127.0.0.1:{port}")

    assert (done.returncode, done.stderr) == (Exit.WELL, ""), done.stdout


def test_message_file_for_an_unknown_path_is_sent_and_any_json_response_is_accepted(
    port: int, tmp_path: Path, run: Run
) -> None:
    file = tmp_path / "hello.json"
    file.write_text('{"hello": "you"}')

    done = run("--json", "--url", f"ws://127.0.0.1:{port}/echo", str(file), str(file))

    assert (done.returncode, done.stdout, done.stderr) == (Exit.WELL, '{"hello": "you"}\n' * 2, "")


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("ws://x/ws", "chateau"),
        ("ws://x/prefix/ws/", "chateau"),
        ("wss://x/functions?a=b", "functions"),
        ("ws://x", "functions"),
        ("ws://x/", "functions"),
        ("ws://x/opcodes", "opcodes"),
        ("ws://x/prefix/channel/a%2Fb/", "channels"),
        ("ws://x/echo", "echo"),
        ("ws://x/prefix/echo/", "echo"),
        ("ws://x/Not%20a%20name", "functions"),
        ("ws://x/http", "functions"),
        ("tls://x:9090", "lines"),
        ("https://x/ws", "http"),
    ],
)
def test_protocol_is_found_by_its_url(url: str, protocol: str) -> None:
    assert protocol_at(url) == protocol


def test_protocol_is_at_the_path_of_its_name_unless_a_path_is_given() -> None:
    assert Server("h", 1).url("echo") == "ws://h:1/echo"
    assert Server("h", 1, paths={"echo": "/e"}).url("echo") == "ws://h:1/e"
    assert Server("h", 1).url("echo", "/f") == "ws://h:1/f"


def test_known_protocols_are_found_at_their_own_urls() -> None:
    channels = {"channels": "news"}

    for name in PROTOCOLS:
        assert protocol_at(Server("h", 1, lines_port=2).url(name, channel=channels.get(name))) == name


def test_words_are_read_from_the_schemas() -> None:
    words = vocabulary()

    assert words.requests == {
        1: "register",
        2: "unregister",
        3: "message",
        4: "list",
        5: "join",
        6: "leave",
        7: "publish",
        8: "history",
        9: "rooms",
    }
    assert words.pushes == {
        (0, "shutdown"): "shutdown",
        (0, "tapped"): "tapped",
        (3, None): "message",
        (5, "joined"): "joined",
        (6, "left"): "left",
        (7, None): "publish",
        (9, "members"): "members",
        (9, "state"): "state",
    }
