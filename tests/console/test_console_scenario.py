"""A session of the page as a scenario file: captured values, and values that match anything. Runs in Node."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from console_node import Node, node_with
from jsonschema import Draft202012Validator

from chateau.client.recordings.to_scenario import format_scenario
from chateau.protocols.schemas import schemas_folder

FUNCTIONS = """
import { belongs, scenarioOf } from "./scenario.js";

const asEntry = ([direction, what, more]) => {
  if (direction === "note") return { direction, what };
  const text = typeof what === "string" ? what : JSON.stringify(what);
  const { type, code, status, ref, sender } = typeof what === "string" ? {} : what;
  return { direction, text, isWhole: true, type, code, status, ref, sender, routine: false, ...more };
};

/** Entries as a Connection makes them: each response belongs to the oldest request without one. */
function entriesOf(session) {
  const entries = session.map(asEntry);
  const waiting = [];
  for (const entry of entries) {
    if (entry.direction === "note") waiting.splice(0);
    if (entry.direction === "out") waiting.push(entry);
    if (entry.direction !== "in" || entry.sender) continue;
    entry.request = waiting.shift();
    entry.request.response = entry;
  }
  return entries;
}

const functions = {
  scenario: (session) => scenarioOf(entriesOf(session), "A session"),
  belongs: (session, me) => entriesOf(session).map((entry) => belongs(entry, me)),
};
"""

Entry = tuple[Any, ...]

SCHEMA = Draft202012Validator(json.loads((schemas_folder() / "scenario.json").read_text("utf-8")))
BEGUN: Entry = ("note", "connected")
ENDED: Entry = ("note", "closed")
ID, OTHER_ID = "01JD3Z5V8M9QK7T4W2X6Y0ABCD", "01JD3Z5V8M9QK7T4W2X6Y0ABCE"
TIME = "2026-11-20T09:30:00.000Z"
TEXT, NUMBER = {"$type": "string"}, {"$type": "integer"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with node_with(tmp_path_factory.mktemp("scenario"), FUNCTIONS) as node:
        yield node


def out(type_: int, **more: Any) -> Entry:
    return "out", {"type": type_} | more


def done(type_: int, **more: Any) -> Entry:
    return "in", {"type": type_, "status": 200} | more


def failed(type_: int, code: str, **more: Any) -> Entry:
    return "in", {"type": type_, "status": 400, "code": code, "error": "No."} | more


REGISTERED = [BEGUN, out(1, username="ann"), done(1)]
INSIDE = [*REGISTERED, out(5, room="attic"), done(5, room="attic", members=["ann", "bob"])]


def scenario(node: Node, *session: Entry) -> dict[str, Any]:
    made = json.loads(node.call("scenario", session))
    assert list(SCHEMA.iter_errors(made)) == []
    return dict(made)


def steps(node: Node, *session: Entry, before: list[Entry] = REGISTERED) -> list[Any]:
    """Return the steps of *session*, without those of the entries *before* it."""
    first = scenario(node, *before)["steps"]
    all_steps = scenario(node, *before, *session)["steps"]
    assert all_steps[: len(first)] == first
    return list(all_steps[len(first) :])


def test_usernames_stay_and_a_comment_explains_how_to_vary_them(node: Node) -> None:
    made = scenario(node, *REGISTERED)

    assert made["clients"] == {"ann": {"protocol": "chateau"}}
    assert "ann-${run} would be new in every run" in made["//"]
    assert made["steps"] == [
        {"connect": "ann"},
        {"client": "ann", "send": {"type": 1, "username": "ann"}},
        {"client": "ann", "expect": {"type": 1, "status": 200}},
    ]


def test_client_without_a_username_is_named_page(node: Node) -> None:
    made = scenario(node, BEGUN, out(4, ref=1), failed(4, "not_registered", ref=1))

    assert "//" not in made
    assert made["steps"][1:] == [
        {"client": "page", "send": {"type": 4, "ref": 1}},
        {
            "client": "page",
            "expect": {"type": 4, "status": 400, "code": "not_registered", "error": "No.", "ref": 1},
        },
    ]


def test_repeated_id_is_captured_and_times_and_seqs_match_anything(node: Node) -> None:
    message = {"sender": "ann", "room": "attic", "content": "a ${b}", "seq": 7, "id": ID, "time": TIME}
    made = steps(
        node,
        out(7, room="attic", content="a ${b}"),
        ("in", {"type": 7, "status": 200} | message),
        done(7, room="attic", seq=7, id=ID, time=TIME),
        before=INSIDE,
    )

    assert [step.get("expect") for step in made[1:]] == [
        {
            "type": 7,
            "status": 200,
            **message,
            "content": "a $${b}",
            "seq": NUMBER,
            "id": {"$capture": "id"},
            "time": TEXT,
        },
        {"type": 7, "status": 200, "room": "attic", "seq": NUMBER, "id": "${id}", "time": TEXT},
    ]


def test_seq_requested_later_is_captured(node: Node) -> None:
    published = [out(7, room="attic", content="x"), done(7, room="attic", seq=7, id=ID, time=TIME)]
    requested = [out(8, room="attic", since=9), done(8, room="attic", messages=[], complete=True)]
    made = steps(node, *requested, *published, *requested, before=INSIDE)

    sent = [step["send"]["since"] for step in made if step.get("send", {}).get("type") == 8]
    assert sent == [0, "${seq}"]
    assert made[3]["expect"]["seq"] == {"$capture": "seq"}


def test_lists_are_expected_to_contain_the_items_of_this_page(node: Node) -> None:
    own = {"sender": "ann", "room": "attic", "content": "x", "seq": 7, "id": ID, "time": TIME}
    made = steps(
        node,
        out(4),
        done(4, clients=["ann", "bob"], protocols={"ann": ["chateau"], "bob": ["lines"]}),
        out(9),
        done(9, rooms=[{"room": name, "members": 2, "available": True} for name in ("attic", "barn")]),
        out(7, room="attic", content="x"),
        done(7, room="attic", seq=7, id=ID, time=TIME),
        out(8, room="attic"),
        done(8, room="attic", messages=[own, own | {"sender": "bob", "id": OTHER_ID}], complete=True),
        before=INSIDE,
    )

    assert [step["expect"] for step in made if "expect" in step] == [
        {
            "type": 4,
            "status": 200,
            "clients": {"$contains": ["ann"]},
            "protocols": {"ann": {"$contains": ["chateau"]}},
        },
        {
            "type": 9,
            "status": 200,
            "rooms": {"$contains": [{"room": "attic", "members": NUMBER, "available": {"$type": "boolean"}}]},
        },
        {"type": 7, "status": 200, "room": "attic", "seq": NUMBER, "id": {"$capture": "id"}, "time": TEXT},
        {
            "type": 8,
            "status": 200,
            "room": "attic",
            "messages": {"$contains": [own | {"seq": NUMBER, "id": "${id}", "time": TEXT}]},
            "complete": {"$type": "boolean"},
        },
    ]


def test_recipient_registers_receives_and_unregisters_for_its_name(node: Node) -> None:
    made = steps(
        node,
        out(3, clients=["bob", "ann"], content="hi"),
        done(3, id=ID, time=TIME),
        out(2),
        done(2),
        out(1, username="Bob"),
        done(1),
    )

    assert made == [
        {"client": "bob", "send": {"type": 1, "username": "bob"}},
        {"client": "bob", "expect": {"type": 1, "status": 200}},
        {"client": "ann", "send": {"type": 3, "clients": ["bob", "ann"], "content": "hi"}},
        {"client": "ann", "expect": {"type": 3, "status": 200, "id": {"$capture": "id"}, "time": TEXT}},
        {"client": "bob", "expect": {"type": 3, "sender": "ann", "content": "hi", "id": "${id}"}},
        {"client": "ann", "send": {"type": 2}},
        {"client": "ann", "expect": {"type": 2, "status": 200}},
        {"client": "bob", "send": {"type": 2}},
        {"client": "bob", "expect": {"type": 2, "status": 200}},
        {"client": "ann", "send": {"type": 1, "username": "Bob"}},
        {"client": "ann", "expect": {"type": 1, "status": 200}},
    ]


def test_taken_name_is_registered_and_unknown_recipient_is_not(node: Node) -> None:
    made = steps(
        node,
        out(1, username="bob"),
        failed(1, "name_taken"),
        out(3, clients=["bob", "eve"], content="hi"),
        failed(3, "unknown_recipient", unknown=["bob"]),
        before=[BEGUN],
    )

    assert [(step.get("client"), step.get("send")) for step in made if "send" in step] == [
        ("bob", {"type": 1, "username": "bob"}),
        ("page", {"type": 1, "username": "bob"}),
        ("bob", {"type": 2}),
        ("eve", {"type": 1, "username": "eve"}),
        ("page", {"type": 3, "clients": ["bob", "eve"], "content": "hi"}),
    ]


def test_page_removed_from_a_room_leaves_it(node: Node) -> None:
    published = [out(7, room="attic", content="x"), failed(7, "not_in_room")]
    made = steps(node, *published, *published, before=INSIDE)

    assert [step.get("send", {}).get("type") for step in made if "expect" not in step] == [None, 6, 7, 7]
    assert made[-1]["expect"] == {
        "type": 7,
        "status": 400,
        "code": {"$one_of": ["not_in_room", "unknown_room"]},
        "error": TEXT,
    }


def test_error_caused_by_the_server_state_becomes_a_comment(node: Node) -> None:
    (made,) = steps(node, out(5, room="vault"), failed(5, "access_denied"))

    assert made == {
        "//": "a request of type 5 failed here (access_denied) because of the state of the server"
    }


def test_schema_of_an_error_response_matches_by_its_file_name(node: Node) -> None:
    schema = "/chat/schemas/chateau/join-request.json"
    made = steps(node, out(5), failed(5, "invalid_message", path="", schema=schema))

    assert made[1]["expect"]["schema"] == {"$regex": "join-request\\.json$"}


def test_frame_that_would_serialize_differently_is_sent_as_text(node: Node) -> None:
    texts = [
        '{"type":4.0}',
        '{"type":4,"$x":1}',
        '{"type":4,"a":{"//":1}}',
        "no ${x}",
        '{"a":1,"a":2}',
        "[1]",
        "12",
    ]
    session = [entry for text in texts for entry in (("out", text), failed(4, "invalid_message"))]

    sent = [step["send"] for step in steps(node, *session) if "send" in step]

    assert sent == [text.replace("${", "$${") for text in texts]


def test_lost_connection_is_reopened_and_requests_without_a_response_are_omitted(node: Node) -> None:
    lost = [out(7, room="attic", content="x"), ENDED, ENDED, BEGUN]
    made = steps(node, *lost, out(1, username="ann"), done(1), ENDED, before=INSIDE)

    assert made[:2] == [{"close": "ann"}, {"connect": "ann"}]
    assert [step.get("send", {}).get("type") for step in made[2:]] == [1, None]


def test_truncated_frame_is_not_sent_and_truncated_response_is_expected_in_part(
    node: Node,
) -> None:
    cut = {"isWhole": False}
    made = steps(
        node,
        ("out", {"type": 7, "room": "attic", "content": "long"}, cut),
        done(7, room="attic", seq=1, id=ID, time=TIME),
        out(8, room="attic", ref=9),
        ("in", {"type": 8, "status": 200, "ref": 9}, cut),
        before=INSIDE,
    )

    assert made == [
        {"client": "ann", "send": {"type": 8, "room": "attic", "ref": 9}},
        {"client": "ann", "expect": {"type": 8, "status": 200, "ref": 9}},
    ]


def test_entries_of_this_page_belong_to_its_scenario(node: Node) -> None:
    push = {"type": 7, "status": 200, "room": "attic", "content": "x", "seq": 7, "id": ID, "time": TIME}
    session = [
        BEGUN,
        out(4),
        done(4, clients=[]),
        (*out(9), {"routine": True}),
        (*done(9, rooms=[]), {"routine": True}),
        ("in", push | {"sender": "ann"}),
        ("in", push | {"sender": "bob"}),
    ]

    assert node.call("belongs", session, "ann") == [True, True, True, False, False, True, False]


def test_file_has_the_layout_of_to_scenario(node: Node) -> None:

    published = [out(3, clients=["é" * 30] * 5, content=""), done(3, id=ID, time=TIME)]
    text = node.call("scenario", [*INSIDE, *published, out(4), done(4, clients=["ann"])])

    assert text == format_scenario(json.loads(text))
