"""Long and deeply nested messages get the same path and error text as short ones."""

import json

import pytest
from chateau_harness import Harness, history, join, message, publish, register
from harness import Frame

LONG = "x" * 5000

FAULTS = [
    pytest.param(register(33 * "x"), register(LONG), "/username", id="maxLength: the name itself is long"),
    pytest.param(message(), message(content=LONG), "/clients", id="minItems"),
    pytest.param(
        message("bob", ""), message("bob", "", content=LONG), "/clients/1", id="minLength: inside a list"
    ),
    pytest.param(
        message("bob", content=7), message("bob", content=[LONG]), "/content", id="type: another than text"
    ),
    pytest.param({"type": 1}, {"type": 1, "user": LONG}, "", id="required: and the key instead is long"),
    pytest.param(
        publish("lobby", limit=1), publish("lobby", LONG, limit=1), "/limit", id="additionalProperties"
    ),
    pytest.param(
        publish("lobby", **{"a/b~c": 1}),
        publish("lobby", LONG, **{"a/b~c": 1}),
        "/a~1b~0c",
        id="additionalProperties: with characters that a pointer escapes",
    ),
    pytest.param(
        publish("lobby", **{"\0": 1}),
        publish("lobby", LONG, **{"\0": 1}),
        "/\0",
        id="additionalProperties: a control character",
    ),
    pytest.param(
        history("lobby", **{"from": "noon"}), history("lobby", **{"from": LONG}), "/from", id="pattern"
    ),
    pytest.param(publish("lobby", ref=None), publish("lobby", LONG, ref=None), "/ref", id="anyOf"),
    pytest.param(
        join("lobby", password=1025 * "x"), join("lobby", password=LONG), "/password", id="maxLength"
    ),
]


@pytest.mark.parametrize(("short", "long", "path"), FAULTS)
def test_errors_of_long_and_short_messages_are_equal(short: Frame, long: Frame, path: str) -> None:
    harness = Harness("alice", inside="lobby")
    who = "stranger" if short["type"] == 1 else "alice"

    of_short, of_long = harness[who].ask(short), harness[who].ask(long)

    assert of_short["path"] == path
    assert of_long["path"] == path
    for number in ("33", "1025"):  # the lengths differ, of course
        of_short["error"] = of_short["error"].replace(f"it has {number}.", "it has 5000.")
    assert of_long["error"] == of_short["error"]


HOSTILE = [
    pytest.param({"type": 4, LONG: 1}, id="a long key"),
    pytest.param({"type": 4, "é" * 5000: 1}, id="a long key of other letters"),
    pytest.param({"type": 4, "/" * 5000: 1}, id="a long key that is twice as long in a pointer"),
    pytest.param({"type": 4} | {f"key {number}": 1 for number in range(1000)}, id="a thousand keys"),
    pytest.param({"type": 4, "\n" * 70: 1}, id="a key of lines"),
    pytest.param({"type": LONG}, id="a long type"),
    pytest.param({"type": 4, "ref": LONG}, id="a long ref"),
    pytest.param(register(LONG), id="a long name"),
    pytest.param(message(*[LONG] * 200), id="long names"),
    pytest.param(message(*[""] * 1001), id="1,001 empty names"),
    pytest.param(message(*[1] * 100_000), id="100,000 numbers for names"),
    pytest.param(message(*["bob"] * 200_000), id="200,000 names"),
    pytest.param(message(*[{}] * 2000, content=[[]] * 2000), id="objects for names"),
    pytest.param(join(LONG, password=[LONG]), id="a long room"),
    pytest.param({"type": 4, "a": [[[[LONG]]]]}, id="a long text inside"),
]


@pytest.mark.parametrize("request_", HOSTILE)
def test_hostile_message_is_rejected_in_one_sentence(request_: Frame) -> None:
    harness = Harness("alice")
    who = "stranger" if request_["type"] == 1 else "alice"

    assert harness[who].ask(request_)["status"] == 400  # and the sentence is checked, see Client.send


DEPTHS = [1, 50, 98, 99, 100, 101, 200, 253, 254, 255, 500, 900]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("key", ["type", "ref", "clients", "content", "odd"])
def test_deeply_nested_message_is_rejected_for_its_actual_fault(depth: int, key: str) -> None:
    nest = json.loads("[" * depth + "]" * depth)
    request = message("alice", content="hi") | {key: nest}

    response = Harness("alice")["alice"].ask(json.dumps(request))

    assert response["code"] == ("unknown_type" if key == "type" else "invalid_message")
