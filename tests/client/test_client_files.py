"""Files as arguments: one connection, responses in order, exit codes."""

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from client_process import Run, Start, StartAt
from scripted_server import PATIENCE_SECONDS, PUSH, Close, Drop, ScriptedServer, error_response, response_to

from chateau import __version__


def test_files_are_sent_in_order_over_one_connection_which_is_closed_with_1000(
    server: ScriptedServer, run_program: Run
) -> None:
    done = run_program("--url", server.url, "register", "join", "list")

    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(server.next_received())["type"] for _ in range(3)] == [1, 5, 4]
    assert server.next_close_code() == 1000
    assert server.clients.qsize() == 1


def test_a_file_is_sent_as_its_exact_text_without_the_white_space_around_it(
    server: ScriptedServer, call: Run, tmp_path: Path
) -> None:
    file = tmp_path / "odd.json"
    file.write_text(' \t\n{"type" :4,\n   "ref":"\\u00e9é" }\r\n\n', encoding="utf-8", newline="")

    done = call("--url", server.url, str(file))

    assert done.returncode == 0
    assert server.next_received() == '{"type" :4,\n   "ref":"\\u00e9é" }'


def test_a_byte_order_mark_is_not_sent(server: ScriptedServer, call: Run, tmp_path: Path) -> None:
    file = tmp_path / "windows.json"
    file.write_text('{"type": 4}', encoding="utf-8-sig")

    assert call("--url", server.url, str(file)).returncode == 0
    assert server.next_received() == '{"type": 4}'


def test_the_transcript_shows_requests_and_responses_without_escape_codes(
    server: ScriptedServer, run: Run
) -> None:
    done = run("--url", server.url, "list", FORCE_COLOR="1")

    lines = done.stdout.splitlines()
    time = r"\d\d:\d\d:\d\d\.\d{3}"
    assert_matches(lines[0], rf"→ sent     {time}  list       messages/chateau/list\.json")
    assert lines[1:4] == ["{", '  "type": 4', "}"]
    assert_matches(lines[4], rf"← response {time}  list       200")
    assert json.loads("".join(lines[5:])) == {"type": 4, "status": 200, "clients": ["alice", "bob"]}
    assert "\x1b" not in done.stdout


def test_pushes_before_the_response_are_shown_and_not_mistaken_for_it(
    server: ScriptedServer, call: Run
) -> None:
    server.script = lambda request: [PUSH, PUSH, response_to(request)]

    done = call("--url", server.url, "list", "rooms")

    kinds = [line.split()[1] for line in done.stdout.splitlines() if line.startswith(("←", "→"))]
    assert kinds == ["sent", "push", "push", "response", "sent", "push", "push", "response"]
    assert done.returncode == 0


def test_frames_before_the_servers_close_are_shown(server: ScriptedServer, call: Run) -> None:
    server.script = lambda request: [response_to(request), *[PUSH] * 50]

    done = call("--url", server.url, "--json", "list")

    assert len(done.stdout.splitlines()) == 51


def test_json_prints_each_frame_as_it_came_on_one_line_and_nothing_else(
    server: ScriptedServer, call: Run
) -> None:
    push = json.dumps(PUSH, separators=(" ,", " : ")).replace("good", "\\u0067ood \\ud800 \u2028 é")
    server.script = lambda request: [push, json.dumps(response_to(request), indent=2)]

    done = call("--url", server.url, "--json", "list")

    lines = done.stdout.split("\n")
    assert lines[0] == push
    assert json.loads(lines[1]) == {"type": 4, "status": 200, "clients": ["alice", "bob"]}
    assert (lines[2:], done.stderr, done.returncode) == ([""], "", 0)


def test_a_400_is_shown_in_one_line_and_exits_4_after_the_other_files(
    server: ScriptedServer, call: Run
) -> None:
    server.script = lambda request: [
        error_response(request, "name_taken", 'The username "alice" is taken.')
        if request["type"] == 1
        else response_to(request)
    ]

    done = call("--url", server.url, "register", "list")

    assert 'register   400 name_taken: The username "alice" is taken.\n' in done.stdout
    assert done.returncode == 4
    assert server.received.qsize() == 2


