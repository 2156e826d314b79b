"""The admin protocol: admission, the effect of each action, and its error responses."""

from __future__ import annotations

from typing import Any

import pytest
from admin_harness import ADDRESS, KEY, SCHEMA_SET, AdminHarness, checked, refused

from chateau.hub.errors import AccessDenied, HubError, TooManyTries, Unavailable
from chateau.hub.guesses import MustWait
from chateau.protocols.admin import ACTIONS, AdminOff, error_response, session_row, status_of
from chateau.protocols.errors import Internal, TooLarge, UnknownType
from chateau.store.memory import MemoryStore

DONE = {"status": 200}


@pytest.fixture
def harness() -> AdminHarness:
    return AdminHarness()


# Admission


def test_client_with_the_secret_key_is_admitted(harness: AdminHarness) -> None:
    harness.admin.admit(KEY, ADDRESS, harness)


def test_server_without_a_secret_key_admits_nobody() -> None:
    harness = AdminHarness(key=None)

    for key in (None, "", KEY):
        with pytest.raises(AdminOff) as error_response:
            harness.admin.admit(key, ADDRESS, harness)
        assert refused(error_response.value) == {
            "status": 403,
            "code": "access_denied",
            "error": "The admin API is off: start the server with --secret-key.",
        }


@pytest.mark.parametrize("key", ["", "Swordfish", "swordfish ", "\ufffd"])
def test_wrong_key_is_rejected(harness: AdminHarness, key: str) -> None:
    with pytest.raises(AccessDenied) as error_response:
        harness.admin.admit(key, ADDRESS, harness)

    assert refused(error_response.value) == {
        "status": 401,
        "code": "access_denied",
        "error": "The secret key is wrong.",
    }


def test_address_must_wait_after_five_wrong_keys(harness: AdminHarness) -> None:
    for _ in range(5):
        with pytest.raises(AccessDenied):
            harness.admin.admit("guess", ADDRESS, harness)

    with pytest.raises(MustWait):
        harness.admin.admit(KEY, ADDRESS, harness)

    too_many = TooManyTries()
    assert (refused(too_many)["status"], too_many.code) == (429, "rate_limited")
    harness.admin.admit(KEY, "192.0.2.2", harness)
    harness.clock.advance(61)
    harness.admin.admit(KEY, ADDRESS, harness)


def test_missing_key_does_not_count_as_an_attempt(harness: AdminHarness) -> None:
    for _ in range(6):
        with pytest.raises(AccessDenied, match="missing"):
            harness.admin.admit(None, ADDRESS, harness)

    harness.admin.admit(KEY, ADDRESS, harness)


def test_banned_address_is_admitted(harness: AdminHarness) -> None:
    harness.do("ban", {"addresses": ADDRESS})

    harness.admin.admit(KEY, ADDRESS, harness)


# Sessions


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ({}, "kicked"),
        ({"reason": None}, "kicked"),
        ({"reason": ""}, "kicked"),
        ({"reason": "x"}, "kicked: x"),
    ],
)
def test_kick_ends_the_session_with_its_reason(harness: AdminHarness, reason: Any, expected: str) -> None:
    alice = harness.connect("alice")

    assert harness.do("kick", {"session": alice.id, **reason}) == DONE

    assert harness["alice"].mailbox.closed == (1008, expected)


def test_kick_of_an_unknown_session_is_rejected(harness: AdminHarness) -> None:
    response = harness.do("kick", {"session": "17"})

    assert response == {"status": 404, "code": "unknown_session", "error": 'There is no session "17".'}


def test_ban_applies_to_connected_clients_until_lifted(harness: AdminHarness) -> None:
    alice = harness.connect("alice")

    assert harness.do("ban", {"addresses": "192.0.2.0/24"}) == DONE
    assert alice.banned
    assert checked("bans-response", harness.admin.bans()) == {"addresses": ["192.0.2.0/24"]}

    assert harness.do("unban", {"addresses": "192.0.2.0/24"}) == DONE
    assert not alice.banned
    assert checked("bans-response", harness.admin.bans()) == {"addresses": []}


@pytest.mark.parametrize("action", ["ban", "unban"])
@pytest.mark.parametrize("addresses", ["", "localhost", "192.0.2.0/33", "::g"])
def test_invalid_address_is_rejected_with_its_path(
    harness: AdminHarness, action: str, addresses: str
) -> None:
    response = harness.do(action, {"addresses": addresses})

    assert (response["status"], response["code"], response["path"]) == (400, "invalid_message", "/addresses")
    assert response["schema"] == f"/schemas/admin/{action}-request.json"


def test_session_is_listed_with_all_its_fields(harness: AdminHarness) -> None:
    alice = harness.connect("Alice", "Lobby", "quiet")

    row = session_row(alice, received=3, rate=1.5, outbox_bytes=7, tapped=True)

    assert checked("sessions-response", {"sessions": [row], "total": 1})["sessions"] == [
        {
            "id": alice.id,
            "protocol": "chateau",
            "address": ADDRESS,
            "port": 50_000,
            "username": "Alice",
            "name": "Alice",
            "rooms": ["Lobby", "quiet"],
            "received": 3,
            "rate": 1.5,
            "outbox_bytes": 7,
            "banned": False,
            "tapped": True,
        }
    ]


