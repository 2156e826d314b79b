"""Publishing over HTTP responds with the errors that the reference shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from channels_harness import SCHEMA_SET, Harness
from made_pages import sources
from situations import WorkingStore, error_text, listed, nothing, situation, too_many_guesses
from tornado.httputil import HTTPHeaders

from chateau.hub.errors import HubError
from chateau.hub.guesses import MustWait
from chateau.net.allowance import AddressAllowances
from chateau.net.host_policy import HostPolicy
from chateau.net.http_heads import DEFAULT_LIMITS, parse_head
from chateau.net.http_responses import Response, encode_response, error_response
from chateau.net.origin_policy import OriginPolicy
from chateau.net.publish_handler import PublishEndpoint
from chateau.protocols.channels_errors import BROADCAST, ERRORS, LONG, PUBLISH
from chateau.protocols.error_catalog import ANY
from chateau.reference.http_pages import publish_errors

BODY = {PUBLISH: b"hi", BROADCAST: b'{"news": [{"text": "hi"}]}', ANY: b"hi"}


def failing(to: str) -> Callable[[Harness], None]:
    def prepare(harness: Harness) -> None:
        harness.store.fails_to = to

    return prepare


def broken(harness: Harness) -> None:
    harness.hub.publish_to_channel = lambda *_, **__: 1 / 0


def moderated(act: str, *more: str) -> Callable[[Harness], None]:
    def prepare(harness: Harness) -> None:
        harness.member("bob", "news")
        getattr(harness.hub.rooms, act)("news", *more)

    return prepare


SITUATIONS: dict[str, Callable[[Harness], None]] = {
    "This address is banned": lambda harness: harness.hub.access.ban("198.51.100.7"),
    "Too many wrong keys": lambda harness: too_many_guesses(harness.hub, "198.51.100.7"),
    "is closed": moderated("close"),
    "is locked": moderated("lock", "swordfish"),
    "delivered but could not": failing("commit"),
    "cannot be stored right now": failing("store"),
    "Internal server error": broken,
    "": nothing,
}
HEADERS = {
    "Too many wrong keys": {"Authorization": "Bearer guess"},
    "Pages of this origin": {"Origin": "https://example.org"},
    "idempotency key": {"Idempotency-Key": "x" * 201},
    "is no type of package": {"Package-Type": "xml"},
    "Content-Encoding": {"Content-Encoding": "gzip"},
    "image/png": {"Content-Type": "image/png"},
    "utf-16": {"Content-Type": "text/plain; charset=utf-16"},
    "JSON": {"Package-Type": "json"},
}
HEADS = {
    "target is too long": b"POST /%b HTTP/1.1\r\n\r\n" % (b"x" * 8_192),
    "too many headers": b"POST / HTTP/1.1\r\n%b\r\n" % (b"x: y\r\n" * 101),
    "headers are too long": b"POST / HTTP/1.1\r\nx: %b\r\n\r\n" % (b"x" * 65_536),
    "is invalid; expected a path": b"POST news HTTP/1.1\r\n\r\n",
}
"""The requests that no endpoint gets to see, as bytes."""
BODIES = {"UTF-8": b"\xff", "A body may have": b"x" * 1_048_577, "JSON: unexpected": b"{"}


def first(table: dict[str, Any], sentence: str, otherwise: Any) -> Any:
    """Return the first value of *table* whose words are in *sentence*."""
    return next((value for words, value in table.items() if words in sentence), otherwise)


class Context:
    """That of a connection."""

    remote_ip = ""


@pytest.mark.parametrize(("name", "number"), listed(ERRORS))
def test_a_publish_gets_the_error_that_the_reference_shows(
    name: str, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    case = ERRORS[name][number]
    sentence = error_text(case, case.sent, SCHEMA_SET)
    (row,) = publish_errors(sources()).rows((case,))
    store = WorkingStore()
    has_password = "password is missing" in sentence or "wrong keys" in sentence
    harness = Harness(store=store, password="swordfish" if has_password else "")
    harness.channels._password = harness.channels._password or None
    situation(SITUATIONS, name, sentence)(harness)
    allowances = AddressAllowances(2_000, lambda: 0.0)
    if "Too many requests" in sentence:
        allowances.take("198.51.100.7").charge(4_000)  # type: ignore[union-attr]
    endpoint = PublishEndpoint(
        harness.channels,
        url_prefix="",
        address_of=lambda *_: "198.51.100.7",
        origins=OriginPolicy(),
        hosts=HostPolicy(),
        clock=lambda: 0.0,
        allowances=allowances,
    )
    body = first(BODIES, sentence, BODY[name])
    if isinstance(case.sent, dict):
        body = json.dumps(case.sent).encode()
    elif case.sent == "[]":
        body = b"[]"
    channel = first({"longer than 64": LONG, "is reserved": "chateau"}, sentence, "news")
    if first(HEADS, sentence, None):
        with pytest.raises(HubError) as rejection:
            parse_head(first(HEADS, sentence, b""), DEFAULT_LIMITS)
        assert shown(error_response(rejection.value)) == row.response
        return
    route = endpoint.route("POST", "/broadcast/" if name == BROADCAST else f"/channel/{channel}/")
    assert route is not None

    headers, context = HTTPHeaders(first(HEADERS, sentence, {})), Context()
    try:
        response, commit = endpoint.serve(route, headers, body, context)
    except MustWait:
        refused = endpoint.wait(headers, context, lambda: None)
        assert refused is not None
        response, commit = refused, None
    store.fail_commits()

    assert (
        shown(endpoint.not_saved(response) if commit is not None and commit.exception() else response)
        == row.response
    )


def shown(response: Response) -> str:
    """Return *response* as the reference shows it: its status, `X-Error` and body."""
    head, _, body = (
        encode_response(response, b"").decode().split("\r\n\r\n")[0],
        "",
        encode_response(response, b"").decode(),
    )
    status, *lines = head.split("\r\n")
    reason = [line for line in lines if line.startswith("X-Error")]
    return "\n".join([status, *reason, "", body.partition("\r\n\r\n")[2]])


def test_every_request_has_errors() -> None:
    assert ERRORS.keys() == {ANY, PUBLISH, BROADCAST}
