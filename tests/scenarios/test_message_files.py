"""Every file in messages/ gets status 200 when the test client sends it to a live server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from running_server import ROOT, running_server

MESSAGES = ROOT / "messages"
BOBS = ["chateau/register-bob.json"]
ALICES = [
    "chateau/register.json",
    "chateau/list.json",
    "chateau/list-with-ref.json",
    "message.json",
    "chateau/message.json",
    "chateau/message-to-alice.json",
    "chateau/join.json",
    "chateau/publish.json",
    "chateau/publish-once.json",
    "chateau/history.json",
    "chateau/history-since.json",
    "chateau/rooms.json",
    "chateau/leave.json",
    "chateau/unregister.json",
]


def client(url: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "test_client.py", "--json", "--url", url, *map(str, arguments)]


@contextmanager
def bob(url: str) -> Iterator[IO[str]]:
    """Run a client that is registered as bob; yield its output."""
    with subprocess.Popen(
        client(url), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{MESSAGES / BOBS[0]}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"type": 1, "status": 200}
        yield process.stdout
        process.stdin.close()
    assert process.returncode == 0


def test_every_file_is_sent() -> None:
    assert sorted(ALICES + BOBS) == sorted(
        str(path.relative_to(MESSAGES))
        for path in [*MESSAGES.glob("*.json"), *MESSAGES.glob("chateau/*.json")]
    )


def test_every_file_gets_status_200() -> None:
    with running_server() as server, bob(server.websocket) as bobs_output:
        files = [MESSAGES / name for name in ALICES]
        ended = subprocess.run(
            client(server.websocket, *files), cwd=ROOT, capture_output=True, text=True, check=False
        )
        pushes = [json.loads(bobs_output.readline()) for _ in range(2)]

    frames = [json.loads(line) for line in ended.stdout.splitlines()]
    assert ended.returncode == 0, ended.stderr
    assert len([frame for frame in frames if "sender" not in frame]) == len(ALICES)
    assert {frame["status"] for frame in frames} == {200}
    assert [(push["sender"], push["content"]) for push in pushes] == [("alice", "hi")] * 2
