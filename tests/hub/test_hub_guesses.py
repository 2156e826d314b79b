"""Guesses: attempts over the limit wait for turns, fairly between clients, and other addresses do not."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from hub_harness import Harness

from chateau.hub.errors import AccessDenied, TooManyTries
from chateau.hub.guesses import (
    ADDRESSES,
    SECRETS,
    TRIES,
    TRIES_SECONDS,
    TURN_SECONDS,
    Guesses,
    MustWait,
    share_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "swordfish"
HOME, AWAY = "192.0.2.1", "198.51.100.1"


class Timers:
    """A clock, and what is to be called later."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        assert seconds >= 0
        self.due.append((self.now + seconds, callback))

    def advance(self, seconds: float) -> None:
        """Let time pass, with all calls at their times."""
        end = self.now + seconds
        while due := sorted((each for each in self.due if each[0] <= end), key=lambda each: each[0]):
            self.due.remove(due[0])
            self.now = due[0][0]
            due[0][1]()
        self.now = end


class Client:
    """One connection; *outcomes* has what its attempts led to."""

    def __init__(self, guesses: Guesses, address: str = HOME) -> None:
        self.guesses = guesses
        self.address = address
        self.outcomes: list[bool | type[TooManyTries]] = []

    def attempt(self, guess: str, secret: str | None = SECRET) -> None:
        """Present *guess*, and again at its turn if it has to wait."""
        try:
            right = self.guesses.is_right(guess, secret, client=self, address=self.address)
            self.outcomes.append(right)
        except MustWait:
            try:
                self.guesses.wait(self, self.address, lambda: self.attempt(guess, secret))
            except TooManyTries:
                self.outcomes.append(TooManyTries)
        except TooManyTries:
            self.outcomes.append(TooManyTries)


@pytest.fixture
def timers() -> Timers:
    return Timers()


@pytest.fixture
def guesses(timers: Timers) -> Guesses:
    return Guesses(clock=lambda: timers.now, call_later=timers.call_later, waiting_limit=100)


def use_up(guesses: Guesses, address: str = HOME) -> None:
    """Present as many wrong guesses as are free."""
    for _ in range(TRIES):
        Client(guesses, address).attempt("wrong")


def test_one_attempt_per_second_is_compared_over_the_limit(guesses: Guesses, timers: Timers) -> None:
    use_up(guesses)
    clients = [Client(guesses) for _ in range(20)]
    for client in clients:
        client.attempt("wrong")

    for compared in range(20):
        assert sum(len(client.outcomes) for client in clients) == compared
        timers.advance(TURN_SECONDS)

    assert [client.outcomes for client in clients] == [[False]] * 20


def test_right_guess_is_accepted_at_its_turn(guesses: Guesses, timers: Timers) -> None:
    use_up(guesses)
    client = Client(guesses)
    client.attempt(SECRET)
    assert client.outcomes == []

    timers.advance(TURN_SECONDS)

    assert client.outcomes == [True]


def test_clients_of_one_address_take_turns(guesses: Guesses, timers: Timers) -> None:
    class Guesser(Client):
        def attempt(self, guess: str, secret: str | None = SECRET) -> None:
            super().attempt(guess, secret)
            if self.outcomes and len(self.outcomes) < 50:
                self.outcomes.append(False)
                super().attempt("the next one")

    use_up(guesses)
    guesser, person = Guesser(guesses), Client(guesses)
    guesser.attempt("wrong")
    person.attempt(SECRET)

    timers.advance(2 * TURN_SECONDS)

    assert person.outcomes == [True]


def test_addresses_do_not_delay_each_other(guesses: Guesses, timers: Timers) -> None:
    for number in range(50):
        use_up(guesses, f"203.0.113.{number}")
        Client(guesses, f"203.0.113.{number}").attempt("wrong")

    client = Client(guesses, AWAY)
    client.attempt(SECRET)
    assert client.outcomes == [True]
    use_up(guesses, AWAY)
    late = Client(guesses, AWAY)
    late.attempt(SECRET)
    timers.advance(TURN_SECONDS)

    assert late.outcomes == [True]


def test_address_without_wrong_guesses_is_never_delayed(guesses: Guesses) -> None:
    use_up(guesses)
    client = Client(guesses, AWAY)

    for _ in range(1_000):
        client.attempt(SECRET)

    assert client.outcomes == [True] * 1_000


def test_client_that_has_presented_the_secret_is_not_delayed(guesses: Guesses, timers: Timers) -> None:
    client = Client(guesses)
    client.attempt(SECRET)
    use_up(guesses)
    for _ in range(10):
        Client(guesses).attempt("wrong")

    client.attempt(SECRET)
    assert client.outcomes == [True, True]

    client.attempt("wrong")  # compared, and then it is like all others
    client.attempt(SECRET)
    assert client.outcomes == [True, True, False]
    timers.advance(20 * TURN_SECONDS)
    assert client.outcomes == [True, True, False, True]


def test_known_secret_does_not_help_with_another_one(guesses: Guesses) -> None:
    client = Client(guesses)
    client.attempt(SECRET)
    use_up(guesses)

    client.attempt("guess", "another secret")

    assert client.outcomes == [True]


def test_secrets_that_a_client_knows_are_bounded(guesses: Guesses) -> None:
    client = Client(guesses)
    for number in range(50):
        client.attempt(str(number), str(number))

    assert len(guesses._known[client]) == SECRETS


def test_ipv6_network_counts_as_one_address(guesses: Guesses) -> None:
    for number in range(TRIES):
        Client(guesses, f"2001:db8::{number}").attempt("wrong")

    same, other = Client(guesses, "2001:db8::ffff:1"), Client(guesses, "2001:db8:0:1::1")
    same.attempt(SECRET)
    other.attempt(SECRET)

    assert (same.outcomes, other.outcomes) == ([], [True])


