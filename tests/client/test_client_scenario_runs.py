"""Runs of scenarios on the command line: the scenarios played, exit codes, and reports."""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client_process import CHECKOUT, COMMAND, Run
from scripted_server import PATIENCE_SECONDS, Close, ScriptedServer, error_response

from chateau.client import commands
from chateau.client.arguments import Exit

REGISTER = [{"send": {"type": 1, "username": "alice"}}, {"expect": {"type": 1, "status": 200}}]
ECHO = """
import socketserver, sys, os
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if line.startswith(b"die"):
                sys.stderr.write("I am undone\\n"); sys.stderr.flush(); os._exit(3)
            self.wfile.write(line)
socketserver.ThreadingTCPServer.allow_reuse_address = True
with socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Echo) as server:
    server.daemon_threads = True
    server.serve_forever()
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a scenario into the test's folder."""

    def write(name: str, *steps: Any, protocol: str = "chateau", **more: Any) -> Path:
        path = tmp_path / f"{name}.json"
        clients = {"alice": {"protocol": protocol}}
        document = {"name": f"Scenario {name}", "clients": clients, "steps": steps, **more}
        path.write_text(json.dumps(document), "utf-8")
        return path

    return write


@pytest.fixture
def echo(tmp_path: Path) -> str:
    """The command of a server that echoes lines, and dies of the word."""
    program = tmp_path / "echo_server.py"
    program.write_text(ECHO, "utf-8")
    return f"{shlex.quote(sys.executable)} -S {shlex.quote(str(program))} {{lines_port}}"


def at(server: ScriptedServer) -> tuple[str, str]:
    return "--server", server.url.removeprefix("ws://").removesuffix("/ws")


def test_a_folder_is_played_in_the_order_of_its_paths(
    run_program: Run, server: ScriptedServer, write: Write, tmp_path: Path
) -> None:
    write("b", *REGISTER)
    write("a", *REGISTER)
    (tmp_path / "register.json").write_text('{"type": 1}')

    done = run_program(*at(server), str(tmp_path))

    lines = done.stdout.splitlines()
    assert [line.split("  ")[:2] for line in lines[:2]] == [
        ["passed", "Scenario a"],
        ["passed", "Scenario b"],
    ]
    assert lines[-1] == "2 scenarios: 2 passed."
    assert done.returncode == Exit.WELL


def test_a_failure_is_reported_with_file_line_and_frames(
    call: Run, server: ScriptedServer, write: Write
) -> None:
    server.script = lambda request: [error_response(request, "name_taken", "No.")]
    path = write("a", *REGISTER, rule="the first come has the name")

    done = call(*at(server), "--timeout", "0.2", str(path))

    assert f"{path}, line 1: expect (alice)" in done.stdout
    assert "the first come has the name" in done.stdout
    assert "/status: expected 200, got 400" in done.stdout
    assert '"code": "name_taken"' in done.stdout
    assert done.returncode == Exit.ANSWER


def test_an_invalid_scenario_is_an_error_and_the_others_are_played(
    call: Run, server: ScriptedServer, write: Write, tmp_path: Path
) -> None:
    write("good", *REGISTER)
    (tmp_path / "bad.json").write_text('{"name": "x",\n"steps": [{"expectt": 1}]}')

    done = call(*at(server), str(tmp_path))

    assert "bad.json, line 2: a step has one of" in done.stdout
    assert done.stdout.splitlines()[-1] == "2 scenarios: 1 passed, 1 error."
    assert done.returncode == Exit.FILE


def test_a_folder_without_scenarios_is_an_error(call: Run, tmp_path: Path) -> None:
    done = call(str(tmp_path))

    assert done.stderr == f"error: {tmp_path}: there is no scenario in this folder\n"
    assert done.returncode == Exit.FILE


def test_a_refused_connection_exits_3(call: Run, write: Write) -> None:
    done = call("--server", "127.0.0.1:1", str(write("a", *REGISTER)))

    assert "connection refused" in done.stdout
    assert done.returncode == Exit.CONNECTION


def test_a_scenario_that_requires_more_than_the_server_implements_is_skipped(
    call: Run, server: ScriptedServer, write: Write, tmp_path: Path
) -> None:
    write("a", *REGISTER, requires=["chateau 1"])
    write("b", *REGISTER, requires=["chateau 7"])
    write("c", *REGISTER, requires=["lines JOIN ROOM"])
    write("d", *REGISTER, requires=["${secret_key}"])
    write("e", {"server": "stop"})

    done = call(*at(server), "--implements", "chateau=1,3,4", str(tmp_path))
    with_key = call(*at(server), "--set", "secret_key=x", str(tmp_path / "d.json"))

    verdicts = [line.split("  ")[0] for line in done.stdout.splitlines()[:5]]
    assert sorted(verdicts) == ["passed", "passed", "skipped", "skipped", "skipped"]
    assert "--set secret_key=" in done.stdout
    assert "the server does not implement chateau 7" in done.stdout
    assert "which requires --server-command" in done.stdout
    assert with_key.stdout.splitlines()[-1] == "1 scenario: 1 passed."


