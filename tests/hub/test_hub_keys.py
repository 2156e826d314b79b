"""The key of the house: who knows it, and who has guessed too often."""

import hmac
from functools import partial

import pytest
from recorded_harness import Harness

from chateau.hub.access import TRIES, TRIES_SECONDS, matches
from chateau.hub.errors import AccessDenied, HubError, TooManyTries
from chateau.hub.hub import Hub

KEY = "swordfish"
HOME, AWAY = "192.0.2.1", "198.51.100.1"


def keyed_house(monkeypatch: pytest.MonkeyPatch, key: str = KEY) -> Harness:
    monkeypatch.setattr("recorded_harness.Hub", partial(Hub, secret_key=key))
    return Harness()


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Harness:
    return keyed_house(monkeypatch)


def outcome(harness: Harness, key: str, address: str = HOME) -> type[HubError] | None:
    try:
        harness.hub.access.check_key(key, address)
    except HubError as error:
        return type(error)
    return None


def guess_wrong(harness: Harness, times: int, address: str = HOME) -> None:
    for _ in range(times):
        assert outcome(harness, "wrong", address) is AccessDenied


def test_who_knows_the_key_is_let_through(harness: Harness) -> None:
    assert outcome(harness, KEY) is None


@pytest.mark.parametrize(
    "key",
    [
        "",
        "Swordfish",
        "swordfis",
        "swordfishh",
        "swordfish ",
        "swordfish\0",
        "\uff53\uff57\uff4f\uff52\uff44\uff46\uff49\uff53\uff48",
        "🐟",
    ],
)
def test_a_key_is_compared_exactly(harness: Harness, key: str) -> None:
    with pytest.raises(AccessDenied, match=r"^The secret key is wrong\.$"):
        harness.hub.access.check_key(key, HOME)


@pytest.mark.parametrize(
    ("key", "almost"), [("clé", "cle\u0301"), ("Schlüssel", "schlüssel"), ("鍵", "键"), ("🗝", "🔑")]
)
def test_a_key_may_have_any_characters_and_no_two_spellings(
    monkeypatch: pytest.MonkeyPatch, key: str, almost: str
) -> None:
    harness = keyed_house(monkeypatch, key)

    assert (outcome(harness, key), outcome(harness, almost)) == (None, AccessDenied)


def test_a_key_with_half_a_character_is_wrong_and_nothing_worse(harness: Harness) -> None:
    assert outcome(harness, "\ud800") is AccessDenied


def test_keys_are_compared_in_constant_time(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, secret: bytes) -> bool:
        compared.append((given, secret))
        return given == secret

    monkeypatch.setattr(hmac, "compare_digest", compare)

    assert (outcome(harness, "wrong"), outcome(harness, KEY)) == (AccessDenied, None)
    assert compared == [(b"wrong", b"swordfish"), (b"swordfish", b"swordfish")]


def test_nothing_is_no_key() -> None:
    assert not matches(None, "")


@pytest.mark.parametrize("key", ["", "None", KEY])
def test_a_house_without_a_key_lets_nobody_through(key: str) -> None:
    harness = Harness()

    tried = [outcome(harness, key) for _ in range(TRIES + 1)]

    assert tried == [AccessDenied] * TRIES + [TooManyTries]


# Guessing


def test_after_five_wrong_keys_in_a_minute_the_right_one_is_refused_too(harness: Harness) -> None:
    guess_wrong(harness, 5)

    assert (outcome(harness, KEY), outcome(harness, "wrong")) == (TooManyTries, TooManyTries)


def test_after_four_wrong_keys_the_right_one_opens(harness: Harness) -> None:
    guess_wrong(harness, 4)

    assert outcome(harness, KEY) is None


def test_the_right_key_neither_counts_as_a_try_nor_wipes_wrong_ones_out(harness: Harness) -> None:
    for _ in range(20):
        assert outcome(harness, KEY) is None
    guess_wrong(harness, 4)
    assert outcome(harness, KEY) is None
    guess_wrong(harness, 1)

    assert outcome(harness, KEY) is TooManyTries


