"""Playing scenarios: the steps, how frames are taken, and the descriptions of failures."""

import asyncio
import re
import time
from typing import Any

import pytest
from played_scenario import ALICE, LINES, echo, play_steps, played, played_on_lines, sentence
from scripted_server import Close, ScriptedServer, error_response, response_to

from chateau.client.scenarios.expect import Expectation, Inbox
from chateau.client.scenarios.model import Result, Verdict
from chateau.client.scenarios.schemas import Schemas
from chateau.client.transcript import Direction, Entry, Opcode

REGISTER = {"type": 1, "username": "alice"}
BOTH = {"alice": {"protocol": "lines"}, "bob": {"protocol": "lines"}}


def port_of(server: ScriptedServer) -> int:
    return int(server.url.rsplit(":", 1)[1].split("/")[0])


@pytest.fixture
def port(server: ScriptedServer) -> int:
    """A server that follows its script, and responds correctly without one."""
    return port_of(server)


def sent(result: Result) -> list[str]:
    frames = {Opcode.TEXT, Opcode.LINE, Opcode.RAW, Opcode.BINARY}
    return [one.text for one in result.transcript if one.direction is Direction.SENT and one.opcode in frames]


# --- Taking frames


def test_a_scenario_whose_frames_all_come_passes(port: int) -> None:
    result = played({"send": REGISTER}, {"expect": {"type": 1, "status": 200}}, port=port)

    assert result.verdict is Verdict.PASSED
    assert result.failure is None
    assert result.score == 1


def test_early_frames_are_stored_for_later_steps() -> None:
    result = played_on_lines(echo, {"send": "one\ntwo"}, {"expect": "two"}, {"expect": "one"})

    assert result.verdict is Verdict.PASSED


def test_a_list_wants_its_frames_one_after_the_other() -> None:
    steps = [{"send": "one\ntwo\nthree"}]

    assert played_on_lines(echo, *steps, {"expect": ["one", "three"]}).verdict is Verdict.PASSED
    assert played_on_lines(echo, *steps, {"expect": ["three", "one"]}).verdict is Verdict.FAILED


def test_an_unordered_list_wants_its_frames_in_any_order_each_once() -> None:
    steps = [{"send": "one\ntwo"}]
    wanted = [{"$regex": "."}, "one"]

    assert played_on_lines(echo, *steps, {"expect": wanted, "unordered": True}).verdict is Verdict.PASSED
    assert (
        played_on_lines(echo, *steps, {"expect": ["one", "one"], "unordered": True}).verdict is Verdict.FAILED
    )


def test_a_capture_can_be_used_later_even_in_the_same_list() -> None:
    result = played_on_lines(
        echo,
        {"send": {"id": 7, "name": "x"}},
        {"expect": {"id": {"$capture": "id"}, "name": {"$capture": "name"}}},
        {"send": {"again": "${id}", "text": "${name}${id}"}},
        {"expect": {"again": 7, "text": "x7"}},
        {"send": 'x\n"x"'},
        {"expect": ["${name}", '"${name}"']},
    )

    assert result.verdict is Verdict.PASSED, result.failure


def test_a_frame_that_does_not_come_fails_after_the_time_for_it() -> None:
    began = time.monotonic()

    result = played_on_lines(echo, {"send": "one"}, {"expect": "two", "within": 0.1})

    assert sentence(result).startswith("it did not come within 0.1 s")
    assert time.monotonic() - began < 2


def test_a_failure_shows_the_frame_that_is_most_like_the_one_expected(
    port: int, server: ScriptedServer
) -> None:
    server.script = lambda request: [error_response(request, "name_taken", "No."), {"type": 9, "x": 1}]

    result = played({"send": REGISTER}, {"expect": {"type": 1, "status": 200}}, port=port)

    assert result.failure is not None
    assert result.failure.differences == ("/status: expected 200, got 400",)
    assert '-  "status": 200,' in [line.rstrip(",") + "," for line in result.failure.diff]
    assert result.failure.location.line > 0
    assert result.failure.step == "expect (alice)"


def test_a_connection_that_the_server_closes_ends_the_waiting(port: int, server: ScriptedServer) -> None:
    server.script = lambda request: [Close(4001, "no thanks")]
    began = time.monotonic()

    result = played({"send": REGISTER}, {"expect": {}, "within": 30}, port=port)

    assert "the server closed the connection with 4001, 'no thanks'" in sentence(result)
    assert time.monotonic() - began < 5


# --- Strict scenarios