def test_a_path_and_a_value_come_from_the_command_line(
    call: Run, server: ScriptedServer, write: Write
) -> None:
    path = write(
        "a", {"send": {"type": 1, "username": "${who}"}}, {"expect": {"type": 1}}, protocol="functions"
    )

    done = call(*at(server), "--path", "functions=/ws", "--set", "who=bob", str(path))

    assert done.returncode == Exit.WELL, done.stdout
    assert json.loads(server.next_received())["username"] == "bob"


def test_message_files_find_the_server_by_the_same_option(call: Run, server: ScriptedServer) -> None:
    assert call(*at(server), "--json", "register").stdout == '{"type": 1, "status": 200}\n'


def test_scenarios_run_concurrently_and_are_reported_in_order(
    call: Run, server: ScriptedServer, write: Write, tmp_path: Path
) -> None:
    for number in range(40):
        write(f"{number:02}", *REGISTER, {"sleep": 0.2})
    began = time.monotonic()

    done = call(*at(server), "-j", "20", "--tap", "-", str(tmp_path))

    assert time.monotonic() - began < 40 * 0.2
    results = [line for line in done.stdout.splitlines() if line.startswith("ok ")]
    assert results == [f"ok {number + 1} - Scenario {number:02}" for number in range(40)]


def test_several_reports_can_be_written_one_of_them_to_stdout(
    call: Run, server: ScriptedServer, write: Write, tmp_path: Path
) -> None:
    path = write("a", *REGISTER)
    files = {name: tmp_path / f"report.{name}" for name in ("junit", "html")}
    options = [word for name, file in files.items() for word in (f"--{name}", str(file))]

    done = call(*at(server), *options, "--tap", "-", str(path))

    assert done.stdout.startswith("TAP version 14\n")
    assert "1 scenario: 1 passed." in done.stderr
    assert files["junit"].read_text().startswith("<?xml")
    assert '<table class="diagram">' in files["html"].read_text()


def test_a_report_that_cannot_be_written_is_an_error(
    call: Run, server: ScriptedServer, write: Write, tmp_path: Path
) -> None:
    done = call(*at(server), "--junit", str(tmp_path / "nowhere" / "x.xml"), str(write("a", *REGISTER)))

    assert "nowhere" in done.stderr
    assert done.returncode == Exit.FILE


def test_frames_of_several_scenarios_are_recorded_each_client_by_its_own_name(
    call: Run, server: ScriptedServer, write: Write, tmp_path: Path
) -> None:
    write("a", *REGISTER)
    write("b", *REGISTER)
    record = tmp_path / "record.jsonl"

    call(*at(server), "--record", str(record), str(tmp_path))

    clients = [json.loads(line)["client"] for line in record.read_text().splitlines()]
    assert set(clients) == {"a/alice", "b/alice"}


