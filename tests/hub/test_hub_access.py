"""Bans, passwords, and what every error has in common."""

import pytest
from hub_harness import Harness
from hypothesis import given
from hypothesis import strategies as st

from chateau.hub.access import matches
from chateau.hub.errors import (
    AccessDenied,
    AlreadyInRoom,
    AlreadyRegistered,
    Banned,
    HubError,
    InvalidAddress,
    InvalidName,
    NameTaken,
    NotInRoom,
    NotRegistered,
    TooManyTries,
    Unavailable,
    UnknownRecipient,
    UnknownRoom,
    cut,
)

HOME, AWAY = "192.0.2.1", "192.0.2.2"


def test_address_ban_marks_existing_and_new_sessions(harness: Harness) -> None:
    before, elsewhere = harness.connect(address=AWAY), harness.connect(address=HOME)

    harness.hub.access.ban(AWAY)

    assert (before.banned, elsewhere.banned) == (True, False)
    assert harness.connect(address=AWAY).banned


def test_unban_lifts_an_address_ban(harness: Harness) -> None:
    session = harness.connect(address=AWAY)
    harness.hub.access.ban(AWAY)

    harness.hub.access.unban(AWAY)

    assert not session.banned
    assert not harness.connect(address=AWAY).banned


def test_unban_of_an_unbanned_address_is_ignored(harness: Harness) -> None:
    harness.hub.access.unban(AWAY)

    assert not harness.connect(address=AWAY).banned


@pytest.mark.parametrize(
    ("given_password", "is_right"),
    [("swordfish", True), ("Swordfish", False), ("", False), (None, False), ("sẃordfish", False)],
)
def test_room_password_is_compared_exactly(given_password: str | None, is_right: bool) -> None:
    assert matches(given_password, "swordfish") is is_right


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(lambda harness, text: harness.hub.register(harness.connect(), text), id="register"),
        pytest.param(lambda harness, text: harness.hub.message(harness.connect(), [text], ""), id="message"),
        pytest.param(lambda harness, text: harness.hub.join(harness.connect(), text), id="join"),
        pytest.param(lambda harness, text: harness.hub.leave(harness.connect(), text), id="leave"),
    ],
)
@given(text=st.text(max_size=200))
def test_error_text_is_one_short_sentence_with_short_quotes(action: object, text: str) -> None:
    try:
        action(Harness(), text)  # type: ignore[operator]
    except HubError as error:
        sentence = str(error)
    else:
        return

    assert len(sentence) <= 300
    assert cut(text) in sentence
    assert len(text) <= 60 or text not in sentence


LONG = "x" * 64
SHOWN = "x" * 59 + "…"

ERRORS = [
    (NotRegistered(), "not_registered", "Register a username first."),
    (AlreadyRegistered("alice"), "already_registered", 'This session is already registered as "alice".'),
    (NameTaken("alice"), "name_taken", 'The username "alice" is taken.'),
    (InvalidName("", "it is empty"), "invalid_name", '"" cannot be a name: it is empty.'),
    (UnknownRecipient(["zed"]), "unknown_recipient", 'Nobody is registered as "zed".'),
    (UnknownRoom(LONG), "unknown_room", f'There is no room "{SHOWN}".'),
    (NotInRoom(LONG), "not_in_room", f'You are not in the room "{SHOWN}".'),
    (AlreadyInRoom(LONG), "already_in_room", f'You are already in the room "{SHOWN}".'),
    (AccessDenied("The room is closed."), "access_denied", "The room is closed."),
    (
        InvalidAddress("home"),
        "invalid_message",
        '"home" is neither an IP address nor a range such as 192.0.2.0/24.',
    ),
    (
        TooManyTries(),
        "rate_limited",
        "Too many wrong keys came from this address: try again in a minute.",
    ),
    (Banned(), "banned", "This address is banned."),
    (Unavailable("The disk is full."), "unavailable", "The disk is full."),
]


@pytest.mark.parametrize(("error", "code", "sentence"), ERRORS, ids=[type(row[0]).__name__ for row in ERRORS])
def test_each_error_has_its_code_and_text(error: HubError, code: str, sentence: str) -> None:
    assert (error.code, str(error)) == (code, sentence)


def test_every_error_class_is_in_the_table() -> None:
    hubs = {error for error in HubError.__subclasses__() if error.__module__ == "chateau.hub.errors"}

    assert {type(error) for error, _, _ in ERRORS} == hubs


def test_quotes_are_cut_to_sixty_characters() -> None:
    assert (cut("x" * 60), cut("x" * 61)) == ("x" * 60, SHOWN)


@pytest.mark.parametrize(("action", "more"), [("close", []), ("lock", ["swordfish"])])
def test_error_of_a_closed_room_cuts_a_long_name(harness: Harness, action: str, more: list[str]) -> None:
    harness.user("alice", LONG)
    getattr(harness.hub.rooms, action)(LONG, *more)

    with pytest.raises(AccessDenied, match=f'"{SHOWN}"'):
        harness.user("bob", LONG)


def test_error_text_does_not_grow_with_unknown_recipients(harness: Harness) -> None:
    names = [LONG + str(number) for number in range(1000)]

    with pytest.raises(UnknownRecipient) as caught:
        harness.hub.message(harness.connect(), names, "hi")

    assert str(caught.value) == f'Nobody is registered as "{SHOWN}" (and 999 more).'
    assert caught.value.unknown == names
