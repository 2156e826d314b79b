"""Faults: what the server reports is what jsonschema finds, and finding it has a bounded cost.

The cost is counted in calls of functions and in characters, not in time: both have to be the same for
messages of every size.
"""

from __future__ import annotations

import copy
import gc
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness import check_sentence
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference_validator import reference, reference_fault

from chateau.hub.errors import HubError
from chateau.protocols.faults import SchemaParts, first_invalid
from chateau.protocols.json_text import decode
from chateau.protocols.publications import check_payload, read_bulk
from chateau.protocols.schemas import SchemaSet, schemas_folder

FOLDERS = sorted(path for path in schemas_folder().iterdir() if path.is_dir())
SETS = {folder.name: SchemaSet(folder, url=f"/schemas/{folder.name}") for folder in FOLDERS}
MESSAGES = [
    (protocol, name) for protocol, schemas in SETS.items() for name in schemas.schemas if name != "common"
]

TEXTS = st.text(max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, 1, 1.0, 2.5, -0.0, 1e300, 2**53, 400, "", "a\n", "x" * 70, "é" * 33, "7", "text"])
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def containers(value: Any) -> list[Any]:
    """Return the objects and arrays in *value*, itself included."""
    found = [value] if isinstance(value, dict | list) else []
    for container in found:  # it grows
        inner = container.values() if isinstance(container, dict) else container
        found.extend(item for item in inner if isinstance(item, dict | list))
    return found


@st.composite
def nearly_valid(draw: st.DrawFn) -> tuple[str, str, Any]:
    """Draw a protocol, the name of a schema, and one of its examples with one to four changes anywhere."""
    protocol, name = draw(st.sampled_from(MESSAGES))
    message = copy.deepcopy(draw(st.sampled_from(SETS[protocol].schemas[name]["examples"])))
    if not isinstance(message, dict):
        return protocol, name, draw(VALUES)
    for _ in range(draw(st.integers(1, 4))):
        container = draw(st.sampled_from(containers(message)))
        keys = list(container) if isinstance(container, dict) else list(range(len(container)))
        place = draw(st.sampled_from(keys)) if keys else None
        value = draw(VALUES)
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "add" or place is None:
            if isinstance(container, dict):
                container[draw(TEXTS)] = value
            else:
                container.append(value)
        elif change == "remove":
            del container[place]
        else:
            container[place] = value
    return protocol, name, message


@settings(max_examples=1000)
@given(drawn=nearly_valid())
def test_fault_is_the_one_that_jsonschema_considers_most_relevant(drawn: tuple[str, str, Any]) -> None:
    protocol, name, message = drawn
    schemas, validator = SETS[protocol], reference(SETS[protocol], name)
    is_valid = validator.is_valid(message)
    assert schemas.validator(name)(message) == is_valid
    if is_valid:
        return
    expected = reference_fault(validator, message)

    error = schemas.validation_error(name, message)

    if expected is not None:
        assert error.path == expected.path
        assert expected.mark in str(error)
    check_sentence(str(error), json.dumps(message))


@pytest.mark.parametrize(("protocol", "name"), MESSAGES)
def test_every_message_is_explained_without_any_key(protocol: str, name: str) -> None:
    schemas = SETS[protocol]

    for message in (None, [], {}, {"": 0}, "x", 7):
        if not schemas.validator(name)(message):
            expected = reference_fault(reference(schemas, name), message)
            error = schemas.validation_error(name, message)
            assert expected is None or (error.path, expected.mark in str(error)) == (expected.path, True)
            check_sentence(str(error), json.dumps(message))


def test_key_that_must_be_absent_is_reported_with_its_path() -> None:
    message = {"status": 400, "code": "unknown_type", "error": "x", "path": "/a"}

    error = SETS["chateau"].validation_error("error-response", message)

    assert (str(error), error.path) == ('"path" must be absent.', "/path")


SEVERAL = [
    pytest.param(
        "chateau", "message-request", {"type": 3, "clients": ["a", "", 7, ""], "content": ""}, "/clients/1"
    ),
    pytest.param("chateau", "message-request", {"type": 3, "clients": [""] * 30, "content": 7}, "/content"),
    pytest.param("chateau", "join-request", {"type": 5, "room": "", "password": 7, "ref": 7.5}, "/room"),
    pytest.param("channels", "broadcast-request", {"b": [], "z": [{}], "a": 7}, "/z/0"),
    pytest.param("channels", "broadcast-request", {"a": [{"json": 1}, {"text": 1}, 7]}, "/a/1"),
    pytest.param(
        "functions", "send_message-request", {"function": "send_message", "recipient_ids": [{}]}, ""
    ),
]


