"""Schema violations: the path of the fault, its schema, and an error text of one sentence."""

import pytest
from chateau_harness import (
    LIST,
    ROOMS,
    UNREGISTER,
    URL,
    Harness,
    error_frame,
    history,
    join,
    leave,
    message,
    publish,
    register,
)
from harness import Frame

from chateau.protocols.chateau import REQUESTS

TOO_MANY_OF_THEM = message(*["x"] * 1001)

FAULTS = [
    pytest.param({"type": 1}, "", '"username" is missing from the message.', id="required"),
    pytest.param({"type": 3}, "", '"clients" is missing from the message.', id="required: the first of two"),
    pytest.param(
        {"type": 7, "room": "lobby", "contents": "hi"},
        "",
        '"content" is missing from the message.',
        id="required: what is missing comes before what is too much",
    ),
    pytest.param(
        register("bob", user="bob"),
        "/user",
        '"user" is not a key of this message; its keys are type, username, ref.',
        id="additionalProperties",
    ),
    pytest.param(
        LIST | {"clients": [], "content": "hi"},
        "/clients",
        '"clients" is not a key of this message; its keys are type, protocols, ref.',
        id="additionalProperties: the first of two",
    ),
    pytest.param(
        LIST | {"Ref": 1},
        "/Ref",
        '"Ref" is not a key of this message; its keys are type, protocols, ref.',
        id="additionalProperties: a key in another case",
    ),
    pytest.param(
        LIST | {"": 1},
        "/",
        '"" is not a key of this message; its keys are type, protocols, ref.',
        id="additionalProperties: the empty key",
    ),
    pytest.param(
        LIST | {"a/b~c": 1},
        "/a~1b~0c",
        '"a/b~c" is not a key of this message; its keys are type, protocols, ref.',
        id="additionalProperties: characters that a pointer escapes",
    ),
    pytest.param(
        LIST | {"k" * 61: 1},
        "/" + "k" * 61,
        f'"{"k" * 59}…" is not a key of this message; its keys are type, protocols, ref.',
        id="additionalProperties: a long key is cut in the sentence, not in the path",
    ),
    pytest.param(
        {"type": 1, "username": 7}, "/username", '"username" must be of the type string.', id="type: string"
    ),
    pytest.param(
        {"type": 1, "username": None}, "/username", '"username" must be of the type string.', id="type: null"
    ),
    pytest.param(
        {"type": 3, "clients": "bob", "content": "hi"},
        "/clients",
        '"clients" must be of the type array.',
        id="type: array",
    ),
    pytest.param(
        {"type": 3, "clients": ["bob", 7], "content": "hi"},
        "/clients/1",
        '"clients/1" must be of the type string.',
        id="type: in a list",
    ),
    pytest.param(
        history("lobby", limit="5"), "/limit", '"limit" must be of the type integer.', id="type: integer"
    ),
    pytest.param(
        history("lobby", since=1.5), "/since", '"since" must be of the type integer.', id="type: a fraction"
    ),
    pytest.param(
        history("lobby", since=True), "/since", '"since" must be of the type integer.', id="type: a boolean"
    ),
    pytest.param(register(""), "/username", '"username" must have at least 1 character(s).', id="minLength"),
    pytest.param(
        publish("lobby", key=""), "/key", '"key" must have at least 1 character(s).', id="minLength: a key"
    ),
    pytest.param(
        register(33 * "é"),
        "/username",
        '"username" must have at most 32 characters; it has 33.',
        id="maxLength: characters, not bytes",
    ),
    pytest.param(
        join(65 * "r"), "/room", '"room" must have at most 64 characters; it has 65.', id="maxLength: a room"
    ),
    pytest.param(
        message("bob", 33 * "b"),
        "/clients/1",
        '"clients/1" must have at most 32 characters; it has 33.',
        id="maxLength: in a list",
    ),
    pytest.param(message(), "/clients", '"clients" must have at least 1 item(s).', id="minItems"),
    pytest.param(
        TOO_MANY_OF_THEM, "/clients", '"clients" must have at most 1000 items; it has 1001.', id="maxItems"
    ),
    pytest.param(history("lobby", since=-1), "/since", '"since" must be at least 0.', id="minimum"),
    pytest.param(history("lobby", limit=0), "/limit", '"limit" must be at least 1.', id="minimum: a limit"),
    pytest.param(history("lobby", limit=1001), "/limit", '"limit" must be at most 1000.', id="maximum"),
    pytest.param(
        history("lobby", since=10**30),
        "/since",
        '"since" must be at most 9007199254740991.',
        id="maximum: 10 to the power of 30",
    ),
]


