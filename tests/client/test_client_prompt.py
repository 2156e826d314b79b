"""The prompt, on a real pseudo-terminal."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from client_process import CHECKOUT
from client_terminal import Terminal
from scripted_server import PUSH, Close, ScriptedServer, error_response, response_to

PROMPT = "message file> "
Open = Callable[..., Terminal]


@pytest.fixture
def open_terminal(server: ScriptedServer, environment: dict[str, str]) -> Iterator[Open]:
    opened = []

    def open_terminal(
        *arguments: str, stdout: int | None = None, as_program: bool = False, **more: str
    ) -> Terminal:
        words = ["--url", server.url, *arguments]
        env = {"NO_COLOR": "1", **environment, **more}
        terminal = Terminal(words, cwd=CHECKOUT, env=env, stdout=stdout, as_program=as_program)
        opened.append(terminal)
        return terminal

    yield open_terminal
    for terminal in opened:
        terminal.close()


@pytest.fixture
def terminal(open_terminal: Open) -> Terminal:
    terminal = open_terminal()
    terminal.wait_for(PROMPT)
    return terminal


def test_prompt_sends_the_file_shows_the_response_and_asks_again(
    server: ScriptedServer, open_terminal: Open
) -> None:
    terminal = open_terminal(as_program=True)
    terminal.wait_for(PROMPT)
    terminal.type("messages/chateau/list.json\r")

    assert "→ sent" in terminal.wait_for("← response")
    terminal.wait_for('"bob"')
    terminal.wait_for(PROMPT)
    assert json.loads(server.next_received()) == {"type": 4}


def test_pushes_are_shown_above_the_prompt(server: ScriptedServer, terminal: Terminal) -> None:
    terminal.type("half a na")
    terminal.wait_for("half a na")

    server.do(server.next_client(), PUSH, PUSH)

    for _ in range(2):
        terminal.wait_for("← push")
        terminal.wait_for('"content": "good morning"')
    terminal.wait_for(PROMPT + "half a na")


def test_tab_completes_the_bare_name_of_a_file_in_messages(
    server: ScriptedServer, terminal: Terminal
) -> None:
    terminal.type("register-b\t")
    terminal.wait_for("messages/chateau/register-bob.json")

    terminal.type("\r")

    assert json.loads(server.next_received()) == {"type": 1, "username": "bob"}


def test_tab_offers_every_file_that_begins_so(terminal: Terminal) -> None:
    terminal.type("reg\t")

    terminal.wait_for("messages/chateau/register-bob.json")
    terminal.wait_for("messages/chateau/register.json")


def test_tab_completes_any_path(terminal: Terminal, server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "my own.json").write_text('{"type": 9, "ref": "mine"}')

    terminal.type(f"{tmp_path}/my\t")
    terminal.wait_for("own.json")
    terminal.type("\r")

    assert json.loads(server.next_received()) == {"type": 9, "ref": "mine"}


@pytest.mark.parametrize(
    "keys", ["q\r", "\x04", "\x03", "not sent\x03"], ids=["q", "Ctrl-D", "Ctrl-C", "text"]
)
def test_q_ctrl_d_and_ctrl_c_exit_cleanly(server: ScriptedServer, terminal: Terminal, keys: str) -> None:
    terminal.type(keys)

    assert terminal.leave() == 0
    assert "Traceback" not in terminal.screen
    assert terminal.is_restored
    assert server.next_close_code() == 1000


def test_ctrl_c_during_a_request_exits_cleanly(server: ScriptedServer, terminal: Terminal) -> None:
    server.script = lambda _: []
    terminal.type("list\r")
    server.next_received()

    terminal.process.send_signal(signal.SIGINT)

    assert terminal.leave() == 0
    assert "Traceback" not in terminal.screen
    assert server.next_close_code() == 1000


def test_a_bad_file_and_a_400_are_shown_and_it_asks_again_and_leaving_is_still_0(
    server: ScriptedServer, terminal: Terminal
) -> None:
    server.script = lambda request: [error_response(request, "not_registered", "Register first.")]

    terminal.type("nowhere\r")
    terminal.wait_for("error: nowhere: no such file")
    terminal.wait_for(PROMPT)
    terminal.type("list\r")
    terminal.wait_for("400 not_registered: Register first.")
    terminal.wait_for(PROMPT)
    terminal.type("q\r")

    assert terminal.leave() == 0


def test_an_empty_line_asks_again(server: ScriptedServer, terminal: Terminal) -> None:
    terminal.type("\r")
    terminal.wait_for(PROMPT)

    assert server.received.empty()


def test_late_response_is_not_taken_for_the_next_one(server: ScriptedServer, open_terminal: Open) -> None:
    server.script = lambda request: [] if request["type"] == 4 else [response_to(request)]
    terminal = open_terminal("--timeout", "0.3")
    terminal.wait_for(PROMPT)

    terminal.type("list\r")
    terminal.wait_for("error: no response within 0.3 s to messages/chateau/list.json")
    terminal.wait_for(PROMPT)
    terminal.type("rooms\r")

    terminal.wait_for("← response")
    assert "fault" not in terminal.wait_for(PROMPT)


def test_close_of_the_server_is_reported_with_code_and_reason_and_exits_3(
    server: ScriptedServer, terminal: Terminal
) -> None:
    shutdown = {"type": 0, "status": 503, "event": "shutdown", "reason": "maintenance"}

    server.do(server.next_client(), shutdown, Close(1001, "server shutdown"))

    terminal.wait_for('"reason": "maintenance"')
    terminal.wait_for("error: the server closed the connection (1001, server shutdown)")
    assert terminal.leave() == 3
    assert terminal.is_restored


def test_on_a_terminal_frames_are_in_colour(open_terminal: Open) -> None:
    terminal = open_terminal(NO_COLOR="")
    terminal.wait_for(PROMPT)

    terminal.type("list\r")
    terminal.wait_for('"bob"')

    assert "\x1b[1;32m200\x1b[0m" in terminal.raw


def test_no_color_disables_colours(terminal: Terminal) -> None:
    terminal.type("list\r")
    terminal.wait_for('"bob"')

    assert "list       200\r\n{\r\n" in terminal.raw


def test_with_json_to_a_file_the_file_has_the_frames_alone_and_the_prompt_is_on_the_terminal(
    server: ScriptedServer, open_terminal: Open, tmp_path: Path
) -> None:
    frames = tmp_path / "frames"
    with frames.open("wb") as stream:
        terminal = open_terminal("--json", stdout=stream.fileno())
        terminal.wait_for(PROMPT)
        server.do(server.next_client(), PUSH)
        terminal.type("list\r")
        terminal.wait_for(PROMPT)
        terminal.type("q\r")

        assert terminal.leave() == 0

    first, second = frames.read_text().splitlines()
    assert json.loads(first) == PUSH
    assert json.loads(second)["type"] == 4
