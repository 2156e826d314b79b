"""The admin API responds with the errors that the reference shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from admin_harness import ADDRESS, KEY, SCHEMA_SET, AdminHarness
from made_pages import sources
from situations import TRIES, WorkingStore, error_text, listed, nothing, situation

from chateau.hub.errors import HubError
from chateau.net import admin_api
from chateau.net.media import check_media
from chateau.protocols.admin import ACTIONS, error_response, status_of
from chateau.protocols.admin_errors import BODY_BYTES, ERRORS
from chateau.protocols.error_catalog import ANY, ENCODED
from chateau.protocols.json_text import encode
from chateau.reference.http_pages import admin_errors

ELSEWHERE = ("no such address", "A body may have", "Internal server error", "shutting down")
"""Words of the errors of the HTTP handlers: see test_net_reference_pages.py."""


def protocol_errors() -> list[tuple[str, int]]:
    """Return the cases whose errors the protocol reports."""
    return [
        (name, number)
        for name, number in listed(ERRORS)
        if not any(words in sentence(name, number) for words in ELSEWHERE)
    ]


def sentence(name: str, number: int) -> str:
    """Return the error text of a case."""
    return error_text(ERRORS[name][number], request(name, number), SCHEMA_SET)


def request(name: str, number: int) -> Any:
    """Return the request of a case."""
    case = ERRORS[name][number]
    return example(name) if case.sent is None else case.sent


def example(name: str) -> Any:
    """Return the request for a case without a request of its own."""
    return SCHEMA_SET.schemas.get(f"{name}-request", {"examples": [{}]})["examples"][0]


def lobby(harness: AdminHarness) -> None:
    harness.connect("alice", "lobby")


def full(harness: AdminHarness) -> None:
    lobby(harness)
    harness.hub._store.fails_to = "store"


def banned(harness: AdminHarness) -> None:
    harness.connect("bob", "lobby")
    harness.connect("carol", "lobby")
    harness.hub.rooms.ban("lobby", "bob")


def guesses(harness: AdminHarness) -> None:
    for _ in range(TRIES):
        with pytest.raises(HubError):
            harness.admin.admit("a guess", ADDRESS, harness)
    harness.hub.access.guesses.close()  # attempts over the limit are refused, as those that are too many


SITUATIONS: dict[str, Callable[[AdminHarness], None]] = {
    "Nobody is registered": lobby,
    "cannot be stored right now": full,
    "cannot be a name": banned,
    "Too many wrong keys": guesses,
    "": nothing,
}
KEYS = {"is missing: send": None, "key is wrong": "a guess"}


@pytest.mark.parametrize(("name", "number"), protocol_errors())
def test_a_request_gets_the_error_that_the_reference_shows(name: str, number: int) -> None:
    case = ERRORS[name][number]
    words = sentence(name, number)
    (row,) = admin_errors(sources()).rows((case,), example(name))
    harness = AdminHarness(key=None if "API is off" in words else KEY, store=WorkingStore())
    situation(SITUATIONS, name, words)(harness)
    key = next((key for start, key in KEYS.items() if start in words), KEY)

    with pytest.raises(HubError) as error:
        perform(harness, name or "kick", request(name, number), key)

    assert error_response(error.value, status_of(error.value)) == json.loads(row.response)


def perform(harness: AdminHarness, name: str, request: Any, key: str | None) -> None:
    harness.admin.admit(key, ADDRESS, harness)
    if request == ENCODED.sent:
        check_media({"content-encoding": "gzip"})
    if name in ACTIONS:
        harness.admin.perform(name, request.encode() if isinstance(request, str) else encode(request))
    else:
        query = {key: str(value) for key, value in request.items()}
        harness.admin.session(harness.admin.asked(name, query)["session"])


def test_every_address_has_errors() -> None:
    assert ERRORS.keys() == {ANY, *ACTIONS, *admin_api.READINGS, *admin_api.STREAMS}
    assert BODY_BYTES == admin_api.BODY_BYTES


def test_every_code_of_the_schema_is_an_error() -> None:
    rows = [
        row for name, cases in ERRORS.items() for row in admin_errors(sources()).rows(cases, example(name))
    ]

    assert {row.code for row in rows} == set(
        SCHEMA_SET.schemas["error-response"]["properties"]["code"]["enum"]
    )
