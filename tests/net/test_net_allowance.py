"""Allowances: tokens that start full and refill at the rate; debts, warnings and pauses."""

import pytest

from chateau.net.allowance import MAX_PAUSE_SECONDS, WARNINGS, AddressAllowances, Allowance
from chateau.protocols.errors import TooManyRequests


def burst(allowance: Allowance, now: float) -> int:
    """Return how many tokens can be taken at once."""
    taken = 0
    while allowance.take(now):
        taken += 1
    return taken


@pytest.mark.parametrize(("rate", "expected"), [(0.1, 1), (0.5, 1), (1, 2), (2.5, 5), (200, 400)])
def test_full_allowance_allows_a_burst_of_twice_the_rate(rate: float, expected: int) -> None:
    assert burst(Allowance(rate, 0), 0) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(0.05, 0, id="too little time for one"),
        pytest.param(0.125, 1, id="time for one"),
        pytest.param(1, 10, id="a second"),
        pytest.param(1000, 20, id="very long: twice the rate, and no more"),
    ],
)
def test_allowance_refills_at_the_rate(seconds: float, expected: int) -> None:
    allowance = Allowance(10, 0)
    burst(allowance, 0)

    assert burst(allowance, seconds) == expected


def test_rejected_attempt_takes_no_token() -> None:
    allowance = Allowance(10, 0)
    burst(allowance, 0)

    for number in range(1, 5):
        allowance.take(number * 0.03125)

    assert burst(allowance, 0.125) == 0, "the one token of the 0.125 s was taken by the last of the four"


def test_charge_becomes_a_debt_that_is_paid_at_the_rate() -> None:
    allowance = Allowance(10, 0)
    allowance.take(0)
    allowance.charge(29)

    assert not allowance.take(1.0)
    assert allowance.take(1.125)


def test_debt_is_bounded_so_that_a_pause_is() -> None:
    allowance = Allowance(10, 0)
    allowance.charge(1e9)

    assert allowance.pause_seconds() == pytest.approx(MAX_PAUSE_SECONDS)
    assert allowance.take(MAX_PAUSE_SECONDS + 0.001)


def test_client_is_warned_a_few_times_until_it_has_saved_all_tokens_again() -> None:
    allowance = Allowance(10, 0)
    burst(allowance, 0)

    assert [allowance.may_warn() for _ in range(WARNINGS + 2)] == [True] * WARNINGS + [False] * 2
    allowance.take(1)
    assert not allowance.may_warn(), "half of the tokens"
    allowance.take(10)
    assert allowance.may_warn()


@pytest.mark.parametrize(("rate", "expected"), [(0.5, 2.0), (10, 0.1), (1000, 0.05)])
def test_pause_lasts_until_there_is_a_token_and_no_shorter_than_needed(rate: float, expected: float) -> None:
    allowance = Allowance(rate, 0)
    tokens = burst(allowance, 0)

    assert tokens
    assert allowance.pause_seconds() == pytest.approx(expected)


def test_allowance_is_full_when_a_new_one_is_as_good() -> None:
    allowance = Allowance(10, 0)
    assert allowance.is_full(0)
    allowance.take(0)
    assert not allowance.is_full(0)
    assert allowance.is_full(0.125)


# Allowances of addresses


class Addresses:
    """Allowances of addresses at a time that the test sets."""

    def __init__(self, rate: float) -> None:
        self.time = 1_000.0
        self.allowances = AddressAllowances(rate, lambda: self.time)

    def served(self, address: str, requests: int = 100) -> int:
        """Return how many of *requests* are served."""
        served = 0
        for _ in range(requests):
            try:
                self.allowances.take(address)
                served += 1
            except TooManyRequests:
                pass
        return served


def test_addresses_have_allowances_of_their_own() -> None:
    addresses = Addresses(10)

    assert addresses.served("192.0.2.1") == 20
    assert addresses.served("192.0.2.1") == 0
    assert addresses.served("192.0.2.2") == 20


def test_ipv6_network_is_one_address() -> None:
    addresses = Addresses(10)

    assert addresses.served("2001:db8::1") == 20
    assert addresses.served("2001:db8::2") == 0
    assert addresses.served("2001:db8:0:1::1") == 20


def test_no_rate_is_no_limit() -> None:
    addresses = Addresses(0)

    assert addresses.served("192.0.2.1", 10_000) == 10_000
    assert addresses.allowances.of("192.0.2.1") is None
    assert len(addresses.allowances) == 0


@pytest.mark.parametrize(("tokens", "seconds"), [(0, 1), (10, 2), (45, 5), (1e9, 10)])
def test_error_has_the_seconds_until_a_request_is_served(tokens: float, seconds: int) -> None:
    addresses = Addresses(10)
    allowance = addresses.allowances.take("192.0.2.1")
    assert allowance is not None
    addresses.served("192.0.2.1")
    allowance.charge(tokens)

    with pytest.raises(TooManyRequests) as caught:
        addresses.allowances.take("192.0.2.1")

    assert caught.value.retry_seconds == seconds
    addresses.time += seconds
    assert addresses.served("192.0.2.1", 1) == 1


def test_full_allowances_are_dropped_as_others_come() -> None:
    addresses = Addresses(10)
    for number in range(20_000):
        addresses.served(f"10.0.{number // 250}.{number % 250}", 1)
        addresses.time += 0.001

    assert len(addresses.allowances) < 500, "each of them is full again after 0.1 s"


def test_allowance_that_is_not_full_is_not_dropped() -> None:
    addresses = Addresses(10)
    addresses.served("192.0.2.1")
    for number in range(1_000):
        addresses.served(f"10.0.{number // 250}.{number % 250}", 1)

    assert addresses.served("192.0.2.1") == 0