@pytest.mark.parametrize(("request_", "path", "error"), FAULTS)
def test_validation_error_has_the_path_and_the_schema(request_: Frame, path: str, error: str) -> None:
    harness = Harness("alice", inside="lobby")
    type_ = request_["type"]

    response = harness["stranger" if type_ == 1 else "alice"].ask(request_ | {"ref": "r"})

    schema = f"{URL}/{REQUESTS[type_].schema}.json"
    assert response == error_frame(type_, "invalid_message", error, path=path, schema=schema, ref="r")
    assert harness.take() == {}


NO_TIMES = [
    pytest.param("yesterday", id="a word"),
    pytest.param("", id="nothing"),
    pytest.param("2026-11-20", id="a date"),
    pytest.param("2026-11-20T09:30:00", id="no offset"),
    pytest.param("2026-11-20 09:30:00Z", id="a space for the T"),
    pytest.param("2026-11-20T09:30:00z", id="a small z"),
    pytest.param("2026-11-20T24:00:00Z", id="hour 24"),
    pytest.param("2026-11-20T09:30:60Z", id="second 60"),
    pytest.param("2026-13-20T09:30:00Z", id="month 13"),
    pytest.param("2026-11-20T09:30:00.Z", id="a point without digits"),
    pytest.param("2026-11-20T09:30:00.0000000000Z", id="ten digits of a second"),
    pytest.param("2026-11-20T09:30:00Z\n", id="a line's end behind"),
    pytest.param("٢٠٢٦-11-20T09:30:00Z", id="other digits"),
    pytest.param("2026-11-20T09:30:00+24:00", id="an offset of a day"),
]


@pytest.mark.parametrize("key", ["from", "to"])
@pytest.mark.parametrize("time", NO_TIMES)
def test_malformed_time_is_rejected_with_the_expected_format(time: str, key: str) -> None:
    response = Harness("alice", inside="lobby")["alice"].ask(history("lobby", **{key: time}))

    schema = f"{URL}/history-request.json"
    assert response == error_frame(8, "invalid_message", response["error"], path=f"/{key}", schema=schema)
    assert response["error"].startswith(f'"{key}" does not match the required format. ')
    assert "RFC 3339, with Z or an offset." in response["error"]


REQUESTS_WITHOUT_FAULT = [
    register("carol"),
    UNREGISTER,
    message("bob"),
    LIST,
    join("attic"),
    leave("lobby"),
    publish("lobby"),
    history("lobby"),
    ROOMS,
]


@pytest.mark.parametrize("request_", REQUESTS_WITHOUT_FAULT, ids=lambda request: f"type {request['type']}")
def test_unknown_keys_are_rejected_in_every_type(request_: Frame) -> None:
    harness = Harness("alice", "bob", inside="lobby")
    who = "carol" if request_["type"] == 1 else "alice"

    response = harness[who].ask(request_ | {"extra": None})

    assert (response["code"], response["path"]) == ("invalid_message", "/extra")
    assert harness.take() == {}


@pytest.mark.parametrize("request_", REQUESTS_WITHOUT_FAULT, ids=lambda request: f"type {request['type']}")
def test_missing_keys_are_rejected_in_every_type(request_: Frame) -> None:
    harness = Harness("alice", "bob", inside="lobby")
    who = "carol" if request_["type"] == 1 else "alice"

    for key in request_.keys() - {"type"}:
        response = harness[who].ask({stored: value for stored, value in request_.items() if stored != key})
        assert response["error"] == f'"{key}" is missing from the message.'
    assert harness.take() == {}
