"""Rate: a token bucket that starts full, has twice the rate as capacity, and refills at the rate."""

import pytest

from chateau.protocols.admission import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def burst(bucket: TokenBucket) -> int:
    """Return how many tokens can be taken at once."""
    taken = 0
    while bucket.take():
        taken += 1
    return taken


@pytest.mark.parametrize(("rate", "expected"), [(0.1, 1), (0.5, 1), (1, 2), (2.5, 5), (200, 400)])
def test_full_bucket_allows_a_burst_of_twice_the_rate(rate: float, expected: int) -> None:
    assert burst(TokenBucket(rate, Clock())) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(0.05, 0, id="too little time for one"),
        pytest.param(0.125, 1, id="time for one"),
        pytest.param(1, 10, id="a second"),
        pytest.param(1000, 20, id="very long: twice the rate, and no more"),
    ],
)
def test_bucket_refills_at_the_rate(seconds: float, expected: int) -> None:
    clock = Clock()
    bucket = TokenBucket(10, clock)
    burst(bucket)

    clock.now += seconds

    assert burst(bucket) == expected


def test_rejected_attempt_takes_no_token() -> None:
    clock = Clock()
    bucket = TokenBucket(10, clock)
    burst(bucket)

    for _ in range(4):
        clock.now += 0.03125
        bucket.take()

    assert burst(bucket) == 0, "the one token of the 0.125 s was taken by the last of the four"
