"""Which schema a frame is checked against, and what the rules between frames say."""

import json
from pathlib import Path
from typing import Any

import pytest

from chateau.client import protocols, strict_json
from chateau.client.interactive import contract
from chateau.client.interactive.contract import Contract, Fault, Frame, decode
from chateau.client.messages import Message
from chateau.client.protocols import schemas_folder
from chateau.client.transcript import Direction, Entry, Opcode

CHECKED = sorted(
    path for kind in ("response", "push") for path in (schemas_folder() / "chateau").glob(f"*-{kind}.json")
)


@pytest.fixture(scope="module")
def checks() -> Contract:
    return Contract()


def came(text: str) -> Frame:
    return decode(Entry(0, "client", Direction.RECEIVED, Opcode.TEXT, text.encode()))


def request(value: Any) -> Message:
    return Message("request.json", json.dumps(value), value)


def faults(checks: Contract, frame: Any, asked: Any = None) -> list[Fault]:
    return checks.faults(came(json.dumps(frame)), request(asked))


@pytest.mark.parametrize("path", CHECKED, ids=lambda path: path.stem)
def test_every_example_of_a_schema_is_checked_against_that_schema_and_holds(
    checks: Contract, path: Path
) -> None:
    for example in json.loads(path.read_text())["examples"]:
        frame = came(json.dumps(example))
        asked = {key: example[key] for key in ("type", "ref") if key in example}
        assert contract.schema_name(frame) == path.name
        assert checks.faults(frame, request(asked)) == []


def test_a_missing_key_is_a_fault_of_the_whole_frame(checks: Contract) -> None:
    (fault,) = faults(checks, {"type": 4, "status": 200}, {"type": 4})

    assert fault == Fault("", "'clients' is a required property", "list-response.json")


def test_the_path_is_a_json_pointer_with_its_escapes() -> None:
    assert strict_json.pointer(["a/b", "~", 0]) == "/a~1b/~0/0"
    assert strict_json.pointer([]) == ""


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        ({"type": 77, "status": 200}, "there is no schema for a response of type 77"),
        ({"status": 200}, "there is no schema for a response of type missing"),
        ({"type": "4", "status": 200}, 'there is no schema for a response of type "4"'),
        ({"type": True, "status": 200}, "there is no schema for a response of type true"),
        ([1], "there is no schema for a response of type missing"),
        ({"type": 5, "event": "flew"}, 'there is no schema for a push of type 5 and event "flew"'),
        ({"type": 5, "event": [1]}, "there is no schema for a push of type 5 and event [1]"),
        ({"type": 4, "sender": "bob"}, "there is no schema for a push of type 4"),
    ],
)
def test_unknown_frame_is_a_fault(checks: Contract, frame: Any, sentence: str) -> None:
    assert faults(checks, frame) == [Fault("", sentence)]


def test_response_of_another_type_than_its_request_is_a_fault(checks: Contract) -> None:
    (fault,) = faults(checks, {"type": 1, "status": 200}, {"type": 2})

    assert fault == Fault("/type", "the request's type is 2, its response's 1")


def test_response_without_the_ref_of_its_request_is_a_fault(checks: Contract) -> None:
    (fault,) = faults(checks, {"type": 1, "status": 200}, {"type": 1, "username": "alice", "ref": "a"})

    assert fault == Fault("/ref", "the request's ref is \"a\", its response's missing")


@pytest.mark.parametrize(
    "asked", [None, [], "x", {"type": "1"}, {"type": True, "ref": "x" * 65}, {"ref": []}]
)
def test_invalid_type_or_ref_need_not_be_in_the_error_response(checks: Contract, asked: Any) -> None:
    assert faults(checks, {"status": 400, "code": "unknown_type", "error": "What?"}, asked) == []


def test_response_without_a_request_is_a_fault(checks: Contract) -> None:
    (fault,) = checks.faults(came('{"type": 1, "status": 200}'))

    assert fault.sentence == "a response, but no request is waiting for one"


def test_a_long_sentence_is_cut(checks: Contract) -> None:
    (fault,) = faults(checks, {"type": 4, "status": 200, "clients": "x" * 9999}, {"type": 4})

    assert len(fault.sentence) == contract.MAX_SENTENCE


def test_in_a_wheel_the_schemas_are_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages" / "chateau"
    (installed / "schemas" / "chateau").mkdir(parents=True)
    monkeypatch.setattr(protocols, "__file__", str(installed / "client" / "protocols.py"))

    assert schemas_folder() == installed / "schemas"


def test_missing_schemas_are_reported_with_their_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols, "__file__", str(tmp_path / "chateau" / "client" / "protocols.py"))

    with pytest.raises(FileNotFoundError, match="no schemas in"):
        schemas_folder()


@pytest.mark.parametrize(
    "client", ["\ud800", "a" * 2, 2**70, [[]]], ids=["surrogate", "name", "integer", "list"]
)
def test_both_validators_agree(checks: Contract, client: Any) -> None:
    """jsonschema_rs decides first, because jsonschema is slow to import; the fault is found by jsonschema."""
    found = faults(checks, {"type": 4, "status": 200, "clients": [client]}, {"type": 4})

    assert [fault.path for fault in found] == ([] if isinstance(client, str) else ["/clients/0"])