def test_an_invalid_response_exits_4_with_path_and_schema(server: ScriptedServer, call: Run) -> None:
    server.script = lambda request: [response_to(request) | {"members": ["alice", 5]}]

    plain = call("--url", server.url, "join")
    as_json = call("--url", server.url, "--json", "join")

    fault = "fault at /members/1: 5 is not of type 'string' (join-response.json)\n"
    assert plain.stdout.endswith(fault)
    assert as_json.stderr == f"error: {fault}"
    assert len(as_json.stdout.splitlines()) == 1
    assert (plain.returncode, as_json.returncode) == (4, 4)


def test_a_push_that_breaks_its_schema_exits_4_too(server: ScriptedServer, call: Run) -> None:
    server.script = lambda request: [response_to(request), PUSH | {"time": "noon"}]

    done = call("--url", server.url, "list")

    assert "fault at /time: 'noon' does not match" in done.stdout
    assert done.returncode == 4


@pytest.mark.parametrize(("frame", "fault"), [("not { JSON", "not JSON: "), (b"\xff\x00", "a binary frame")])
def test_a_frame_that_is_not_json_is_shown_and_exits_4(
    server: ScriptedServer, call: Run, frame: str | bytes, fault: str
) -> None:
    server.script = lambda _: [frame]

    done = call("--url", server.url, "list")

    assert f"fault at the top: {fault}" in done.stdout
    assert ("not { JSON" if isinstance(frame, str) else "\\xff\\u0000") in done.stdout
    assert done.returncode == 4


def test_control_characters_of_a_server_do_not_reach_the_terminal(server: ScriptedServer, call: Run) -> None:
    server.script = lambda request: [error_response(request, "internal", "\x1b[2J\n\x9b1m\u202e")]

    done = call("--url", server.url, "list")

    assert "400 internal: \\u001b[2J\\n\\u009b1m\\u202e\n" in done.stdout
    assert '"error": "\\u001b[2J\\n\\u009b1m\\u202e"' in done.stdout


def test_an_output_that_lacks_a_character_gets_it_as_an_escape(
    server: ScriptedServer, run_program: Run
) -> None:
    done = run_program("--url", server.url, "list", PYTHONIOENCODING="ascii")

    assert done.stdout.startswith("\\u2192 sent")
    assert done.returncode == 0


def test_a_file_that_is_not_json_exits_2_with_line_and_column_and_nothing_is_sent(
    server: ScriptedServer, call: Run, tmp_path: Path
) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{\n  "type" 4\n}')

    done = call("--url", server.url, "register", str(file))

    assert done.stderr == f"error: {file}, line 2, column 10: not JSON: Expecting ':' delimiter\n"
    assert done.returncode == 2
    assert server.clients.empty()


def test_a_file_that_does_not_exist_exits_2_and_is_named(call: Run) -> None:
    done = call("register", "nowhere.json")

    assert done.stderr == "error: nowhere.json: no such file, neither here nor in messages/\n"
    assert done.returncode == 2


