"""Any text or bytes get exactly one response that matches its schema, and nothing is logged."""

from __future__ import annotations

import copy
import json
from typing import Any

from functions_harness import KEY, SCHEMA_SET, Harness
from generated import examples
from harness import Frame
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_validator import reference

from chateau.protocols.functions import FUNCTIONS

TEXTS = st.text(max_size=20)
ADDRESSES = st.ip_addresses().map(str) | st.sampled_from(
    [
        "0.0.0.0/0",
        "::/0",
        "::ffff:1.2.3.4/97",
        "fe80::1%eth0",
        "fe80::1%a/64",
        "1.2.3.4/255.0.0.0",
        "0/0",
        "%",
        "::%",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, 1, 1.0, -0.0, 2**53, 2**63, 10**30, 1e308, 1e15])
    | TEXTS
    | ADDRESSES
    | st.sampled_from([KEY, "private", "public", "0", "1", "Bob", "x" * 33]),
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
    """Generate a call from an example of the schemas, with a few random changes."""
    request = copy.deepcopy(draw(st.sampled_from(EXAMPLES)))
    if draw(st.booleans()):
        request["secret_key"] = KEY
    if "ip" in request:
        request["ip"] = draw(ADDRESSES | TEXTS)
    for _ in range(draw(st.integers(0, 2))):
        key = draw(KEYS | TEXTS)
        if draw(st.booleans()):
            request.pop(key, None)
        else:
            request[key] = draw(VALUES | st.lists(VALUES, min_size=1, max_size=2))
    return request


def responses_to(harness: Harness, text: str) -> list[Frame]:
    """Return the frames for ``a`` except pushes; each was checked against its schema."""
    harness["a"].send(text)
    return [frame for frame in harness["a"].mailbox.take() if "callback" in frame]


@settings(max_examples=examples(400))
@given(text=st.text() | VALUES.map(json.dumps) | st.text(st.characters(categories=["Cs"]), min_size=1))
def test_any_text_or_json_gets_exactly_one_response(text: str) -> None:
    assert len(responses_to(Harness("a", "b"), text)) == 1


@settings(max_examples=examples(100))
@given(payload=st.binary())
def test_any_binary_frame_gets_exactly_one_response(payload: bytes) -> None:
    assert Harness("a")["a"].ask(payload)["code"] == "binary_frame"


@settings(max_examples=examples(800))
@given(requests=st.lists(nearly_valid(), min_size=1, max_size=4))
def test_nearly_valid_calls_get_one_response_each(requests: list[Any]) -> None:
    harness = Harness("a", "b")

    for request in requests:
        assert len(responses_to(harness, json.dumps(request))) == 1


@settings(max_examples=examples(400))
@given(request_=nearly_valid() | VALUES)
def test_jsonschema_and_jsonschema_rs_agree(request_: Any) -> None:
    for row in FUNCTIONS.values():
        read = json.loads(json.dumps(request_), parse_int=number)
        assert SCHEMA_SET.validator(row.schema)(read) == reference(SCHEMA_SET, row.schema).is_valid(read)


def number(digits: str) -> int | float:
    """Return an integer as orjson decodes it: a double beyond 64 bits."""
    value = int(digits)
    return value if -(2**63) <= value < 2**64 else float(value)
