"""Any text gets exactly one response that matches its schema, and two validators agree on every message."""

from __future__ import annotations

import copy
import json
from typing import Any

from chateau_harness import SCHEMA_SET, Harness
from generated import examples
from harness import Frame
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_validator import reference

from chateau.protocols.chateau import REQUESTS

TEXTS = st.text(max_size=20)
ODD_NUMBERS = st.sampled_from([0, -1, 1.0, 2.5, 1e30, -0.0, 2**53, 2**63, 10**30, 1e308])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ODD_NUMBERS
    | TEXTS
    | st.sampled_from(["alice", "lobby", "2026-11-20T09:30:00Z", "x" * 33, "a\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
EXAMPLES: list[Frame] = [
    example
    for name, schema in SCHEMA_SET.schemas.items()
    if name.endswith("-request")
    for example in schema["examples"]
]
KEYS = st.sampled_from(sorted({key for example in EXAMPLES for key in example}))


@st.composite
def nearly_valid(draw: st.DrawFn) -> Any:
    """Generate a request from an example of the schemas, with a few random changes."""
    request = copy.deepcopy(draw(st.sampled_from(EXAMPLES)))
    for _ in range(draw(st.integers(0, 3))):
        key = draw(KEYS | TEXTS)
        if draw(st.booleans()):
            request.pop(key, None)
        else:
            request[key] = draw(VALUES | st.lists(VALUES, min_size=1, max_size=2))
    return request


def server_with_two_clients() -> Harness:
    return Harness("alice", "bob", inside="lobby")


def responses_to(harness: Harness, text: str) -> list[Frame]:
    """Return the frames for alice except pushes; each was checked against its schema."""
    harness["alice"].send(text)
    return [frame for frame in harness["alice"].mailbox.take() if not {"sender", "event"} & frame.keys()]


@settings(max_examples=examples(800))
@given(text=st.text() | VALUES.map(json.dumps))
def test_any_text_or_json_gets_exactly_one_response(text: str) -> None:
    assert len(responses_to(server_with_two_clients(), text)) == 1


@settings(max_examples=examples(800))
@given(requests=st.lists(nearly_valid(), min_size=1, max_size=4))
def test_nearly_valid_requests_get_one_response_each(requests: list[Any]) -> None:
    harness = server_with_two_clients()

    for request in requests:
        assert len(responses_to(harness, json.dumps(request))) == 1


@settings(max_examples=examples(1000))
@given(request_=nearly_valid() | VALUES)
def test_jsonschema_and_jsonschema_rs_agree(request_: Any) -> None:
    for row in REQUESTS.values():
        read = json.loads(json.dumps(request_), parse_int=number)
        assert SCHEMA_SET.validator(row.schema)(read) == reference(SCHEMA_SET, row.schema).is_valid(read)


def number(digits: str) -> int | float:
    """Return an integer as orjson decodes it: a double beyond 64 bits."""
    value = int(digits)
    return value if -(2**63) <= value < 2**64 else float(value)
