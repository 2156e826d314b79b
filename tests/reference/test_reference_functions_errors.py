"""The functions protocol responds with the errors that the reference shows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from functions_harness import RETRIEVE, SCHEMA_SET, Harness
from made_pages import sources
from situations import RATE, TRIES, error_text, listed, nothing, situation

from chateau.hub.access import RULES_LIMIT
from chateau.hub.errors import Unavailable
from chateau.protocols import functions
from chateau.protocols.error_catalog import ANY
from chateau.protocols.functions import FUNCTIONS
from chateau.protocols.functions_errors import ERRORS
from chateau.reference.messages import ErrorEncoder


def wrong_keys(harness: Harness) -> None:
    harness.hub.access.guesses.waiting_limit = 0
    for _ in range(TRIES):
        harness["alice"].send(RETRIEVE | {"secret_key": "a guess"})


def many_rules(harness: Harness) -> None:
    alice = harness["alice"].peer.session
    for number in range(RULES_LIMIT):
        harness.hub.access.allow(alice, f"10.0.{number // 256}.{number % 256}")
        harness.hub.access.block(alice, f"10.0.{number // 256}.{number % 256}")


def failed_store(harness: Harness) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("Messages cannot be stored right now; try again later.")

    harness.hub.register = fail


def broken(harness: Harness) -> None:
    harness.hub.sessions = lambda *_: 1 / 0


def hurry(harness: Harness) -> None:
    for _ in range(2 * RATE):
        harness["alice"].send(RETRIEVE)


SITUATIONS: dict[str, Callable[[Harness], None]] = {
    "Too many wrong keys": wrong_keys,
    "addresses of each kind": many_rules,
    "cannot be stored right now": failed_store,
    "This address is banned": lambda harness: harness.hub.access.ban("192.0.2.1"),
    "Too many messages": hurry,
    "Internal server error": broken,
    "": nothing,
}

TOO_LARGE = {
    "send_message-request": {"message": "x" * 1_048_000},
    "set_custom_variables-request": {"custom_variables": {"a": "x" * 16_393}},
}


@pytest.mark.parametrize(("name", "number"), listed(ERRORS))
def test_a_call_gets_the_error_that_the_reference_shows(
    name: str, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    case = ERRORS[name][number]
    example = None if name == ANY else SCHEMA_SET.schemas[name]["examples"][0]
    (row,) = ErrorEncoder.of_protocol(sources(), functions.SPEC).rows((case,), example)
    request = example if case.sent is None else case.sent
    harness = Harness("alice", max_rate=RATE)
    situation(SITUATIONS, name, error_text(case, request, SCHEMA_SET))(harness)
    harness.take()

    response = harness["alice"].ask(sent_for(row.code, name, request))

    assert without_sizes(response) == without_sizes(json.loads(row.response))
    assert response["code"] == row.code


def sent_for(code: str, name: str, request: Any) -> Any:
    """Return the frame for *request*; the page omits the content of a frame that is too large."""
    if code == "binary_frame":
        return b"\0"
    return request | TOO_LARGE[name] if code == "too_large" else request


def without_sizes(response: dict[str, Any]) -> dict[str, Any]:
    """Return *response* without a size that depends on the sender's custom variables."""
    return response | {"error": re.sub(r"may have \d{7} bytes", "may have so many bytes", response["error"])}


def test_every_function_has_errors() -> None:
    assert ERRORS.keys() == {row.schema for row in FUNCTIONS.values()} | {ANY}


def test_every_code_of_the_schema_is_an_error() -> None:
    rows = [
        row
        for name, cases in ERRORS.items()
        for row in ErrorEncoder.of_protocol(sources(), functions.SPEC).rows(
            cases, SCHEMA_SET.schemas[name]["examples"][0] if name else {}
        )
    ]

    assert {row.code for row in rows} == set(
        SCHEMA_SET.schemas["error-response"]["properties"]["code"]["enum"]
    )
