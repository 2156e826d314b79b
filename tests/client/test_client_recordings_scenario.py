"""Recordings as scenarios: what was sent is sent again, and what was received would be accepted again."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chateau.client.recordings.to_scenario import format_scenario, scenario_of
from chateau.client.scenarios.expect import read as read_frame
from chateau.client.scenarios.load import load
from chateau.client.scenarios.match import match
from chateau.client.scenarios.schemas import Schemas
from chateau.client.scenarios.values import fill, frame_of
from chateau.client.transcript import Direction, Entry, Opcode, close_payload

ID, OTHER_ID = "01JD3Z5V8M9QK7T4W2X6Y0ABCD", "01JD3Z5V8M9QK7T4W2X6Y0ABCE"
TIME = "2026-11-20T09:30:00.000Z"
TICKS = count()


def sent(payload: Any, opcode: Opcode = Opcode.TEXT, client: str = "alice") -> Entry:
    return Entry(next(TICKS), client, Direction.SENT, opcode, _bytes(payload))


def got(payload: Any, opcode: Opcode = Opcode.TEXT, client: str = "alice") -> Entry:
    return Entry(next(TICKS), client, Direction.RECEIVED, opcode, _bytes(payload))


def opened(client: str = "alice", protocol: str = "chateau", url: str = "ws://x:1/ws", **more: Any) -> Entry:
    return sent({"protocol": protocol, "url": url, **more}, Opcode.OPEN, client)


def _bytes(payload: Any) -> bytes:
    if isinstance(payload, bytes):
        return payload
    return (payload if isinstance(payload, str) else json.dumps(payload)).encode()


def steps_of(*entries: Entry) -> list[dict[str, Any]]:
    """The steps behind the opening of alice, without her name."""
    steps = scenario_of([opened(), *entries], "x")["steps"]
    assert steps[0] == {"connect": "alice"}
    return [{key: value for key, value in step.items() if key != "client"} for step in steps[1:]]


# What a step is


@pytest.mark.parametrize(
    ("entry", "step"),
    [
        (sent('{"type": 1, "username":"alice"}'), {"send": {"type": 1, "username": "alice"}}),
        (sent("[1, 2]"), {"send": [1, 2]}),
        (sent("5"), {"send": "5"}),
        (sent("hello ${name}"), {"send": "hello $${name}"}),
        (sent({"content": "$${x} ${y}", "k${k}": 1}), {"send": {"content": "$$${x} $${y}", "k$${k}": 1}}),
        (sent('{"a": 1, "a": 2}'), {"send": '{"a": 1, "a": 2}'}),
        (sent('{"a": NaN}'), {"send": '{"a": NaN}'}),
        (sent('{"a": 1e999}'), {"send": '{"a": 1e999}'}),
        (sent('{"a": "\\ud800"}'), {"send": '{"a": "\\ud800"}'}),
        (sent('{"$file": "x"}'), {"send": '{"$file": "x"}'}),
        (sent('{"a": [{"//": "x"}]}'), {"send": '{"a": [{"//": "x"}]}'}),
        (sent('{"a": '), {"send": '{"a": '}),
        (sent(b"\x00\xff", Opcode.BINARY), {"send": "00ff", "as": "binary"}),
        (sent("x", Opcode.PING), {"send": "x", "as": "ping"}),
        (sent("x", Opcode.PONG), {"send": "x", "as": "pong"}),
        (sent(b"\x81\x05", Opcode.RAW), {"send_raw": "81 05"}),
        (sent('{"a": 1}', Opcode.LINE), {"send": '{"a": 1}'}),
        (got('{"status": 200}'), {"expect": {"status": 200}}),
        (got("[1]"), {"expect": [[1]]}),
        (got("plain ${x}"), {"expect": "plain $${x}"}),
        (got('{"$any": true}'), {"expect": '{"$any": true}', "as": "text"}),
        (got('{"a": {"//": "x"}}'), {"expect": '{"a": {"//": "x"}}', "as": "text"}),
        (got('{"a": 1, "a": 2}'), {"expect": '{"a": 1, "a": 2}', "as": "text"}),
        (got(b"\x00\xff", Opcode.BINARY), {"expect": "00ff", "as": "binary"}),
        (got('{"type": "error"}', Opcode.LINE), {"expect": {"type": "error"}}),
        (got("id: 7\ndata: x", Opcode.EVENT), {"expect": {"id": {"$type": "string"}, "data": "x"}}),
        (got(b"", Opcode.CLOSE), {"expect_close": "alice"}),
        (
            got(close_payload(1008, "slow"), Opcode.CLOSE),
            {"expect_close": "alice", "code": 1008, "reason": "slow"},
        ),
    ],
)
def test_an_entry_becomes_a_step(entry: Entry, step: dict[str, Any]) -> None:
    assert steps_of(entry) == [step]


@pytest.mark.parametrize(
    ("payload", "step"),
    [
        (close_payload(1000), {"close": "alice"}),
        (close_payload(4000, "enough"), {"close": "alice", "code": 4000, "reason": "enough"}),
        (b"", {"close": "alice"}),
        (b"\x03\xeeabort", {"close": "alice", "how": "abort"}),
        (b"\x03\xeehalf close", {"close": "alice", "how": "half"}),
    ],
)
def test_close_becomes_a_step_and_its_confirmation_does_not(payload: bytes, step: dict[str, Any]) -> None:
    after = got({"left": "alice"}, client="bob")

    steps = steps_of(sent(payload, Opcode.CLOSE), got(payload, Opcode.CLOSE), after)[:-1]

    assert steps[0] == step
    assert len(steps) == 1 or "how" in step


def test_automatic_replies_are_not_steps() -> None:
    echoes = (
        got("are you there?", Opcode.PING),
        sent("are you there?", Opcode.PONG),
        got("unasked", Opcode.PONG),
        got(close_payload(1001), Opcode.CLOSE),
        sent(close_payload(1001), Opcode.CLOSE),
    )

    assert steps_of(*echoes) == [{"expect_close": "alice", "code": 1001}]


def test_the_pong_to_a_ping_is_expected() -> None:
    steps = steps_of(sent("x", Opcode.PING), got("x", Opcode.PONG))

    assert steps == [{"send": "x", "as": "ping"}, {"expect": "x", "as": "pong"}]


def test_closes_at_the_end_are_omitted() -> None:
    steps = steps_of(
        sent("hi"), sent(close_payload(1000), Opcode.CLOSE), got(close_payload(1000), Opcode.CLOSE)
    )

    assert steps == [{"send": "hi"}]


def test_abort_at_the_end_is_a_step() -> None:
    assert steps_of(sent(b"\x03\xeeabort", Opcode.CLOSE)) == [{"close": "alice", "how": "abort"}]


def test_request_and_response_are_one_step() -> None:
    scenario = scenario_of(
        [
            sent(
                "POST /channel/a/?pwd=${x} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nPackage-Type: json\r\n"
                "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n" + '{"a": [1]}',
                Opcode.REQUEST,
            ),
            got('HTTP/1.1 201 Created\r\nX: y\r\n\r\n"OK"', Opcode.RESPONSE),
            sent(b"PUT /b HTTP/1.1\r\nContent-Type: image/x\r\n\r\n\xff", Opcode.REQUEST),
            got("HTTP/1.1 204 No Content\r\n\r\n", Opcode.RESPONSE),
            sent('POST /c HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"text"', Opcode.REQUEST),
        ],
        "x",
    )

    assert scenario["clients"] == {"alice": {"protocol": "http"}}
    assert scenario["steps"] == [
        {
            "client": "alice",
            "http": "POST /channel/a/?pwd=$${x}",
            "headers": {"Package-Type": "json"},
            "body": {"a": [1]},
            "status": 201,
            "answer": "OK",
        },
        {
            "client": "alice",
            "http": "PUT /b",
            "headers": {"Content-Type": "image/x"},
            "body": {"$base64": "/w=="},
            "status": 204,
        },
        {
            "client": "alice",
            "http": "POST /c",
            "headers": {"Content-Type": "application/json"},
            "body": '"text"',
        },
    ]


def test_frames_before_a_response_are_expected_after_it() -> None:
    request = sent("POST /a HTTP/1.1\r\n\r\n", Opcode.REQUEST, "erin")
    response = got(f'HTTP/1.1 201 \r\n\r\n{{"id": "{ID}"}}', Opcode.RESPONSE, "erin")

    steps = steps_of(request, got({"id": ID}), response)

    assert steps == [
        {"http": "POST /a", "status": 201, "answer": {"id": {"$capture": "id"}}},
        {"expect": {"id": "${id}"}},
    ]


@pytest.mark.parametrize(
    ("opening", "client"),
    [
        ({"protocol": "chateau", "url": "ws://x:1/ws"}, {"protocol": "chateau"}),
        ({"protocol": "functions", "url": "ws://x:1/"}, {"protocol": "functions", "path": "/"}),
        ({"protocol": "functions", "url": "ws://x:1"}, {"protocol": "functions", "path": "/"}),
        ({"protocol": "lines", "url": "tcp://x:1"}, {"protocol": "lines"}),
        (
            {"protocol": "channels", "url": "ws://x/channel/a%2Fb/"},
            {"protocol": "channels", "channel": "a/b"},
        ),
        ({"protocol": "channels", "url": "ws://x/c/?d"}, {"protocol": "channels", "path": "/c/?d"}),
        ({"protocol": "http", "url": "http://x/channel/a/"}, {"protocol": "http", "path": "/channel/a/"}),
        ({"protocol": "websocket", "url": "ws://x:1/chat/ws"}, {"protocol": "chateau", "path": "/chat/ws"}),
        ({"protocol": "tcp", "url": "tcp://x:1"}, {"protocol": "lines"}),
        (
            {"protocol": "chateau", "url": "ws://x/ws", "headers": [["Origin", "${y}"]], "from": "127.0.0.2"},
            {"protocol": "chateau", "headers": {"Origin": "$${y}"}, "from": "127.0.0.2"},
        ),
    ],
)
def test_client_is_read_from_its_open_entry(opening: dict[str, Any], client: dict[str, Any]) -> None:
    assert scenario_of([sent(opening, Opcode.OPEN)], "x")["clients"] == {"alice": client}


def test_reconnection_to_another_path_has_a_path() -> None:
    entries = [opened(), got(b"", Opcode.CLOSE), opened(url="ws://x:1/other", headers=[["A", "b"]])]

    steps = scenario_of(entries, "x")["steps"]

    assert steps[-1] == {"connect": "alice", "path": "/other", "headers": {"A": "b"}}


def test_invalid_client_name_is_replaced() -> None:
    scenario = scenario_of([opened("$1"), opened("x" * 41), opened("127.0.0.1:5000")], "x")

    assert list(scenario["clients"]) == ["client-1", "client-2", "127.0.0.1:5000"]


@pytest.mark.parametrize(
    "entry",
    [
        sent({"type": 1, "username": "alice"}),
        sent({"op": 1, "d": {"content": "alice"}}),
        sent({"function": "set_custom_variables", "custom_variables": {"name": "alice"}}),
        sent("LOGIN alice", Opcode.LINE),
    ],
)
def test_registered_names_are_in_the_comment(entry: Entry) -> None:
    comment = scenario_of([opened(), entry, sent({"op": 1, "d": {"content": "hello"}}), sent("LOGIN")], "x")[
        "//"
    ]

    assert comment.startswith("the names are from the recording: alice; alice-${run}") or "hello" in comment


# What changes from run to run


def expected(value: Any) -> Any:
    return steps_of(got(value))[0]["expect"]


@pytest.mark.parametrize(
    ("value", "expectation"),
    [
        ({"id": ID}, {"id": {"$type": "string"}}),
        ({"time": TIME}, {"time": {"$type": "string"}}),
        ({"utctimestamp": "2026-11-20 09:30:00.000000"}, {"utctimestamp": {"$type": "string"}}),
        ({"seq": 7, "count": 7}, {"seq": {"$type": "integer"}, "count": 7}),
        ({"messages": [{"id": ID}]}, {"messages": [{"id": {"$type": "string"}}]}),
        ({"sender": "#17"}, {"sender": {"$regex": "^#[0-9]+$"}}),
        (
            {"sender": {"id": "3", "ip": "127.0.0.1", "port": 5000, "custom": {"id": "3"}}},
            {
                "sender": {
                    "id": {"$type": "string"},
                    "ip": {"$type": "string"},
                    "port": {"$type": "integer"},
                    "custom": {"id": "3"},
                }
            },
        ),
        (
            {"clients": {"0": {"id": "0", "ip": "x", "port": 1, "custom": {}}}},
            {"clients": {"$type": "object"}},
        ),
        ({"counts": {"0": 1}}, {"counts": {"0": 1}}),
        ({"a": None, "b": True, "port": False}, {"a": None, "b": True, "port": False}),
        (
            {"host": "127.0.0.1", "port": 8888, "command_prefix": "!", "users": 3},
            {
                "host": {"$type": "string"},
                "port": {"$type": "integer"},
                "command_prefix": "!",
                "users": {"$type": "integer"},
            },
        ),
    ],
)
def test_dynamic_values_are_not_expected(value: Any, expectation: Any) -> None:
    assert expected(value) == expectation


def test_an_id_inside_a_text_is_matched_by_a_pattern() -> None:
    pattern = expected({"data": f'(x) "seq": 12, ${{y}} {ID} at {TIME}.'})["data"]["$regex"]

    assert pattern.startswith(r'^\(x\) "seq": ?\d+, ')
    assert match(
        {"$regex": fill(pattern, {})}, f'(x) "seq": 7, ${{y}} {OTHER_ID} at {TIME}.', schemas=Schemas()
    ).matches


def test_value_that_a_client_sent_first_is_expected_unchanged() -> None:
    steps = steps_of(
        sent({"content": f"{ID} {TIME}", "seq": 3}), got({"content": f"{ID} {TIME}", "id": ID, "seq": 3})
    )

    assert steps[1]["expect"] == {"content": f"{ID} {TIME}", "id": ID, "seq": 3}


def test_a_value_that_a_client_sends_later_is_captured() -> None:
    steps = steps_of(
        got({"time": TIME, "seq": 4}),
        got({"time": TIME, "seq": 5}),
        sent({"type": 8, "since": 4, "from": TIME, "limit": 5}),
        sent(f"HISTORY {TIME} ${{x}}", Opcode.LINE),
    )

    assert steps[0]["expect"] == {"time": {"$capture": "time"}, "seq": {"$capture": "seq"}}
    assert steps[1]["expect"] == {"time": "${time}", "seq": {"$type": "integer"}}
    assert steps[2]["send"] == {"type": 8, "since": "${seq}", "from": "${time}", "limit": 5}
    assert steps[3]["send"] == "HISTORY ${time} $${x}"


def test_id_that_is_received_twice_has_to_be_equal() -> None:
    steps = steps_of(
        got({"id": ID}), got({"id": OTHER_ID}), got({"sender": "x", "id": ID}), got({"id": OTHER_ID})
    )

    assert [step["expect"]["id"] for step in steps] == [
        {"$capture": "id"},
        {"$capture": "id_2"},
        "${id}",
        "${id_2}",
    ]


def test_session_id_is_captured_if_received_and_commented_if_not() -> None:
    peer = {"id": "3", "ip": "x", "port": 1, "custom": {}}
    call = {"function": "send_message", "recipient_ids": ["3", 9], "message": "3"}

    steps = steps_of(got({"sender": peer}), sent(call), sent(call | {"recipient_ids": ["3"]}))

    assert steps[0]["expect"]["sender"]["id"] == {"$capture": "session"}
    assert steps[1]["send"]["recipient_ids"] == ["${session}", 9]
    assert "another run has other ids" in steps[1]["//"]
    assert "//" not in steps[2]


# The whole


def play_itself(entries: list[Entry], path: Path) -> None:
    """Read the scenario, and play it with the recording in the place of a server."""
    path.write_text(format_scenario(scenario_of(entries, "A recording")), "utf-8")
    scenario = load(path)
    variables: dict[str, Any] = {}
    spoken = [entry for entry in entries if entry.opcode is Opcode.TEXT]
    steps = [step for step in scenario.steps if step.kind in {"send", "expect"}]
    for entry, step in zip(spoken, steps, strict=True):
        value = fill(step.value, variables)
        if step.kind == "send":
            opcode, payload = frame_of(value, step.options.get("as"), "chateau")
            assert opcode is Opcode.TEXT
            assert payload == entry.payload or json.loads(payload) == json.loads(entry.payload)
        else:
            frame = read_frame(entry, step.options.get("as"))
            found = match(value[0] if isinstance(value, list) else value, frame, schemas=Schemas())
            assert found.matches, (value, frame)
            variables |= found.captures


KEYS = st.sampled_from(
    ["id", "seq", "since", "time", "port", "a", "$any", "//", "${x}", "recipient_ids", "users", "0"]
)
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.sampled_from([ID, OTHER_ID, TIME, f"at {TIME} or {ID}", "${id}", "$${", "#1", f"{ID}${{", "\\d[.]*"]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 12), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
ODD = [
    '{"a": 1, "a": 2}',
    '{"a": 1e999}',
    "[NaN]",
    '{"a": "\\ud800"}',
    " [1] ",
    "{",
    "[" * 2000,
    f'{{"$x": "{ID}"}}',
]
FRAMES = st.one_of(VALUES.map(json.dumps), TEXT, st.sampled_from(ODD))


@settings(max_examples=40)
@given(frames=st.lists(st.tuples(st.booleans(), FRAMES), max_size=8))
def test_a_scenario_accepts_the_recording_that_it_comes_from(
    frames: list[tuple[bool, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    entries = [opened(), *(sent(text) if was_sent else got(text) for was_sent, text in frames)]

    play_itself(entries, tmp_path_factory.getbasetemp() / "itself.json")


def test_a_file_has_a_step_a_line_where_one_is_short() -> None:
    entries = [opened(), sent({"type": 1, "username": "alice"}), got({"status": 200, "x": ["y" * 40] * 3})]

    text = format_scenario(scenario_of(entries, "A name \u00e9"))

    assert text == (
        "{\n"
        '  "name": "A name \u00e9",\n'
        '  "//": "the names are from the recording: alice; alice-${run} would be new in every run",\n'
        '  "clients": {\n'
        '    "alice": {"protocol": "chateau"}\n'
        "  },\n"
        '  "steps": [\n'
        '    {"connect": "alice"},\n'
        '    {"client": "alice", "send": {"type": 1, "username": "alice"}},\n'
        "    {\n"
        '      "client": "alice",\n'
        '      "expect": {\n'
        '        "status": 200,\n'
        '        "x": [\n'
        f'          "{"y" * 40}",\n'
        f'          "{"y" * 40}",\n'
        f'          "{"y" * 40}"\n'
        "        ]\n"
        "      }\n"
        "    }\n"
        "  ]\n"
        "}\n"
    )