def test_a_strict_scenario_takes_the_oldest_frame_and_no_other() -> None:
    result = played_on_lines(echo, {"send": "one\ntwo"}, {"expect": "two", "within": 30}, strict=True)

    assert sentence(result) == "another frame came"


def test_a_strict_scenario_fails_where_a_frame_is_left_at_its_end(port: int, server: ScriptedServer) -> None:
    server.script = lambda request: [response_to(request), response_to(request)]

    result = played({"send": REGISTER}, {"expect": {"type": 1}}, port=port, strict=True)

    assert sentence(result).startswith("a frame came to alice that no step expects: ")
    assert result.failure is not None
    assert result.failure.step == "the end"


def test_a_strict_scenario_reads_frames_until_the_close() -> None:
    async def late(line: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"one\n")
        await asyncio.sleep(0.05)
        writer.write(b"two\n")

    assert played_on_lines(late, {"send": "x"}, {"expect": "one"}, strict=True).verdict is Verdict.FAILED
    assert played_on_lines(late, {"send": "x"}, {"expect": "one"}).verdict is Verdict.PASSED


class LateInbox(Inbox):
    """An inbox whose frames arrive at the moment when the time is over."""

    async def wait(self, until: float) -> bool:
        for line in (b"one", b"two"):
            self.put(Entry(0, "alice", Direction.RECEIVED, Opcode.LINE, line))
        return False


@pytest.mark.parametrize("unordered", [True, False])
def test_frames_that_arrive_at_the_end_of_the_time_are_taken(unordered: bool) -> None:
    inbox = LateInbox()

    async def take() -> None:
        expectation = Expectation(
            frames=["one", "two"],
            exact=False,
            unordered=unordered,
            read_as=None,
            strict=False,
            within_seconds=0,
            inbox=inbox,
            schemas=Schemas(),
            fill=lambda value: value,
            capture=lambda captures: None,
        )
        await expectation.take()

    asyncio.run(take())
    assert inbox.frames == []


def test_a_strict_unordered_list_fails_at_the_first_other_frame() -> None:
    wish = {"expect": ["one", "two"], "unordered": True, "within": 30}

    assert played_on_lines(echo, {"send": "two\none"}, wish, strict=True).verdict is Verdict.PASSED
    assert sentence(played_on_lines(echo, {"send": "three"}, wish, strict=True)) == "another frame came"
    twice = played_on_lines(echo, {"send": "two\ntwo"}, wish, strict=True)
    assert twice.failure is not None
    assert twice.failure.differences == ('expected "one", got "two"',)


def test_of_several_frames_the_missing_one_is_reported() -> None:
    wish = {"expect": [{"a": 1}, {"b": 2}], "unordered": True}

    result = played_on_lines(echo, {"send": {"a": 1}}, wish)

    assert sentence(result) == "it did not come within 0.5 s; there was no other frame"
    assert result.failure is not None
    assert [line for line in result.failure.diff if '"b"' in line]


def test_a_strict_scenario_fails_where_the_server_closes_unasked(port: int, server: ScriptedServer) -> None:
    server.script = lambda request: [response_to(request), Close(1000, "")]
    steps: list[Any] = [{"send": REGISTER}, {"expect": {"type": 1}}]

    result = played(*steps, {"sleep": 0.1}, port=port, strict=True)
    asked_for = played(*steps, {"expect_close": "alice"}, port=port, strict=True)

    assert sentence(result) == "the server closed alice's connection with 1000, and no step expects that"
    assert asked_for.verdict is Verdict.PASSED


# --- What the other steps do


def test_nothing_is_expected_and_nothing_comes_or_it_fails() -> None:
    nothing = {"expect_nothing": "alice", "within": 0.05}

    assert played_on_lines(echo, {"connect": "alice"}, nothing).verdict is Verdict.PASSED
    assert sentence(played_on_lines(echo, {"send": "hi"}, nothing)) == "a frame came to alice: hi"


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"code": 1001}, None),
        ({"code": [1000, 1001]}, None),
        ({"code": 1001, "reason": {"$regex": "^bye"}}, None),
        ({"code": 1000}, "the server closed the connection with 1001, 'bye!'; expected 1000"),
        ({"reason": "hello"}, "the reason of the close differs"),
    ],
)
def test_a_close_is_expected_with_its_code_and_reason(
    wish: dict[str, Any], told: str | None, port: int, server: ScriptedServer
) -> None:
    server.script = lambda request: [Close(1001, "bye!")]

    result = played({"send": REGISTER}, {"expect_close": "alice", **wish}, port=port)

    assert (result.failure and result.failure.sentence) == told


