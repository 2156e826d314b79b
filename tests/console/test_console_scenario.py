"""A session of the page as a scenario file: what is asked for again, and what is left open. In node."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from console_node import Node, node_with
from jsonschema import Draft202012Validator

from chateau.app import schemas_folder

ANSWERS = """
import { belongs, scenarioOf } from "./scenario.js";

const asEntry = ([direction, what, more]) => {
  if (direction === "note") return { direction, what };
  const text = typeof what === "string" ? what : JSON.stringify(what);
  const { type, code, status, ref, sender } = typeof what === "string" ? {} : what;
  return { direction, text, isWhole: true, type, code, status, ref, sender, routine: false, ...more };
};

/** Entries as the wire makes them: each answer belongs to the oldest request that has none. */
function entriesOf(session) {
  const entries = session.map(asEntry);
  const waiting = [];
  for (const entry of entries) {
    if (entry.direction === "note") waiting.splice(0);
    if (entry.direction === "out") waiting.push(entry);
    if (entry.direction !== "in" || entry.sender) continue;
    entry.request = waiting.shift();
    entry.request.answer = entry;
  }
  return entries;
}

const answers = {
  scenario: (session) => scenarioOf(entriesOf(session), "A session"),
  belongs: (session, me) => entriesOf(session).map((entry) => belongs(entry, me)),
};
"""

Said = tuple[Any, ...]

SCHEMA = Draft202012Validator(json.loads((schemas_folder() / "scenario.json").read_text("utf-8")))
BEGUN: Said = ("note", "connected")
ENDED: Said = ("note", "closed")
ID, OTHER_ID = "01JD3Z5V8M9QK7T4W2X6Y0ABCD", "01JD3Z5V8M9QK7T4W2X6Y0ABCE"
TIME = "2026-11-20T09:30:00.000Z"
TEXT, NUMBER = {"$type": "string"}, {"$type": "integer"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with node_with(tmp_path_factory.mktemp("scenario"), ANSWERS) as node:
        yield node


def out(type_: int, **more: Any) -> Said:
    return "out", {"type": type_} | more


def done(type_: int, **more: Any) -> Said:
    return "in", {"type": type_, "status": 200} | more


def refused(type_: int, code: str, **more: Any) -> Said:
    return "in", {"type": type_, "status": 400, "code": code, "error": "No."} | more


REGISTERED = [BEGUN, out(1, username="ann"), done(1)]
INSIDE = [*REGISTERED, out(5, room="attic"), done(5, room="attic", members=["ann", "bob"])]


def scenario(node: Node, *session: Said) -> dict[str, Any]:
    made = json.loads(node.ask("scenario", session))
    assert list(SCHEMA.iter_errors(made)) == []
    return dict(made)


def steps(node: Node, *session: Said, behind: list[Said] = REGISTERED) -> list[Any]:
    """The steps for *session*, which follows what is *behind* it."""
    before = scenario(node, *behind)["steps"]
    after = scenario(node, *behind, *session)["steps"]
    assert after[: len(before)] == before
    return list(after[len(before) :])


def test_names_stay_and_a_comment_tells_how_to_make_them_new(node: Node) -> None:
    made = scenario(node, *REGISTERED)

    assert made["clients"] == {"ann": {"protocol": "chateau"}}
    assert "ann-${run} would be new in every run" in made["//"]
    assert made["steps"] == [
        {"connect": "ann"},
        {"client": "ann", "send": {"type": 1, "username": "ann"}},
        {"client": "ann", "expect": {"type": 1, "status": 200}},
    ]


def test_who_never_had_a_name_is_called_page(node: Node) -> None:
    made = scenario(node, BEGUN, out(4, ref=1), refused(4, "not_registered", ref=1))

    assert "//" not in made
    assert made["steps"][1:] == [
        {"client": "page", "send": {"type": 4, "ref": 1}},
        {
            "client": "page",
            "expect": {"type": 4, "status": 400, "code": "not_registered", "error": "No.", "ref": 1},
        },
    ]


def test_an_id_that_comes_again_is_captured_and_times_and_numbers_are_left_open(node: Node) -> None:
    message = {"sender": "ann", "room": "attic", "content": "a ${b}", "seq": 7, "id": ID, "time": TIME}
    told = steps(
        node,
        out(7, room="attic", content="a ${b}"),
        ("in", {"type": 7, "status": 200} | message),
        done(7, room="attic", seq=7, id=ID, time=TIME),
        behind=INSIDE,
    )

    assert [step.get("expect") for step in told[1:]] == [
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


def test_a_seq_that_is_asked_for_later_is_captured_and_anothers_is_not_asked_for(node: Node) -> None:
    said = [out(7, room="attic", content="x"), done(7, room="attic", seq=7, id=ID, time=TIME)]
    asked = [out(8, room="attic", since=9), done(8, room="attic", messages=[], complete=True)]
    told = steps(node, *asked, *said, *asked, behind=INSIDE)

    sent = [step["send"]["since"] for step in told if step.get("send", {}).get("type") == 8]
    assert sent == [0, "${seq}"]
    assert told[3]["expect"]["seq"] == {"$capture": "seq"}


def test_of_lists_only_what_is_this_pages_is_expected(node: Node) -> None:
    own = {"sender": "ann", "room": "attic", "content": "x", "seq": 7, "id": ID, "time": TIME}
    told = steps(
        node,
        out(4),
        done(4, clients=["ann", "bob"], protocols={"ann": ["chateau"], "bob": ["lines"]}),
        out(9),
        done(9, rooms=[{"room": name, "members": 2, "available": True} for name in ("attic", "barn")]),
        out(7, room="attic", content="x"),
        done(7, room="attic", seq=7, id=ID, time=TIME),
        out(8, room="attic"),
        done(8, room="attic", messages=[own, own | {"sender": "bob", "id": OTHER_ID}], complete=True),
        behind=INSIDE,
    )

    assert [step["expect"] for step in told if "expect" in step] == [
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


def test_who_was_written_to_is_brought_in_hears_it_and_goes_when_the_name_is_wanted(node: Node) -> None:
    told = steps(
        node,
        out(3, clients=["bob", "ann"], content="hi"),
        done(3, id=ID, time=TIME),
        out(2),
        done(2),
        out(1, username="Bob"),
        done(1),
    )

    assert told == [
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


def test_a_name_that_was_taken_is_taken_and_one_that_was_unknown_is_not(node: Node) -> None:
    told = steps(
        node,
        out(1, username="bob"),
        refused(1, "name_taken"),
        out(3, clients=["bob", "eve"], content="hi"),
        refused(3, "unknown_recipient", unknown=["bob"]),
        behind=[BEGUN],
    )

    assert [(step.get("client"), step.get("send")) for step in told if "send" in step] == [
        ("bob", {"type": 1, "username": "bob"}),
        ("page", {"type": 1, "username": "bob"}),
        ("bob", {"type": 2}),
        ("eve", {"type": 1, "username": "eve"}),
        ("page", {"type": 3, "clients": ["bob", "eve"], "content": "hi"}),
    ]


def test_who_was_put_out_of_a_room_leaves_it_by_itself(node: Node) -> None:
    said = [out(7, room="attic", content="x"), refused(7, "not_in_room")]
    told = steps(node, *said, *said, behind=INSIDE)

    assert [step.get("send", {}).get("type") for step in told if "expect" not in step] == [None, 6, 7, 7]
    assert told[-1]["expect"] == {
        "type": 7,
        "status": 400,
        "code": {"$one_of": ["not_in_room", "unknown_room"]},
        "error": TEXT,
    }


def test_what_only_the_house_of_that_moment_refused_is_left_out_and_told(node: Node) -> None:
    (told,) = steps(node, out(5, room="vault"), refused(5, "access_denied"))

    assert told == {"//": "a request of the type 5 was refused (access_denied) here, as the house was then"}


def test_the_schema_of_a_refusal_may_be_at_another_address(node: Node) -> None:
    schema = "/chat/schemas/chateau/join-request.json"
    told = steps(node, out(5), refused(5, "invalid_message", path="", schema=schema))

    assert told[1]["expect"]["schema"] == {"$regex": "join-request\\.json$"}


def test_what_would_not_be_the_same_when_it_is_written_again_is_sent_as_text(node: Node) -> None:
    texts = [
        '{"type":4.0}',
        '{"type":4,"$x":1}',
        '{"type":4,"a":{"//":1}}',
        "no ${x}",
        '{"a":1,"a":2}',
        "[1]",
        "12",
    ]
    session = [said for text in texts for said in (("out", text), refused(4, "invalid_message"))]

    sent = [step["send"] for step in steps(node, *session) if "send" in step]

    assert sent == [text.replace("${", "$${") for text in texts]


def test_a_lost_connection_is_closed_and_opened_again_and_what_had_no_answer_is_left_out(node: Node) -> None:
    lost = [out(7, room="attic", content="x"), ENDED, ENDED, BEGUN]
    told = steps(node, *lost, out(1, username="ann"), done(1), ENDED, behind=INSIDE)

    assert told[:2] == [{"close": "ann"}, {"connect": "ann"}]
    assert [step.get("send", {}).get("type") for step in told[2:]] == [1, None]


def test_a_frame_that_was_cut_is_not_sent_and_an_answer_is_expected_by_what_is_known_of_it(
    node: Node,
) -> None:
    cut = {"isWhole": False}
    told = steps(
        node,
        ("out", {"type": 7, "room": "attic", "content": "long"}, cut),
        done(7, room="attic", seq=1, id=ID, time=TIME),
        out(8, room="attic", ref=9),
        ("in", {"type": 8, "status": 200, "ref": 9}, cut),
        behind=INSIDE,
    )

    assert told == [
        {"client": "ann", "send": {"type": 8, "room": "attic", "ref": 9}},
        {"client": "ann", "expect": {"type": 8, "status": 200, "ref": 9}},
    ]


def test_what_belongs_is_what_this_page_did(node: Node) -> None:
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

    assert node.ask("belongs", session, "ann") == [True, True, True, False, False, True, False]


def test_the_file_is_laid_out_as_to_scenario_does(node: Node) -> None:
    from chateau.client.recordings.to_scenario import format_scenario

    said = [out(3, clients=["é" * 30] * 5, content=""), done(3, id=ID, time=TIME)]
    text = node.ask("scenario", [*INSIDE, *said, out(4), done(4, clients=["ann"])])

    assert text == format_scenario(json.loads(text))