@pytest.mark.parametrize(
    ("address", "share"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::", "2001:db8::/64"),
        ("", ""),
        ("garbage", "garbage"),
    ],
)
def test_share_of_an_address(address: str, share: str) -> None:
    assert share_of(address) == share


# Bounds


def test_client_that_leaves_loses_its_turn(guesses: Guesses, timers: Timers) -> None:
    use_up(guesses)
    first, second = Client(guesses), Client(guesses)
    first.attempt("wrong")
    second.attempt(SECRET)

    guesses.forget(first, HOME)
    guesses.forget(first, HOME)
    guesses.forget(first, AWAY)
    timers.advance(TURN_SECONDS)

    assert (first.outcomes, second.outcomes) == ([], [True])


def test_queue_continues_after_all_have_left(guesses: Guesses, timers: Timers) -> None:
    use_up(guesses)
    first = Client(guesses)
    first.attempt("wrong")
    guesses.forget(first, HOME)
    second = Client(guesses)
    second.attempt("wrong")
    timers.advance(TURN_SECONDS / 2)
    third = Client(guesses)
    third.attempt(SECRET)

    timers.advance(2 * TURN_SECONDS)

    assert (second.outcomes, third.outcomes) == ([False], [True])
    timers.advance(TRIES_SECONDS)
    assert timers.due == []


def test_early_timer_gives_the_turn(guesses: Guesses, timers: Timers) -> None:
    use_up(guesses)
    client = Client(guesses)
    client.attempt(SECRET)
    ((_, callback),) = timers.due

    timers.now += TURN_SECONDS - 1e-6
    callback()

    assert client.outcomes == [True]


def test_address_with_most_attempts_loses_the_last_one_when_too_many_wait(guesses: Guesses) -> None:
    use_up(guesses)
    use_up(guesses, AWAY)
    crowd = [Client(guesses) for _ in range(100)]
    for client in crowd:
        client.attempt("wrong")

    person = Client(guesses, AWAY)
    person.attempt(SECRET)
    late = Client(guesses)
    late.attempt("wrong")

    assert person.outcomes == []
    assert crowd[-1].outcomes == [TooManyTries]
    assert late.outcomes == [TooManyTries]
    assert all(client.outcomes == [] for client in crowd[:-1])


def test_no_attempt_waits_if_none_may(timers: Timers) -> None:
    guesses = Guesses(clock=lambda: timers.now, call_later=timers.call_later, waiting_limit=0)
    use_up(guesses)
    client = Client(guesses)

    client.attempt(SECRET)

    assert client.outcomes == [TooManyTries]


def test_remembered_addresses_are_bounded(guesses: Guesses, timers: Timers) -> None:
    use_up(guesses)
    waiting = Client(guesses)
    waiting.attempt(SECRET)
    for number in range(ADDRESSES + 50):
        Client(guesses, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}").attempt("wrong")

    assert len(guesses._tries) == ADDRESSES
    timers.advance(TRIES_SECONDS)
    assert waiting.outcomes == [True]
    Client(guesses, AWAY).attempt(SECRET)
    assert len(guesses._tries) == 0


def test_full_memory_of_waiting_addresses_still_counts(
    guesses: Guesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chateau.hub.guesses.ADDRESSES", 1)
    use_up(guesses)
    Client(guesses).attempt("wrong")

    use_up(guesses, AWAY)

    assert set(guesses._tries) == {HOME, AWAY}


def test_clients_are_not_kept_alive(guesses: Guesses, timers: Timers) -> None:
    Client(guesses).attempt(SECRET)
    use_up(guesses)
    Client(guesses).attempt("wrong")
    timers.advance(TURN_SECONDS)
    gc.collect()

    assert len(guesses._known) == 0
    assert guesses._turns == {}


def test_attempts_that_wait_are_refused_when_the_server_stops(guesses: Guesses, timers: Timers) -> None:
    use_up(guesses)
    clients = [Client(guesses) for _ in range(3)]
    for client in clients:
        client.attempt(SECRET)

    guesses.close()
    late = Client(guesses)
    late.attempt(SECRET)

    assert [client.outcomes for client in (*clients, late)] == [[TooManyTries]] * 4
    timers.advance(TRIES_SECONDS)


# Rooms


def test_passwords_of_rooms_have_the_same_limit() -> None:
    harness = Harness()
    harness.user("owner", "vault")
    harness.hub.rooms.lock("vault", "1234")
    guesser = harness.user("guesser")

    for number in range(TRIES):
        with pytest.raises(AccessDenied):
            harness.hub.join(guesser, "vault", password=str(number))
    with pytest.raises(MustWait):
        harness.hub.join(guesser, "vault", password="1234")
    with pytest.raises(MustWait):
        harness.hub.access.check_key("guess", guesser.address, guesser)
    with pytest.raises(AccessDenied):  # a missing password is no attempt
        harness.hub.join(guesser, "vault")
    harness.hub.join(guesser, "lobby")


def test_missing_passwords_do_not_count() -> None:
    harness = Harness()
    harness.user("owner", "vault")
    harness.hub.rooms.lock("vault", "1234")
    user = harness.user("alice")
    for _ in range(100):
        with pytest.raises(AccessDenied):
            harness.hub.join(user, "vault")

    harness.hub.join(user, "vault", password="1234")


def test_shutdown_refuses_attempts_that_wait() -> None:
    harness = Harness()
    session = harness.connect()
    for _ in range(TRIES):
        with pytest.raises(AccessDenied):
            harness.hub.access.check_session_key("guess", session)

    harness.hub.shut_down()

    with pytest.raises(TooManyTries):
        harness.hub.access.check_session_key("guess", session)