@pytest.mark.parametrize(("protocol", "name", "message", "path"), SEVERAL)
def test_outer_fault_is_reported_and_the_first_one_in_a_list(
    protocol: str, name: str, message: Any, path: str
) -> None:
    assert SETS[protocol].validation_error(name, message).path == path


@given(invalid=st.sets(st.integers(0, 300), min_size=1), length=st.integers(1, 300))
def test_first_invalid_value_is_found(invalid: set[int], length: int) -> None:
    def are_valid(values: object) -> bool:
        assert isinstance(values, list)
        return invalid.isdisjoint(values)

    first = min(invalid)
    assert first_invalid(range(length), are_valid) == (first if first < length else None)


def test_key_of_more_than_256_characters_is_not_part_of_the_path() -> None:
    for length, path in ((256, "/" + "k" * 256), (257, "")):
        error = SETS["chateau"].validation_error("list-request", {"type": 4, "k" * length: 1})
        assert error.path == path
        assert str(error).startswith(f'"{"k" * 59}…" is not a key of this message; its keys are ')
        error = SETS["channels"].validation_error("broadcast-request", {"k" * length: [7]})
        assert error.path == (f"{path}/0" if path else "")
        assert str(error).startswith(f'"{"k" * 59}…" matches none of the allowed forms. ')


# Schemas of other protocols, with keywords that those here do not have

