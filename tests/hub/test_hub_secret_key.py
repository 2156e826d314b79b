"""The secret key: comparison, and the limit of wrong keys per address."""

import hmac
from functools import partial

import pytest
from hub_harness import Harness

from chateau.hub.errors import AccessDenied, HubError
from chateau.hub.guesses import TRIES, TRIES_SECONDS, MustWait, matches
from chateau.hub.hub import Hub

KEY = "swordfish"
HOME, AWAY = "192.0.2.1", "198.51.100.1"


class Client:
    """One connection."""


def make_harness(monkeypatch: pytest.MonkeyPatch, key: str = KEY) -> Harness:
    monkeypatch.setattr("hub_harness.Hub", partial(Hub, secret_key=key))
    return Harness()


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Harness:
    return make_harness(monkeypatch)


def outcome(harness: Harness, key: str, address: str = HOME) -> type[Exception] | None:
    try:
        harness.hub.access.check_key(key, address, Client())
    except (HubError, MustWait) as error:
        return type(error)
    return None


def guess_wrong(harness: Harness, times: int, address: str = HOME) -> None:
    for _ in range(times):
        assert outcome(harness, "wrong", address) is AccessDenied


def test_right_key_is_accepted(harness: Harness) -> None:
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
def test_key_is_compared_exactly(harness: Harness, key: str) -> None:
    with pytest.raises(AccessDenied, match=r"^The secret key is wrong\.$"):
        harness.hub.access.check_key(key, HOME, Client())


@pytest.mark.parametrize(
    ("key", "almost"), [("clé", "cle\u0301"), ("Schlüssel", "schlüssel"), ("鍵", "键"), ("🗝", "🔑")]
)
def test_key_may_have_any_characters_and_is_not_normalized(
    monkeypatch: pytest.MonkeyPatch, key: str, almost: str
) -> None:
    harness = make_harness(monkeypatch, key)

    assert (outcome(harness, key), outcome(harness, almost)) == (None, AccessDenied)


def test_key_with_a_lone_surrogate_is_wrong(harness: Harness) -> None:
    assert outcome(harness, "\ud800") is AccessDenied


def test_keys_are_compared_in_constant_time(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, secret: bytes) -> bool:
        compared.append((given, secret))
        return given == secret

    monkeypatch.setattr(hmac, "compare_digest", compare)

    assert (outcome(harness, "wrong"), outcome(harness, KEY)) == (AccessDenied, None)
    assert compared == [(b"wrong", b"swordfish"), (b"swordfish", b"swordfish")]


def test_empty_key_is_wrong() -> None:
    assert not matches(None, "")


@pytest.mark.parametrize("key", ["", "None", KEY])
def test_every_key_is_wrong_without_a_secret_key(key: str) -> None:
    harness = Harness()

    tried = [outcome(harness, key) for _ in range(TRIES + 1)]

    assert tried == [AccessDenied] * TRIES + [MustWait]


# Wrong keys


def test_right_key_has_to_wait_after_five_wrong_ones(harness: Harness) -> None:
    guess_wrong(harness, 5)

    assert (outcome(harness, KEY), outcome(harness, "wrong")) == (MustWait, MustWait)


def test_right_key_is_accepted_after_four_wrong_ones(harness: Harness) -> None:
    guess_wrong(harness, 4)

    assert outcome(harness, KEY) is None


def test_right_key_neither_counts_nor_resets_the_count(harness: Harness) -> None:
    for _ in range(20):
        assert outcome(harness, KEY) is None
    guess_wrong(harness, 4)
    assert outcome(harness, KEY) is None
    guess_wrong(harness, 1)

    assert outcome(harness, KEY) is MustWait


def test_wrong_keys_do_not_affect_other_addresses(harness: Harness) -> None:
    guess_wrong(harness, 5, HOME)

    assert outcome(harness, KEY, AWAY) is None
    guess_wrong(harness, 5, AWAY)
    assert (outcome(harness, KEY, HOME), outcome(harness, KEY, AWAY)) == (MustWait, MustWait)
    assert outcome(harness, KEY, "2001:db8::1") is None


def test_right_key_is_accepted_again_after_a_minute(harness: Harness) -> None:
    guess_wrong(harness, 5)

    harness.advance(TRIES_SECONDS - 0.001)
    before = outcome(harness, KEY)
    harness.advance(0.001)

    assert (before, outcome(harness, KEY)) == (MustWait, None)


def test_each_wrong_key_expires_after_its_own_minute(harness: Harness) -> None:
    for _ in range(5):
        guess_wrong(harness, 1)
        harness.advance(10)

    assert outcome(harness, KEY) is MustWait  # 50 s after the first
    harness.advance(10)
    guess_wrong(harness, 1)  # the first is forgotten
    assert outcome(harness, KEY) is MustWait
    harness.advance(10)
    assert outcome(harness, KEY) is None


def test_attempts_that_wait_do_not_extend_the_limit(harness: Harness) -> None:
    guess_wrong(harness, 5)
    for _ in range(59):
        harness.advance(1)
        assert outcome(harness, "wrong") is MustWait

    harness.advance(1)

    assert outcome(harness, KEY) is None


def test_at_most_five_wrong_keys_are_compared_in_any_minute_without_a_turn(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[float] = []

    def look(given: str, secret: str) -> bool:
        looked_at.append(harness.now)
        return False

    monkeypatch.setattr("chateau.hub.guesses.matches", look)
    for _ in range(200):
        outcome(harness, "guess")
        harness.advance(3)

    assert all(
        later - earlier >= TRIES_SECONDS for earlier, later in zip(looked_at, looked_at[5:], strict=False)
    )
    assert len(looked_at) >= 45  # and the limit is never permanent


# Remembered addresses


def remembered(harness: Harness) -> set[str]:
    return set(harness.hub.access.guesses._tries)


def test_addresses_without_wrong_keys_are_not_remembered(harness: Harness) -> None:
    for number in range(100):
        outcome(harness, KEY, f"10.0.0.{number}")

    assert remembered(harness) == set()


def test_addresses_are_forgotten_after_a_minute(harness: Harness) -> None:
    for number in range(100):
        guess_wrong(harness, 1, f"10.0.0.{number}")
    harness.advance(30)
    guess_wrong(harness, 1, HOME)
    harness.advance(30)

    outcome(harness, KEY, AWAY)

    assert remembered(harness) == {HOME}


def test_address_is_remembered_since_its_latest_wrong_key(harness: Harness) -> None:
    guess_wrong(harness, 1, HOME)
    guess_wrong(harness, 1, AWAY)
    harness.advance(40)
    guess_wrong(harness, 4, HOME)
    harness.advance(40)

    assert outcome(harness, "wrong", AWAY) is AccessDenied
    guess_wrong(harness, 1, HOME)
    assert outcome(harness, KEY, HOME) is MustWait
    assert remembered(harness) == {AWAY, HOME}


def test_right_keys_do_not_keep_an_address_remembered(harness: Harness) -> None:
    guess_wrong(harness, 1, HOME)
    guess_wrong(harness, 1, AWAY)
    for _ in range(10):
        harness.advance(10)
        outcome(harness, KEY, HOME)
    harness.advance(TRIES_SECONDS)

    outcome(harness, KEY, HOME)

    assert remembered(harness) == set()