def test_session_without_a_name_is_listed(harness: AdminHarness) -> None:
    alice = harness.connect("alice")
    harness.hub.unregister(alice)

    row = session_row(alice, received=0, rate=None, outbox_bytes=0, tapped=False)

    checked("sessions-response", {"sessions": [row], "total": 1})
    assert (row["username"], row["name"], row["rooms"]) == (None, f"#{alice.id}", [])


# Rooms


def state(harness: AdminHarness, name: str) -> Any:
    rooms = checked("rooms-response", harness.admin.rooms())["rooms"]
    return next((room for room in rooms if room["room"] == name), None)


def test_rooms_are_listed_in_order_of_their_names(harness: AdminHarness) -> None:
    harness.connect("alice", "b", "A", "c")

    assert [room["room"] for room in harness.admin.rooms()["rooms"]] == ["A", "b", "c"]
    assert state(harness, "A") == {
        "room": "A",
        "members": 1,
        "listeners": 0,
        "closed": False,
        "locked": False,
        "banned": [],
    }


def test_room_is_closed_locked_and_opened(harness: AdminHarness) -> None:
    harness.connect("alice", "lobby")

    assert harness.do("close-room", {"room": "Lobby"}) == DONE
    assert (state(harness, "lobby")["closed"], state(harness, "lobby")["locked"]) == (True, False)
    assert harness.do("lock-room", {"room": "lobby", "password": "x"}) == DONE
    assert (state(harness, "lobby")["closed"], state(harness, "lobby")["locked"]) == (True, True)
    assert harness.do("open-room", {"room": "lobby"}) == DONE
    assert (state(harness, "lobby")["closed"], state(harness, "lobby")["locked"]) == (False, False)

    told = [(frame["available"], frame["reason"]) for frame in harness["alice"].mailbox.take()]
    assert told == [(False, "The room was closed."), (False, "The room was locked."), (True, None)]


def test_locked_room_requires_its_password(harness: AdminHarness) -> None:
    harness.connect("alice", "lobby")
    harness.do("lock-room", {"room": "lobby", "password": "open sesame"})
    bob = harness.connect("bob")

    with pytest.raises(AccessDenied):
        harness.hub.join(bob, "lobby", password="wrong")
    harness.hub.join(bob, "lobby", password="open sesame")


def test_deleted_room_no_longer_exists(harness: AdminHarness) -> None:
    harness.connect("alice", "lobby")

    assert harness.do("delete-room", {"room": "lobby"}) == DONE

    assert state(harness, "lobby") is None
    assert not harness["alice"].session.rooms


def test_user_banned_from_a_room_cannot_join_until_unbanned(harness: AdminHarness) -> None:
    harness.connect("alice", "lobby")
    bob = harness.connect("Bob", "lobby")

    assert harness.do("ban-from-room", {"room": "lobby", "username": "bob"}) == DONE
    assert (state(harness, "lobby")["members"], state(harness, "lobby")["banned"]) == (1, ["bob"])
    with pytest.raises(AccessDenied):
        harness.hub.join(bob, "lobby")

    assert harness.do("unban-from-room", {"room": "lobby", "username": "BOB"}) == DONE
    assert state(harness, "lobby")["banned"] == []
    harness.hub.join(bob, "lobby")


@pytest.mark.parametrize(
    "action", ["open-room", "close-room", "lock-room", "delete-room", "ban-from-room", "unban-from-room"]
)
def test_action_on_an_unknown_room_is_rejected(harness: AdminHarness, action: str) -> None:
    (body, *_) = SCHEMA_SET.schemas[f"{action}-request"]["examples"]

    response = harness.do(action, body)

    assert response == {"status": 404, "code": "unknown_room", "error": 'There is no room "lobby".'}


def test_room_ban_of_an_unknown_user_is_rejected(harness: AdminHarness) -> None:
    harness.connect("alice", "lobby")

    response = harness.do("ban-from-room", {"room": "lobby", "username": "carol"})

    assert (response["status"], response["code"]) == (404, "unknown_recipient")


def test_room_unban_of_an_invalid_name_is_rejected(harness: AdminHarness) -> None:
    harness.connect("alice", "lobby")
    harness.do("ban-from-room", {"room": "lobby", "username": "alice"})

    response = harness.do("unban-from-room", {"room": "lobby", "username": " "})

    assert (response["status"], response["code"]) == (400, "invalid_name")


class FullStore(MemoryStore):
    """A store that cannot erase now."""

    def erase(self, key: str) -> None:
        raise Unavailable("The disk is full.")


def test_room_stays_when_its_history_cannot_be_erased() -> None:
    harness = AdminHarness(store=FullStore())
    harness.connect("alice", "lobby")

    response = harness.do("delete-room", {"room": "lobby"})

    assert response == {"status": 503, "code": "unavailable", "error": "The disk is full."}
    assert state(harness, "lobby") is not None


# The server


