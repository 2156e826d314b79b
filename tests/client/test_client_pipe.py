"""File names on stdin, where it is not a terminal."""

import json
import signal
from pathlib import Path

import pytest
from client_process import Run, Start
from scripted_server import PATIENCE_SECONDS, PUSH, Close, ScriptedServer, error_response, response_to


def test_names_on_stdin_are_sent_line_by_line_and_nothing_is_asked(
    server: ScriptedServer, run_program: Run
) -> None:
    done = run_program(
        "--url", server.url, "--json", stdin="register\n\n  messages/chateau/list.json \r\nrooms"
    )

    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == [1, 4, 9]
    assert (done.returncode, done.stderr) == (0, "")
    assert server.next_close_code() == 1000


def test_a_line_is_sent_at_once_while_the_pipe_stays_open(server: ScriptedServer, start: Start) -> None:
    client = start("--json")

    print("list", file=client.stdin, flush=True)

    assert json.loads(client.stdout.readline())["type"] == 4
    server.do(server.next_client(), PUSH)
    assert json.loads(client.stdout.readline()) == PUSH


def test_outstanding_responses_are_awaited_at_the_end_of_input(server: ScriptedServer, run: Run) -> None:
    held = []

    def answer_all_at_the_last(request: dict[str, object]) -> list[dict[str, object]]:
        held.append(request)
        return [response_to(one) for one in held] if len(held) == 3 else []

    server.script = answer_all_at_the_last

    done = run("--url", server.url, "--json", stdin="register\nlist\nrooms\n")

    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == [1, 4, 9]
    assert done.returncode == 0


def test_missing_response_exits_3_after_the_timeout(server: ScriptedServer, run: Run) -> None:
    server.script = lambda _: []

    done = run("--url", server.url, "--timeout", "0.2", stdin="list\n")

    assert done.stderr == "error: no response within 0.2 s to messages/chateau/list.json\n"
    assert done.returncode == 3


def test_bad_file_is_reported_the_rest_is_sent_and_the_exit_code_is_2(
    server: ScriptedServer, run: Run
) -> None:
    done = run("--url", server.url, "--json", stdin="nowhere\nlist\n")

    assert done.stderr == "error: nowhere: no such file, neither here nor in messages/\n"
    assert len(done.stdout.splitlines()) == 1
    assert done.returncode == 2


def test_a_400_exits_4(server: ScriptedServer, run: Run) -> None:
    server.script = lambda request: [error_response(request, "not_registered", "Register first.")]

    assert run("--url", server.url, stdin="list\n").returncode == 4


def test_q_ends_the_input(server: ScriptedServer, run: Run) -> None:
    done = run("--url", server.url, stdin="list\nq\nrooms\n")

    assert done.returncode == 0
    assert server.received.qsize() == 1


def test_an_empty_input_exits_0(server: ScriptedServer, run: Run) -> None:
    assert run("--url", server.url, stdin="").returncode == 0


def test_a_server_that_closes_ends_the_run_while_the_pipe_stays_open(
    server: ScriptedServer, start: Start
) -> None:
    client = start()

    server.do(server.next_client(), Close(1008, "too slow"))

    assert client.wait(PATIENCE_SECONDS) == 3
    assert client.stderr.read() == "error: the server closed the connection (1008, too slow)\n"


def test_ctrl_c_exits_0_without_errors(server: ScriptedServer, start: Start) -> None:
    client = start()
    print("list", file=client.stdin, flush=True)
    server.next_received()

    client.send_signal(signal.SIGINT)

    assert client.wait(PATIENCE_SECONDS) == 0
    assert client.stderr.read() == ""
    assert server.next_close_code() == 1000


@pytest.mark.parametrize("answered", [False, True])
def test_response_of_another_type_than_the_oldest_request_is_a_fault(
    server: ScriptedServer, run: Run, answered: bool
) -> None:
    asked: list[dict[str, object]] = []

    def swapped(request: dict[str, object]) -> list[dict[str, object]]:
        asked.append(request)
        order = asked if answered else asked[::-1]
        return [response_to(one) for one in order] if len(asked) == 2 else []

    server.script = swapped

    done = run("--url", server.url, "--json", stdin="list\nrooms\n")

    told = "fault at /type: the request's type is 4, its response's 9" in done.stderr
    assert (told, done.returncode) == ((False, 0) if answered else (True, 4))


def test_current_folder_precedes_messages(server: ScriptedServer, run: Run, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text('{"type": 4, "ref": "mine"}')

    done = run("--url", server.url, "--json", stdin="list\nregister\n", cwd=tmp_path)

    assert done.returncode == 0
    assert json.loads(server.next_received()) == {"type": 4, "ref": "mine"}
    assert json.loads(server.next_received()) == {"type": 1, "username": "alice"}