def test_a_close_that_does_not_come_fails(port: int) -> None:
    result = played({"expect_close": "alice", "within": 0.05}, port=port)

    assert sentence(result) == "the connection is still open after 0.05 s"


def test_a_client_closes_with_the_code_of_the_step(port: int, server: ScriptedServer) -> None:
    played({"connect": "alice"}, {"close": "alice", "code": 4000}, port=port)
    assert server.next_close_code() == 4000

    played({"connect": "alice"}, {"close": "alice", "how": "abort"}, port=port)
    assert server.next_close_code() is None

    played({"connect": "alice"}, port=port)
    assert server.next_close_code() == 1000


def test_a_client_that_was_closed_may_connect_again(port: int, server: ScriptedServer) -> None:
    steps: list[Any] = [{"send": REGISTER}, {"expect": {"type": 1}}, {"close": "alice"}]

    result = played(*steps, {"connect": "alice"}, *steps, port=port, strict=True)

    assert result.verdict is Verdict.PASSED


def test_a_half_closed_connection_still_receives() -> None:
    async def slow(line: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.03)
        writer.write(b"late\n")

    steps: list[Any] = [{"send": "x"}, {"close": "alice", "how": "half"}, {"expect": "late"}]

    assert played_on_lines(slow, *steps, {"expect_close": "alice"}, strict=True).verdict is Verdict.PASSED


def test_bytes_are_written_past_the_framing_and_cut_anywhere() -> None:
    read: list[bytes] = []

    async def serve() -> Result:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while piece := await reader.read(100):
                read.append(piece)
            writer.close()

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        async with server:
            return await play_steps(
                {"send_raw": "68 69", "split": 1, "pause": 0.02},
                {"send_raw": {"$base64": "IQ=="}},
                {"sleep": 0.02},
                {"send": "é", "split": [1]},
                clients=LINES,
                lines_port=server.sockets[0].getsockname()[1],
            )

    result = asyncio.run(serve())

    assert result.verdict is Verdict.PASSED
    assert b"".join(read) == "hi!é\r\n".encode()
    assert read[0] == b"h"


def test_a_file_is_sent_as_it_is_without_the_white_space_around_it(port: int) -> None:
    result = played({"send": {"$file": "register"}}, {"expect": {"type": 1, "status": 200}}, port=port)

    assert result.verdict is Verdict.PASSED
    assert sent(result) == ['{\n  "type": 1,\n  "username": "alice"\n}']


def test_long_texts_are_written_short() -> None:
    result = played_on_lines(
        echo, {"send": {"$repeat": "ab", "$times": 3}}, {"send": {"x": [{"$repeat": "-", "$times": 2}]}}
    )

    assert sent(result) == ["ababab", '{"x": ["--"]}']


def test_steps_are_repeated_and_counted() -> None:
    inner = [{"send": "n${index}"}, {"expect": "n${index}"}]

    result = played_on_lines(echo, {"repeat": 3, "steps": inner}, strict=True)

    assert sent(result) == ["n0", "n1", "n2"]


def test_lists_are_played_at_once_and_meet_at_their_barriers() -> None:
    said: list[str] = []
    steps = {
        "parallel": [
            [{"client": "alice", "send": "a1"}, {"barrier": "b"}, {"client": "alice", "send": "a2"}],
            [{"sleep": 0.05}, {"client": "bob", "send": "b1"}, {"barrier": "b"}],
        ]
    }

    result = played_on_lines(lambda line, writer: said.append(line), steps, {"sleep": 0.03}, clients=BOTH)

    assert result.verdict is Verdict.PASSED
    assert said == ["a1", "b1", "a2"]


def test_the_first_list_that_fails_ends_the_others() -> None:
    began = time.monotonic()
    steps = {"parallel": [[{"sleep": 20}], [{"client": "bob", "expect": "x", "within": 0.05}]]}

    result = played_on_lines(echo, steps, clients=BOTH)

    assert result.failure is not None
    assert result.failure.client == "bob"
    assert time.monotonic() - began < 5


def test_a_barrier_fails_that_not_all_branches_reach() -> None:
    steps = {"parallel": [[{"barrier": "b", "within": 0.05}], [{"sleep": 0.2}, {"barrier": "b"}]]}

    assert sentence(played_on_lines(echo, steps)) == "only 1 of 2 reached it within 0.05 s"