def test_message_files_are_recorded_too(call: Run, server: ScriptedServer, tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"

    call(*at(server), "--record", str(record), "register", "list")

    entries = [json.loads(line) for line in record.read_text().splitlines()]
    assert [entry["opcode"] for entry in entries] == ["open", *["text"] * 4, "close", "close"]


# --- A server that is started for it


def test_a_server_is_started_and_stopped(run: Run, echo: str, write: Write) -> None:
    done = run("--server-command", echo, str(write("a", {"send": "hi"}, {"expect": "hi"}, protocol="lines")))

    assert done.returncode == Exit.WELL, done.stdout


def test_opcodes_clients_connect_to_their_own_port_if_the_command_names_one(
    call: Run, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands.run, "START_SECONDS", PATIENCE_SECONDS)
    path = write("a", {"send": {"op": 4}}, {"expect": {"op": 4}}, protocol="opcodes")
    server = f"{shlex.quote(sys.executable)} server.py --data :memory: --port {{port}} --lines-port 0"

    own = call(
        "--server-command",
        f"{server} --opcodes-port {{opcodes_port}}",
        "--record",
        str(tmp_path / "r"),
        str(path),
    )
    opened = json.loads(json.loads((tmp_path / "r").read_text().splitlines()[0])["payload"])["url"]
    cache = json.loads(json.loads((tmp_path / "r").read_text().splitlines()[2])["payload"])

    assert own.returncode == Exit.WELL, own.stdout
    assert f":{cache['d']['port']}/opcodes" in opened


def test_a_crash_is_a_verdict_with_its_stderr_and_the_next_scenario_has_a_server_again(
    call: Run, echo: str, write: Write, tmp_path: Path
) -> None:
    write("a", {"send": "die"}, {"expect": "hi"}, protocol="lines")
    write("b", {"send": "hi"}, {"expect": "hi"}, protocol="lines")

    done = call("--server-command", echo, str(tmp_path))

    assert done.stdout.splitlines()[-1] == "2 scenarios: 1 passed, 1 failed."
    assert "ended with exit code 3" in done.stdout
    assert "I am undone" in done.stdout
    assert done.returncode == Exit.ANSWER


def test_a_server_that_never_starts_is_awaited_once_and_fails_every_scenario(
    call: Run, write: Write, tmp_path: Path
) -> None:
    for name in "abc":
        write(name, *REGISTER)
    grades = tmp_path / "results"

    program = f"{shlex.quote(sys.executable)} -S -c 'import sys; sys.exit(\"no\")' {{port}}"
    done = call("--server-command", program, str(tmp_path))
    graded = call("--server-command", program, "--gradescope", str(grades), str(tmp_path))

    assert done.stdout.splitlines()[-1] == "3 scenarios: 3 error."
    assert done.returncode == Exit.CONNECTION
    assert graded.returncode == Exit.WELL
    assert [test["score"] for test in json.loads(grades.read_text())["tests"]] == [0, 0, 0]


def test_a_scenario_may_stop_and_start_the_server(call: Run, echo: str, write: Write, tmp_path: Path) -> None:
    write(
        "a",
        {"connect": "alice"},
        {"server": "stop"},
        {"expect_close": "alice"},
        {"server": "start"},
        {"connect": "alice"},
        {"send": "hi"},
        {"expect": "hi"},
        {"server": "kill"},
        {"expect_close": "alice"},
        protocol="lines",
    )
    write("b", {"send": "hi"}, {"expect": "hi"}, protocol="lines")

    done = call("--server-command", echo, "-j", "2", str(tmp_path))

    assert done.stdout.splitlines()[-1] == "2 scenarios: 2 passed."


def test_with_gradescope_the_code_is_0_and_the_file_is_there_whatever_happens(
    call: Run, server: ScriptedServer, write: Write, tmp_path: Path
) -> None:
    server.script = lambda request: [Close(1011, "sorry")]
    write("a", *REGISTER, points=3)
    grades = tmp_path / "grades"

    failed = call(
        *at(server), "--gradescope", str(grades), "--junit", str(tmp_path / "no" / "x"), str(tmp_path)
    )
    tests = json.loads(grades.read_text())["tests"]
    unknown = call("--gradescope", str(grades), str(tmp_path / "none"), str(tmp_path))

    assert (failed.returncode, unknown.returncode) == (Exit.WELL, Exit.WELL)
    assert [(test["score"], test["max_score"]) for test in tests] == [(0, 3)]
    assert json.loads(grades.read_text())["tests"] == []


def test_an_interrupted_run_reports_the_results_so_far(
    server: ScriptedServer, write: Write, tmp_path: Path
) -> None:
    write("a", *REGISTER)
    write("b", {"connect": "alice"}, {"sleep": 60})
    report = tmp_path / "report.tap"
    process = subprocess.Popen(
        [*COMMAND, *at(server), "--tap", str(report), str(tmp_path)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    server.next_client()
    server.next_client()  # the second scenario is under way

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_SECONDS)

    lines = report.read_text().splitlines()
    assert "ok 1 - Scenario a" in lines
    assert any(line.startswith("not ok 2 - Scenario b") for line in lines)
    assert process.returncode == Exit.INTERRUPTED


@pytest.mark.parametrize(
    "words",
    [
        ("--server", "nonsense:x"),
        ("--server", "ws://localhost:1"),
        ("--lines-port", "0"),
        ("-j", "0"),
        ("--set", "x"),
        ("--implements", "=1"),
        ("--server-command", "x"),
    ],
)
def test_a_wrong_command_line_is_exit_1(call: Run, words: tuple[str, ...]) -> None:
    done = call(*words)

    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith("usage: ")


def test_message_files_and_scenarios_are_not_played_together(call: Run, write: Write) -> None:
    done = call(str(write("a", *REGISTER)), "register")

    assert done.returncode == Exit.FILE
    assert "register.json: this is a message file; it cannot be combined with scenarios" in done.stderr
