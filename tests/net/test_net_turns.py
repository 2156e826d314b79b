"""Turns: who is served when, by a clock that only the work itself advances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chateau.hub.guesses import share_of
from chateau.net.turns import BUDGET_SECONDS, UNIT_SECONDS, Turns

if TYPE_CHECKING:
    from collections.abc import Callable


class Loop:
    """An event loop that runs one iteration when the test asks for it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.called: list[Callable[[], None]] = []
        self.corks = 0

    def clock(self) -> float:
        return self.now

    def call_soon(self, call: Callable[[], None]) -> None:
        self.called.append(call)

    def cork(self) -> None:
        self.corks += 1

    def uncork(self) -> None:
        self.corks -= 1

    def run(self) -> None:
        called, self.called = self.called, []
        for call in called:
            call()


class Client:
    """Work of *units*, each of which takes *seconds*."""

    def __init__(
        self, turns: Turns, log: list[str], name: str, units: int, seconds: float = UNIT_SECONDS
    ) -> None:
        self.name, self.address = name, name.partition("/")[0]
        self.is_waiting = False
        self.left = units
        self._seconds = seconds
        self._turns, self._log = turns, log

    def take_turn(self) -> None:
        self._log.append(self.name)
        self._turns._loop.now += self._seconds  # type: ignore[attr-defined]
        self.left -= 1
        if self.left:
            self._turns.add(self)


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def turns(loop: Loop) -> Turns:
    anything: Any = loop
    return Turns(anything, anything, loop.clock)


def test_addresses_take_turns_whatever_the_number_of_their_connections(loop: Loop, turns: Turns) -> None:
    log: list[str] = []
    for name in ("a/1", "a/2", "a/3", "b/1"):
        turns.add(Client(turns, log, name, units=3))

    for _ in range(4):
        loop.run()

    assert [name[0] for name in log[:6]] == ["a", "b"] * 3
    assert log[:6:2] == ["a/1", "a/2", "a/3"], "and so do the connections of one address"
    assert len(log) == 12


def test_one_iteration_ends_with_its_budget_and_the_rest_waits_for_the_next(loop: Loop, turns: Turns) -> None:
    log: list[str] = []
    turns.add(Client(turns, log, "a", units=100))

    loop.run()

    assert len(log) == pytest.approx(BUDGET_SECONDS / UNIT_SECONDS, abs=1)
    assert turns.is_busy
    assert loop.called, "the next iteration continues"
    assert loop.corks == 0
    for _ in range(100):
        loop.run()
    assert len(log) == 100
    assert not turns.is_busy
    assert not loop.called, "an idle server does nothing"


def test_connections_with_little_work_share_the_unit_of_their_address(loop: Loop, turns: Turns) -> None:
    log: list[str] = []
    for number in range(20):
        turns.add(Client(turns, log, f"a/{number}", units=1, seconds=UNIT_SECONDS / 4))
    turns.add(Client(turns, log, "b", units=1))

    loop.run()

    assert log.index("b") in (4, 5), "about a unit's worth of them"


def test_client_that_waits_already_is_not_added_twice(loop: Loop, turns: Turns) -> None:
    log: list[str] = []
    client = Client(turns, log, "a", units=1)
    turns.add(client)
    turns.add(client)

    loop.run()

    assert log == ["a"]


def test_unit_has_its_end_by_the_clock(loop: Loop, turns: Turns) -> None:
    ends: list[float] = []
    client = Client(turns, [], "a", units=1)
    client.take_turn = lambda: ends.append(turns.ends_at - loop.now)  # type: ignore[method-assign]
    turns.add(client)

    loop.run()

    assert ends == [pytest.approx(UNIT_SECONDS)]


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "192.0.2.1", False),
        ("not an address", "2001:db8::1", False),
    ],
)
def test_addresses_of_one_ipv6_network_share(one: str, other: str, are_one: bool) -> None:
    assert (share_of(one) == share_of(other)) is are_one