def test_sending_on_a_closed_connection_fails(port: int, server: ScriptedServer) -> None:
    server.script = lambda request: [Close(1008, "go away")]

    result = played({"send": REGISTER}, {"expect_close": "alice"}, {"send": REGISTER}, port=port)

    assert sentence(result) == "it cannot be sent: the connection is closed with 1008, 'go away'"


# --- Frames that are not JSON


def test_a_frame_is_decoded_as_the_step_requires(port: int, server: ScriptedServer) -> None:
    server.script = lambda request: ['{"a": 1}', '"text"', b"\x00\xff"]

    result = played(
        {"send": REGISTER},
        {"expect": {"a": 1}},
        {"expect": '"text"'},
        {"expect": "00ff", "as": "binary"},
        {"send": REGISTER},
        {"expect": '{"a": 1}', "as": "text"},
        {"expect": "text", "as": "json"},
        port=port,
    )

    assert result.verdict is Verdict.PASSED, result.failure


def test_json_in_a_binary_frame_is_not_json(port: int, server: ScriptedServer) -> None:
    server.script = lambda request: [b'{"type": 1}']

    result = played({"send": REGISTER}, {"expect": {"type": 1}}, port=port, strict=True)

    assert re.match("another frame came: a binary frame: 7b", sentence(result))


def test_a_ping_gets_a_pong_and_a_pong_can_be_expected(port: int) -> None:
    result = played(
        {"send": "are you there?", "as": "ping"},
        {"expect": "are you there?", "as": "pong"},
        port=port,
        strict=True,
    )

    assert result.verdict is Verdict.PASSED


# --- What cannot be played


def test_a_refused_connection_is_an_error_but_not_of_the_file() -> None:
    result = played({"connect": "alice"}, port=1)

    assert result.verdict is Verdict.ERROR
    assert result.reason.startswith("cannot connect to ws://127.0.0.1:1/ws: ")
    assert not result.is_file_at_fault


def test_a_rejected_handshake_fails(port: int) -> None:
    result = played({"connect": "alice", "path": "/nowhere"}, port=port)

    assert result.verdict is Verdict.FAILED
    assert "404" in sentence(result)


def test_a_rejected_handshake_can_be_expected(port: int) -> None:
    refused = {"connect": "alice", "path": "/nowhere", "status": 404}

    assert played(refused, port=port, strict=True).verdict is Verdict.PASSED
    assert sentence(played({**refused, "path": "/ws"}, port=port)) == (
        "the server accepted the connection; expected status 404"
    )


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"send": "${nobody}"}, "nobody"),
        ({"send": {"$file": "no-such-file"}}, "no such file"),
        ({"send_raw": "xyz"}, "not hex: 'xyz'"),
        ({"send_raw": {"$base64": "*"}}, "not base64"),
        ({"send": "\ud800"}, "lone surrogate"),
        ({"send": {"a": 1}, "as": "text"}, "a value sent as text has to be a string"),
        ({"send": "x" * 200, "as": "ping"}, "125 bytes"),
        ({"connect": ["alice", "alice"]}, "alice is connected already"),
    ],
)
def test_an_invalid_step_is_an_error_of_the_file(step: Any, told: str, port: int) -> None:
    result = played(step, port=port)

    assert result.verdict is Verdict.ERROR
    assert told in result.reason
    assert result.is_file_at_fault


def test_a_scenario_that_takes_too_long_fails_where_it_was() -> None:
    result = played_on_lines(echo, {"connect": "alice"}, {"sleep": 30}, timeout=0.1)

    assert sentence(result) == "the scenario took longer than 0.1 s"
    assert result.failure is not None
    assert result.failure.step == "sleep"


def test_a_server_that_breaks_the_framing_fails_the_scenario() -> None:
    result = played_on_lines(
        lambda line, writer: writer.write(b"\xff\n"), {"send": "x"}, {"sleep": 0.05}, {"close": "alice"}
    )

    assert result.verdict is Verdict.FAILED
    assert "UTF-8" in sentence(result)


def test_variables_come_from_the_command_line_before_those_of_the_scenario() -> None:
    result = played_on_lines(
        echo,
        {"send": "${who} ${run} ${lines_port}"},
        variables={"who": "bob"},
    )
    own = played_on_lines(echo, {"send": "${who}"}, clients=LINES, variables=None)

    assert re.fullmatch(r"bob [a-z0-9]{6} [0-9]+", sent(result)[0])
    assert own.verdict is Verdict.ERROR


def test_two_runs_have_different_names(port: int) -> None:
    step = {"send": "${run}"}

    assert sent(played(step, port=port)) != sent(played(step, port=port, clients=ALICE))
