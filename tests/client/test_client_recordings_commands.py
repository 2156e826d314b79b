"""``replay`` and ``to-scenario`` on the command line, against the server itself."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_server import free_port, running_server

from chateau.client.app import main
from chateau.client.recordings import Recorder, read
from chateau.client.transcript import Direction, Entry, Opcode
from chateau.client.transports import Connection, Target, open_connection
from chateau.client.transports.http import request


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    lines_port = free_port()
    with running_server("--lines-port", str(lines_port), "--max-rate", "0") as server:
        yield int(server.address.rstrip("/").rpartition(":")[2]), lines_port


@pytest.fixture
def lesson(ports: tuple[int, int], tmp_path: Path) -> Path:
    """A recording of two WebSockets, a line client, a stream of events and a request."""
    path = tmp_path / "lesson.jsonl"
    asyncio.run(teach(path, *ports))
    return path


async def teach(path: Path, port: int, lines_port: int) -> None:
    received: dict[str, list[Entry]] = {}
    changed = asyncio.Event()

    def hear(entry: Entry) -> None:
        recorder.write(entry)
        if entry.direction is Direction.RECEIVED:
            received.setdefault(entry.client, []).append(entry)
            changed.set()

    async def until(client: str, count: int) -> bytes:
        async with asyncio.timeout(5):
            while len(received.get(client, ())) < count:
                changed.clear()
                await changed.wait()
        return received[client][-1].payload

    async def say(wire: Connection, **message: object) -> None:
        await wire.send(Opcode.TEXT, json.dumps(message).encode())

    with Recorder(path) as recorder:
        alice, bob = [
            await open_connection(name, Target("chateau", f"ws://127.0.0.1:{port}/ws"), hear)
            for name in ("alice", "bob")
        ]
        await say(alice, type=1, username="alice")
        await until("alice", 1)
        await say(bob, type=1, username="bob")
        await until("bob", 1)
        await say(alice, type=3, clients=["bob"], content="${hi}")
        await until("alice", 2)
        await until("bob", 2)
        await say(alice, type=5, room=path.parent.name[-40:])
        seq = len(received["alice"])
        await until("alice", seq + 1)
        await say(alice, type=7, room=path.parent.name[-40:], content="one")
        pushed = json.loads(await until("alice", seq + 3))
        await say(alice, type=8, room=path.parent.name[-40:], since=pushed["seq"])
        await until("alice", seq + 4)
        lisa = await open_connection("lisa", Target("lines", f"tcp://127.0.0.1:{lines_port}"), hear)
        await lisa.send(Opcode.LINE, b"LOGIN lisa")
        await until("lisa", 1)
        channel = f"http://127.0.0.1:{port}/channel/news/"
        dave = await open_connection("dave", Target("http", channel), hear)
        await request("erin", "POST", channel, (("Package-Type", "json"),), b'{"a": [1]}', hear, 5)
        await until("dave", 1)
        await bob.close(4000, "enough")
        await bob.wait_closed(5)
        for wire in (alice, lisa, dave):
            await wire.close()
            await wire.wait_closed(5)
        for wire in (alice, bob, lisa, dave):
            wire.abort()


@pytest.mark.parametrize("speed", ["0", "100"])
def test_a_recording_is_replayed_and_recorded_again(
    speed: str, lesson: Path, ports: tuple[int, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again.jsonl"

    where = ["--server", f"127.0.0.1:{ports[0]}", "--lines-port", str(ports[1])]

    code = main(["replay", str(lesson), *where, "--speed", speed, "--record", str(again)])

    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    assert said.out.startswith("8 frames sent, 11 received (11 in the recording), in ")
    assert kinds(again) == kinds(lesson)


def kinds(path: Path) -> Counter[tuple[str, str, str]]:
    """How many of what went over each client's wire."""
    return Counter((entry.client, entry.direction, entry.opcode) for entry in read(path))


def test_a_recording_becomes_a_scenario_that_passes(
    lesson: Path, ports: tuple[int, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "lesson.json"

    assert main(["to-scenario", str(lesson), "-o", str(out), "--name", "The first lesson"]) == 0
    code = main(["--server", f"127.0.0.1:{ports[0]}", "--lines-port", str(ports[1]), str(out)])

    said = capsys.readouterr().out
    assert code == 0, said
    assert "passed  The first lesson" in said


def test_scenario_is_printed_by_default(lesson: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["to-scenario", str(lesson)]) == 0

    scenario = json.loads(capsys.readouterr().out)
    assert scenario["name"] == "As recorded in lesson.jsonl"
    assert "alice, bob, lisa" in scenario["//"]


def test_replay_reports_missing_frames(
    lesson: Path, ports: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    entries = read(lesson)
    with Recorder(lesson) as recorder:
        for entry in [*entries, Entry(entries[-1].at, "alice", Direction.RECEIVED, Opcode.TEXT, b"more")]:
            recorder.write(entry)

    code = main(
        [
            "replay",
            str(lesson),
            "--server",
            f"127.0.0.1:{ports[0]}",
            "--lines-port",
            str(ports[1]),
            "--speed",
            "0",
            "--timeout",
            "0.1",
        ]
    )

    said = capsys.readouterr()
    assert code == 4
    assert "8 frames sent, 11 received (12 in the recording, 1 missing)" in said.out
    assert said.err.startswith("note: alice had received ")


def test_replay_without_a_server_exits_3(lesson: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["replay", str(lesson), "--server", "127.0.0.1:1", "--speed", "0"])

    assert code == 3
    assert capsys.readouterr().err == "error: cannot connect to ws://127.0.0.1:1/ws: connection refused\n"


@pytest.mark.parametrize("command", ["replay", "to-scenario"])
def test_invalid_recording_exits_2(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("what?\n")

    assert main([command, str(path)]) == 2
    assert f"error: {path}, line 1, column 1: not JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--speed", "-1"], ["--speed", "nan"], ["--speed", "fast"], ["--timeout", "-1"], ["--lines-port", "0"]],
)
def test_invalid_option_is_an_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["replay", "x.jsonl", *arguments])

    assert caught.value.code == 1
    assert arguments[1] in capsys.readouterr().err


def test_unwritable_output_exits_2(lesson: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["to-scenario", str(lesson), "-o", str(tmp_path)]) == 2
    assert main(["replay", str(lesson), "--record", str(tmp_path / "none" / "x")]) == 2

    assert capsys.readouterr().err.count("cannot be written") == 2