@pytest.mark.parametrize(
    ("body", "reason"), [({}, None), ({"reason": None}, None), ({"reason": ""}, None), ({"reason": "x"}, "x")]
)
def test_shutdown_has_its_reason(harness: AdminHarness, body: Any, reason: str | None) -> None:
    assert harness.do("shutdown", body) == DONE

    assert harness.stops == [reason]


# Errors


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_has_schemas_and_a_valid_example(name: str) -> None:
    for example in SCHEMA_SET.schemas[f"{name}-request"]["examples"]:
        assert SCHEMA_SET.validator(f"{name}-request")(example)
    assert SCHEMA_SET.validator(f"{name}-response")(DONE)


def test_every_request_schema_belongs_to_an_action_or_a_query() -> None:
    requests = {name.removesuffix("-request") for name in SCHEMA_SET.schemas if name.endswith("-request")}

    assert requests == ACTIONS.keys() | {"sessions", "live", "tap"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b'{"session": "1", "session": "2"}', "invalid_json"),
        (b'{"session": "\xff"}', "invalid_json"),
        (b"[]", "not_an_object"),
        (b'"17"', "not_an_object"),
    ],
)
def test_body_other_than_a_json_object_is_rejected(harness: AdminHarness, body: bytes, code: str) -> None:
    response = harness.do("kick", body)

    assert (response["status"], response["code"]) == (400, code)


@pytest.mark.parametrize(
    ("name", "body", "path"),
    [
        ("kick", {}, ""),
        ("kick", {"session": 17}, "/session"),
        ("kick", {"session": "#17"}, "/session"),
        ("kick", {"session": "17", "reason": 1}, "/reason"),
        ("kick", {"session": "17", "reason": "x" * 501}, "/reason"),
        ("kick", {"session": "17", "why": "x"}, "/why"),
        ("ban", {"addresses": "x" * 65}, "/addresses"),
        ("close-room", {"room": ""}, "/room"),
        ("close-room", {"room": "x" * 65}, "/room"),
        ("lock-room", {"room": "lobby"}, ""),
        ("lock-room", {"room": "lobby", "password": ""}, "/password"),
        ("ban-from-room", {"room": "lobby"}, ""),
        ("shutdown", {"reason": ["x"]}, "/reason"),
    ],
)
def test_body_that_violates_its_schema_is_rejected_with_the_path(
    harness: AdminHarness, name: str, body: Any, path: str
) -> None:
    response = harness.do(name, body)

    assert (response["status"], response["code"], response["path"]) == (400, "invalid_message", path)
    assert response["schema"] == f"/schemas/admin/{name}-request.json"


@pytest.mark.parametrize("name", ["sessions", "live"])
@pytest.mark.parametrize(
    ("query", "asked"), [({}, {}), ({"limit": "1"}, {"limit": 1}), ({"limit": "10000"}, {"limit": 10_000})]
)
def test_numbers_in_a_query_are_parsed(harness: AdminHarness, name: str, query: Any, asked: Any) -> None:
    assert harness.asked(name, query) == asked


def test_session_id_in_a_query_stays_a_string(harness: AdminHarness) -> None:
    assert harness.asked("tap", {"session": "017"}) == {"session": "017"}


@pytest.mark.parametrize(
    ("name", "query", "path"),
    [
        ("sessions", {"limit": "0"}, "/limit"),
        ("sessions", {"limit": "10001"}, "/limit"),
        ("sessions", {"limit": "9" * 10}, "/limit"),
        ("sessions", {"limit": ""}, "/limit"),
        ("sessions", {"limit": "-1"}, "/limit"),
        ("sessions", {"limit": "1.0"}, "/limit"),
        ("live", {"limit": "\u0661"}, "/limit"),
        ("live", {"most": "1"}, "/most"),
        ("tap", {}, ""),
        ("tap", {"session": "alice"}, "/session"),
        ("tap", {"session": "1", "limit": "2"}, "/limit"),
    ],
)
def test_query_that_violates_its_schema_is_rejected_with_the_path(
    harness: AdminHarness, name: str, query: dict[str, str], path: str
) -> None:
    response = harness.asked(name, query)

    assert (response["status"], response["code"], response["path"]) == (400, "invalid_message", path)
    assert response["schema"] == f"/schemas/admin/{name}-request.json"


@pytest.mark.parametrize(
    ("error", "status"),
    [(UnknownType("There is no such thing."), 404), (TooLarge("It is too large."), 413), (Internal(), 500)],
)
def test_http_errors_have_their_status(error: HubError, status: int) -> None:
    assert refused(error)["status"] == status


def test_error_may_have_another_status() -> None:
    response = checked("error-response", error_response(UnknownType("Use POST."), 405))

    assert response == {"status": 405, "code": "unknown_type", "error": "Use POST."}


def test_every_possible_status_is_in_the_schema() -> None:
    schema = SCHEMA_SET.schemas["error-response"]["properties"]
    errors: list[HubError] = [AdminOff(), Unavailable("x"), TooManyTries()]

    assert {status_of(error) for error in errors} <= set(schema["status"]["enum"])