def test_other_addresses_are_not_affected(harness: Harness) -> None:
    guess_wrong(harness, 5, HOME)

    assert outcome(harness, KEY, AWAY) is None
    guess_wrong(harness, 5, AWAY)
    assert (outcome(harness, KEY, HOME), outcome(harness, KEY, AWAY)) == (TooManyTries, TooManyTries)
    assert outcome(harness, KEY, "2001:db8::1") is None


def test_a_minute_after_the_wrong_keys_it_works_again(harness: Harness) -> None:
    guess_wrong(harness, 5)

    harness.pass_seconds(TRIES_SECONDS - 0.001)
    before = outcome(harness, KEY)
    harness.pass_seconds(0.001)

    assert (before, outcome(harness, KEY)) == (TooManyTries, None)


def test_the_minute_slides_so_that_each_wrong_key_counts_for_its_own(harness: Harness) -> None:
    for _ in range(5):
        guess_wrong(harness, 1)
        harness.pass_seconds(10)

    assert outcome(harness, KEY) is TooManyTries  # 50 s after the first
    harness.pass_seconds(10)
    guess_wrong(harness, 1)  # the first is forgotten
    assert outcome(harness, KEY) is TooManyTries
    harness.pass_seconds(10)
    assert outcome(harness, KEY) is None


def test_tries_while_shut_out_do_not_make_it_last_longer(harness: Harness) -> None:
    guess_wrong(harness, 5)
    for _ in range(59):
        harness.pass_seconds(1)
        assert outcome(harness, "wrong") is TooManyTries

    harness.pass_seconds(1)

    assert outcome(harness, KEY) is None


def test_never_more_than_five_wrong_keys_are_looked_at_in_any_minute(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[float] = []

    def look(given: str, secret: str) -> bool:
        looked_at.append(harness.now)
        return False

    monkeypatch.setattr("chateau.hub.access.matches", look)
    for _ in range(200):
        outcome(harness, "guess")
        harness.pass_seconds(3)

    assert all(
        later - earlier >= TRIES_SECONDS for earlier, later in zip(looked_at, looked_at[5:], strict=False)
    )
    assert len(looked_at) >= 45  # and shut out is nobody for ever


# What is remembered of it


def remembered(harness: Harness) -> set[str]:
    return set(harness.hub.access._tries)


def test_of_who_never_was_wrong_nothing_is_remembered(harness: Harness) -> None:
    for number in range(100):
        outcome(harness, KEY, f"10.0.0.{number}")

    assert remembered(harness) == set()


def test_addresses_that_have_been_quiet_for_a_minute_are_forgotten(harness: Harness) -> None:
    for number in range(100):
        guess_wrong(harness, 1, f"10.0.0.{number}")
    harness.pass_seconds(30)
    guess_wrong(harness, 1, HOME)
    harness.pass_seconds(30)

    outcome(harness, KEY, AWAY)

    assert remembered(harness) == {HOME}


def test_an_address_that_is_wrong_again_is_remembered_for_the_latest(harness: Harness) -> None:
    guess_wrong(harness, 1, HOME)
    guess_wrong(harness, 1, AWAY)
    harness.pass_seconds(40)
    guess_wrong(harness, 4, HOME)
    harness.pass_seconds(40)

    assert outcome(harness, "wrong", AWAY) is AccessDenied
    guess_wrong(harness, 1, HOME)
    assert outcome(harness, KEY, HOME) is TooManyTries
    assert remembered(harness) == {AWAY, HOME}


def test_an_address_that_only_asks_is_forgotten_all_the_same(harness: Harness) -> None:
    guess_wrong(harness, 1, HOME)
    guess_wrong(harness, 1, AWAY)
    for _ in range(10):
        harness.pass_seconds(10)
        outcome(harness, KEY, HOME)
    harness.pass_seconds(TRIES_SECONDS)

    outcome(harness, KEY, HOME)

    assert remembered(harness) == set()