def test_a_missing_server_exits_3_with_how_to_start_one(call: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    done = call("--url", f"ws://127.0.0.1:{port}/ws", "list")

    assert f"cannot connect to ws://127.0.0.1:{port}/ws: connection refused" in done.stderr
    assert "`python server.py` or `make run`" in done.stderr
    assert (done.returncode, done.stdout) == (3, "")


def test_a_wrong_path_exits_3_with_the_http_response(server: ScriptedServer, call: Run) -> None:
    done = call("--url", server.url + "/elsewhere", "list")

    assert "the server responds with 404 Not Found" in done.stderr
    assert done.returncode == 3


def test_a_silent_server_exits_3_after_the_timeout(call: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        done = call("--url", f"ws://127.0.0.1:{mute.getsockname()[1]}/ws", "--timeout", "0.2", "list")

    assert "the server sends nothing (waited 0.2 s)" in done.stderr
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"", "the server closed the connection without a response"),
        (
            b'{"type": "error"}\r\n',
            "the server's response to the handshake is wrong: "
            'invalid HTTP status line: {"type": "error"} (RFC 6455 §4.1)',
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "the server responds with 200 OK"),
        (
            b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: no\r\n\r\n",
            "the server's response to the handshake is wrong: "
            "invalid Sec-WebSocket-Accept header: no (RFC 6455 §4.1)",
        ),
    ],
)
def test_a_server_without_websocket_exits_3_with_one_line(
    start_at: StartAt, reply: bytes, reason: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as impostor:
        url = f"ws://127.0.0.1:{impostor.getsockname()[1]}/ws"
        client = start_at(url, "list")
        with impostor.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(reply)
        output, errors = client.communicate(timeout=PATIENCE_SECONDS)

    assert errors.splitlines()[0] == f"error: cannot connect to {url}: {reason}"
    assert len(errors.splitlines()) == 2
    assert (client.returncode, output) == (3, "")


def test_an_invalid_host_exits_3(call: Run) -> None:
    done = call("--url", f"ws://{'a' * 80}.localhost/ws", "list")

    assert done.stderr.startswith("error: cannot connect to ws://aaa")
    assert done.returncode == 3


def test_no_response_within_the_timeout_exits_3_with_the_file(server: ScriptedServer, call: Run) -> None:
    server.script = lambda _: [PUSH]

    done = call("--url", server.url, "--timeout", "0.2", "list", "rooms")

    assert done.stderr == "error: no response within 0.2 s to messages/chateau/list.json\n"
    assert done.returncode == 3
    assert server.received.qsize() == 1


def test_a_server_that_closes_exits_3_with_its_code_and_reason(server: ScriptedServer, call: Run) -> None:
    server.script = lambda _: [Close(1001, "server shutdown")]

    done = call("--url", server.url, "list")

    assert done.stderr == "error: the server closed the connection (1001, server shutdown)\n"
    assert done.returncode == 3


def test_a_server_that_vanishes_exits_3(server: ScriptedServer, call: Run) -> None:
    server.script = lambda _: [Drop()]

    done = call("--url", server.url, "list")

    assert done.stderr == "error: the server closed the connection (no code, no reason)\n"
    assert done.returncode == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["--what"],
        ["--timeout", "soon"],
        ["--timeout", "0"],
        ["--timeout", "inf"],
        ["--timeout", "nan"],
        ["--url", "http://localhost:8888/ws"],
        ["--url", "localhost:8888"],
        ["--url", "ws://localhost:port/ws"],
        ["--url", "ws://"],
    ],
)
def test_a_wrong_command_line_exits_1_with_the_usage(call: Run, arguments: list[str]) -> None:
    done = call(*arguments)

    assert done.stderr.startswith("usage: test_client.py")
    assert done.returncode == 1


def test_help_has_an_example_and_the_exit_codes(call: Run) -> None:
    done = call("--help")

    assert "python test_client.py register list" in done.stdout
    assert "exit codes:" in done.stdout
    assert done.returncode == 0


def test_version_is_the_projects(call: Run) -> None:
    done = call("--version")

    assert done.stdout == f"chateau test client {__version__}\n"
    assert done.returncode == 0


def test_ctrl_c_while_waiting_closes_with_1000_and_exits_130(server: ScriptedServer, start: Start) -> None:
    server.script = lambda _: []
    client = start("list")
    server.next_received()

    client.send_signal(signal.SIGINT)
    _, errors = client.communicate(timeout=PATIENCE_SECONDS)

    assert (client.returncode, errors) == (130, "")
    assert server.next_close_code() == 1000


def test_a_closed_stdout_exits_141_without_a_traceback(start: Start) -> None:
    client = start("--json", "list", "rooms")
    client.stdout.close()

    assert client.wait(PATIENCE_SECONDS) == 141
    assert client.stderr.read() == ""


def test_the_client_loads_nothing_of_the_server() -> None:
    program = (
        "import sys, chateau.client.app\n"
        "print([name for name in sys.modules if name.startswith('chateau.')"
        " and not name.startswith('chateau.client')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)

    assert done.stdout == "[]\n"


def assert_matches(line: str, pattern: str) -> None:
    assert re.fullmatch(pattern, line), line
