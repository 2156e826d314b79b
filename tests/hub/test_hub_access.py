"""Bans, and what every refusal has in common."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_house import House

from chateau.hub.access import matches
from chateau.hub.errors import HubError, cut

HOME, AWAY = "192.0.2.1", "192.0.2.2"


def test_a_ban_marks_every_session_from_that_address_now_and_later(house: House) -> None:
    before, elsewhere = house.visitor(address=AWAY), house.visitor(address=HOME)

    house.hub.ban(AWAY)

    assert (before.banned, elsewhere.banned) == (True, False)
    assert house.visitor(address=AWAY).banned


def test_a_ban_that_is_lifted_is_gone(house: House) -> None:
    session = house.visitor(address=AWAY)
    house.hub.ban(AWAY)

    house.hub.unban(AWAY)

    assert not session.banned
    assert not house.visitor(address=AWAY).banned


def test_lifting_a_ban_that_is_not_there_does_nothing(house: House) -> None:
    house.hub.unban(AWAY)

    assert not house.visitor(address=AWAY).banned


@pytest.mark.parametrize(
    ("given_password", "is_right"),
    [("swordfish", True), ("Swordfish", False), ("", False), (None, False), ("sẃordfish", False)],
)
def test_a_password_is_compared_exactly(given_password: str | None, is_right: bool) -> None:
    assert matches(given_password, "swordfish") is is_right


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(lambda house, text: house.hub.register(house.visitor(), text), id="register"),
        pytest.param(lambda house, text: house.hub.message(house.visitor(), [text], ""), id="message"),
        pytest.param(lambda house, text: house.hub.join(house.visitor(), text), id="join"),
        pytest.param(lambda house, text: house.hub.leave(house.visitor(), text), id="leave"),
    ],
)
@given(text=st.text(max_size=200))
def test_a_refusal_is_one_short_sentence_that_quotes_little(action: object, text: str) -> None:
    try:
        action(House(), text)  # type: ignore[operator]
    except HubError as error:
        sentence = str(error)
    else:
        return

    assert len(sentence) <= 300
    assert cut(text) in sentence
    assert len(text) <= 60 or text not in sentence
