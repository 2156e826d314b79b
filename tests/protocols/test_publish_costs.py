"""What a publish over HTTP costs, in tokens; docs/limits.md has the table."""

import pytest

from chateau.protocols import costs


@pytest.mark.parametrize(("size", "expected"), [(0, 0), (4_095, 0), (4_096, 1), (1_000_000, 244)])
def test_each_4_kib_of_a_body_cost_a_token(size: int, expected: float) -> None:
    assert costs.content(size) == expected


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 0.01), (1_000, 10)])
def test_a_hundred_recipients_cost_a_token(count: int, expected: float) -> None:
    assert costs.members(count) == pytest.approx(expected)


def test_each_channel_and_each_package_of_a_broadcast_cost_a_token() -> None:
    assert costs.broadcast(3, 7) == 10