URL = "http://localhost:8888/schemas/other/"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
COMMON = {
    "$schema": DIALECT,
    "$id": f"{URL}common.json",
    "$defs": {"name": {"type": "string", "maxLength": 3}},
}
NAME = {"$ref": "common.json#/$defs/name"}
OTHER: list[dict[str, Any]] = [
    {"patternProperties": {"^a": NAME}, "additionalProperties": False},
    {"patternProperties": {"^a": NAME}, "additionalProperties": {"type": "integer"}},
    {"properties": {"a": NAME}, "additionalProperties": {"type": "integer"}},
    {"properties": {"a": NAME, "/": True, "~ é": False, "%": {"items": NAME}}},
    {"additionalProperties": False},
    {"prefixItems": [NAME, {"type": "integer"}], "items": False},
    {"type": "array", "contains": NAME, "minContains": 1, "maxContains": 2, "uniqueItems": True},
    {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"b": {"required": ["c"]}}},
    {"allOf": [{"properties": {"a": NAME}}], "unevaluatedProperties": False, "minProperties": 1},
    {"allOf": [{"prefixItems": [NAME]}], "unevaluatedItems": False, "maxProperties": 1},
    {"not": {"$ref": "#/$defs/bad"}, "$defs": {"bad": {"type": ["integer", "null"]}}},
    {"oneOf": [NAME, {"type": "string", "minLength": 2}, {"$ref": "#/$defs/list"}], "$defs": {"list": True}},
    {"oneOf": [{"const": {"a": 1}}, {"enum": [[], {"a": {}}, 1]}, {"type": "array", "items": NAME}]},
    {"const": {"a": [1]}},
    {"propertyNames": NAME, "additionalProperties": {"$ref": "#"}, "type": ["object", "string"]},
    {
        "if": {"type": "object"},
        "then": {"required": ["a"]},
        "else": {"exclusiveMinimum": 3, "type": "number"},
    },
    {"items": {"items": {"anyOf": [{"type": "null"}] * 50}}},
    {"if": {"type": "string"}, "then": {"minLength": 2}, "items": NAME},
]
NAMES = st.sampled_from(["a", "b", "ab", "/", "~ é", "%", "long"])
OTHER_VALUES = st.recursive(
    st.sampled_from([None, True, 0, 1, 4.5, "", "x", "xx", "long"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> SchemaSet:
    folder = tmp_path_factory.mktemp("other")
    (folder / "common.json").write_text(json.dumps(COMMON))
    for number, schema in enumerate(OTHER):
        named = {"$schema": DIALECT, "$id": f"{URL}{number}.json", **schema}
        (folder / f"{number}.json").write_text(json.dumps(named))
    return SchemaSet(folder, url="/schemas/other")


def at_pointer(message: Any, path: str) -> Any:
    """Return the value at *path*, a JSON Pointer, of *message*."""
    for written in path.split("/")[1:]:
        step = written.replace("~1", "/").replace("~0", "~")
        message = message[int(step) if isinstance(message, list) else step]
    return message


@settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, len(OTHER) - 1), message=OTHER_VALUES)
def test_every_keyword_is_explained(others: SchemaSet, number: int, message: Any) -> None:
    name = str(number)
    is_valid = reference(others, name).is_valid(message)
    assert others.validator(name)(message) == is_valid
    if not is_valid:
        error = others.validation_error(name, message)
        at_pointer(message, error.path)
        check_sentence(str(error), json.dumps(message))


OTHER_FAULTS = [
    pytest.param(2, {"b": 1, "c": "x", "a": "x"}, '"c" must be of the type integer.', id="another key"),
    pytest.param(2, {"b": 1, "a": "long"}, '"a" must have at most 3 characters', id="not another key"),
    pytest.param(3, {"~ é": 1}, '"~ é" must be absent.', id="a name that a JSON Pointer escapes"),
    pytest.param(3, {"%": ["a", "long"]}, '"%/1" must have at most 3 characters; it has 4.', id="a percent"),
    pytest.param(4, {"a": 1}, '"a" is not a key of this message; it has no keys.', id="no keys"),
    pytest.param(11, "xx", "the message matches none of the allowed forms, or several", id="several forms"),
    pytest.param(0, {"a": 1}, 'the message violates the keyword "patternProperties"', id="a joint keyword"),
    pytest.param(16, [[None, 1]], '"0/1" matches none of the allowed forms.', id="50 forms"),
    pytest.param(
        14, {"long": {}}, 'the message violates the keyword "propertyNames"', id="a schema of names"
    ),
    pytest.param(15, 1, 'the message violates the keyword "exclusiveMinimum"', id="a condition on a number"),
    pytest.param(17, ["a", "long"], '"1" must have at most 3 characters', id="no condition for it"),
]


@pytest.mark.parametrize(("number", "message", "sentence"), OTHER_FAULTS)
def test_fault_by_another_keyword(others: SchemaSet, number: int, message: Any, sentence: str) -> None:
    assert str(others.validation_error(str(number), message)).startswith(sentence)


# The cost

LIMIT = 500
"""Maximum number of calls, of Python's and of built-in functions. Many of them search a list by halves."""


def calls_of(run: Callable[[], object]) -> Counter[str]:
    """Return the functions that *run* calls, with the numbers of their calls."""
    calls: Counter[str] = Counter()

    def count(_frame: Any, event: str, function: Any) -> None:
        if event in ("call", "c_call"):
            calls[event if event == "call" else str(function)] += 1

    gc.disable()  # it has callbacks, which would be counted
    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls


def with_unknown_keys(number: int) -> dict[str, Any]:
    return {"type": 4} | {f"key {each}": 1 for each in range(number)}


def to_clients(*clients: Any) -> dict[str, Any]:
    return {"type": 3, "clients": [*clients], "content": ""}


def to_ids(*ids: Any) -> dict[str, Any]:
    return {"function": "send_message", "recipient_ids": [*ids], "message": ""}


def nest(levels: int) -> Any:
    value: Any = 7
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return value


GROWING: list[Any] = [
    pytest.param("chateau", "list-request", lambda n: {"type": 4, "k" * n: 1}, id="a long key"),
    pytest.param("chateau", "list-request", lambda n: {"type": 4, "~/" * n: 1}, id="a key of escapes"),
    pytest.param("chateau", "list-request", with_unknown_keys, id="unknown keys"),
    pytest.param("chateau", "list-request", lambda n: {"type": 4, "a": [{"a": 1}] * n}, id="objects (R13)"),
    pytest.param("chateau", "list-request", lambda n: {"type": 4, "ref": ["x"] * n}, id="a list as the ref"),
    pytest.param("chateau", "list-request", lambda n: {"type": 4, "ref": "x" * n}, id="a long ref"),
    pytest.param("chateau", "list-request", lambda n: {"type": 4, "ref": nest(min(n, 900))}, id="a deep ref"),
    pytest.param("chateau", "list-request", lambda n: {"type": 4, "a": nest(min(n, 900))}, id="a deep value"),
    pytest.param("chateau", "register-request", lambda n: {"type": 1, "username": "x" * n}, id="a long name"),
    pytest.param("chateau", "register-request", lambda n: {"type": 1, "username": 10**n}, id="a long number"),
    pytest.param("chateau", "register-request", lambda n: {"type": 1, "user": "x" * n}, id="a missing key"),
    pytest.param("chateau", "message-request", lambda n: to_clients(*["a"] * n, 7), id="recipients (R7)"),
    pytest.param("chateau", "message-request", lambda n: to_clients(*[7] * n), id="wrong recipients"),
    pytest.param(
        "chateau",
        "message-request",
        lambda n: to_clients(*["a"] * min(n, 999), 7),
        id="the last of 1,000 recipients",
    ),
    pytest.param(
        "chateau", "history-request", lambda n: {"type": 8, "room": "r", "to": "9" * n}, id="a time"
    ),
    pytest.param("functions", "send_message-request", lambda n: to_ids(*["7"] * n, None), id="ids"),
    pytest.param(
        "functions", "send_message-request", lambda n: to_ids(*["7"] * min(n, 999), None), id="the last id"
    ),
    pytest.param("functions", "send_message-request", lambda n: to_ids(*[{}] * n), id="wrong ids"),
    pytest.param(
        "functions",
        "set_custom_variables-request",
        lambda n: {"function": "set_custom_variables", "custom_variables": [{}] * n},
        id="a list of variables",
    ),
    pytest.param("opcodes", "message-request", lambda n: {"op": 1, "d": {"c" * n: [1] * n}}, id="no content"),
    pytest.param("opcodes", "message-request", lambda n: {"op": 1, "d": ["x"] * n}, id="d is a list"),
    pytest.param("channels", "broadcast-request", lambda n: {"c" * n: [7]}, id="a long channel"),
    pytest.param("channels", "broadcast-request", lambda n: {"c": [{"text": 7}] * n}, id="wrong packages"),
    pytest.param(
        "channels", "broadcast-request", lambda n: {"c": [{"json": 7}] * n + [7]}, id="the last package"
    ),
    pytest.param(
        "channels",
        "broadcast-request",
        lambda n: {f"c{each}": [] for each in range(n)} | {"z": 7},
        id="the last channel",
    ),
    pytest.param("channels", "broadcast-request", lambda n: [[]] * n, id="a list for the channels"),
    pytest.param("admin", "kick-request", lambda n: {"session": "7" * n, "reason": None}, id="a session"),
    pytest.param("admin", "kick-request", lambda n: {"session": "7", "reason": ["x"] * n}, id="a reason"),
]


@pytest.mark.parametrize(("protocol", "name", "message_of"), GROWING)
def test_cost_of_an_explanation_does_not_depend_on_the_size_of_the_message(
    protocol: str, name: str, message_of: Callable[[int], Any]
) -> None:
    schemas = SETS[protocol]
    schemas.validation_error(name, message_of(2000))  # it compiles the validators

    for size in (2000, 100_000):
        message = message_of(size)
        calls = calls_of(lambda message=message: schemas.validation_error(name, message))
        assert calls.total() <= LIMIT, calls
        error = schemas.validation_error(name, message)
        assert len(str(error)) <= 300
        assert len(error.path) <= 600


FILLINGS: list[Any] = [
    pytest.param(lambda n: "x" * n, id="a long string"),
    pytest.param(lambda n: "\ufdfa/~" * n, id="a string of escapes"),
    pytest.param(lambda n: 10**n, id="a long number"),
    pytest.param(lambda n: [""] * n, id="strings"),
    pytest.param(lambda n: ["a"] * n + [None], id="one wrong item at the end"),
    pytest.param(lambda n: [{"a": [1]}] * n, id="objects"),
    pytest.param(lambda n: {f"k{each}": each for each in range(n)}, id="unknown keys"),
    pytest.param(lambda n: {f"k{each}": {} for each in range(n)} | {"z": [7]}, id="the last key"),
    pytest.param(lambda n: nest(min(n, 900)), id="nesting"),
]


def values_in(value: Any) -> int:
    """Return the number of values in *value*, itself included."""
    return 1 + sum(map(len, containers(value)))


def filled(schema: Any, filling: Any) -> Iterator[Any]:
    """Yield an example of *schema* in which one value, at any place or at an unknown key, is *filling*."""
    yield filling
    example = max(copy.deepcopy(schema["examples"]), key=lambda each: len(json.dumps(each)))
    for container in containers(example):
        keys = [*container, "unknown"] if isinstance(container, dict) else range(len(container))
        for key in keys:
            before = None if key == "unknown" else container[key]
            container[key] = filling
            yield example
            if key == "unknown":
                del container[key]
            else:
                container[key] = before


REQUESTS = [(protocol, name) for protocol, name in MESSAGES if name.endswith("-request")]
EACH_VALUE = frozenset(
    ("$ref", "items", "additionalProperties", "propertyNames", "anyOf", "oneOf", "const", "enum")
)
"""Keywords that can look at each value in a value; others take the same time for values of any size."""


@pytest.mark.parametrize("filling", FILLINGS)
@pytest.mark.parametrize(("protocol", "name"), REQUESTS)
def test_work_of_an_explanation_is_at_most_that_of_a_few_validations(
    protocol: str, name: str, filling: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = SchemaParts.compiled
    judged: list[int] = []

    def counting(parts: SchemaParts, schema: Any) -> Callable[[object], bool]:
        is_valid = compiled(parts, schema)

        def count(value: object) -> bool:
            judged.append(values_in(value) if EACH_VALUE & {*schema} else 1)
            return is_valid(value)

        return count

    monkeypatch.setattr(SchemaParts, "compiled", counting)
    schemas = SchemaSet(schemas_folder() / protocol, url="/schemas")
    for message in filled(schemas.schemas[name], filling(1500)):
        if not schemas.validator(name)(message):
            judged.clear()
            error = schemas.validation_error(name, message)
            assert len(judged) <= 200
            assert sum(judged) <= 4 * values_in(message) + 200
            assert len(str(error)) <= 400


LARGE_TEXTS = [
    pytest.param("[" + ",".join(['{"a":1}'] * 129_000) + "]", id="R13"),
    pytest.param('{"type":4,"a":[' + ",".join(['{"a":1}'] * 129_000) + "]}", id="R13 in an object"),
    pytest.param('{"type":4,"a":[' + ",".join(["[]"] * 300_000) + "]}", id="empty lists"),
    pytest.param(
        '{"type":4,"x":"' + "x" * 500_000 + '","a":[' + ",".join(["{}"] * 150_000) + "]}", id="late"
    ),
    pytest.param('{"type":4,"x":"\\\\\\"","a":[' + ",".join(["{}"] * 300_000) + "]}", id="after escapes"),
    pytest.param("{" + ",".join(f'"k{each}":1' for each in range(90_000)) + "}", id="keys"),
    pytest.param('{"a":1,"a":[' + ",".join(['{"a":1}'] * 4000) + "]}", id="a duplicate key of many"),
    pytest.param('{"a":"' + ":," * 500_000 + '","b":1,"b":2}', id="a duplicate key behind colons"),
    pytest.param("[" * 1_000_000, id="open lists"),
    pytest.param('{"type":' * 130_000, id="open objects"),
    pytest.param('{"type": 1e400' + "0" * 100_000 + "}", id="a number beyond a double"),
    pytest.param('{"type": ' + "9" * 100_000 + "}", id="an integer beyond a double"),
    pytest.param('{"type": NaN, "x": "' + "x" * 1_000_000 + '"}', id="NaN"),
    pytest.param('{"x": "' + "x" * 1_000_000 + "\\ud800" + '"}', id="a lone surrogate"),
]


@pytest.mark.parametrize("text", LARGE_TEXTS)
def test_text_that_cannot_be_read_is_refused_without_its_values(text: str) -> None:
    def refuse() -> None:
        with pytest.raises(HubError) as refused:
            decode(text)
        check_sentence(str(refused.value), text)

    refuse()
    assert calls_of(lambda: _is_refused(text)).total() <= LIMIT


def _is_refused(text: str) -> bool:
    try:
        decode(text)
    except HubError:
        return True
    raise AssertionError("it was decoded")


BODIES = [
    pytest.param(b"[" + b",".join([b'{"a":1}'] * 129_000) + b"]", id="R13"),
    pytest.param(b'{"c": [' + b",".join([b'{"text": 7}'] * 80_000) + b"]}", id="wrong packages"),
    pytest.param(b"{" + b",".join(b'"c%d": 7' % each for each in range(80_000)) + b"}", id="wrong channels"),
]


@pytest.mark.parametrize("body", BODIES)
def test_large_bulk_body_is_refused_without_a_call_per_value(body: bytes) -> None:
    def refuse() -> None:
        with pytest.raises(HubError):
            read_bulk(body, SETS["channels"])

    refuse()
    assert calls_of(refuse).total() <= LIMIT


PACKAGES = [
    pytest.param(b"[" + b",".join([b'{"a":1}'] * 129_000), id="R13 without its end"),
    pytest.param(b"[" * 900_000, id="open lists"),
    pytest.param(b'{"a":"' + b"x" * 900_000, id="an open string"),
    pytest.param(b'"' + b"x" * 900_000 + b'\xff"', id="no UTF-8"),
    pytest.param(b"\n" * 900_000, id="lines only"),
]


@pytest.mark.parametrize("payload", PACKAGES)
def test_large_package_that_is_no_json_is_refused_without_a_call_per_value(payload: bytes) -> None:
    def refuse() -> None:
        with pytest.raises(HubError) as refused:
            check_payload("json", payload)
        assert len(str(refused.value)) <= 200

    refuse()
    assert calls_of(refuse).total() <= LIMIT
