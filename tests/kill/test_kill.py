"""``kill -9`` at a random moment: the history has what was acknowledged, once and in order.

Each kind of kill is played once here; ``make soak`` plays the same for longer.
"""

from __future__ import annotations

from pathlib import Path

from campaign import Workload, play, two_old_rooms_and_a_new_one
from ledger import Ledger
from publishers import crowd, eight_publishers

SEED = 20
ROUNDS = 3
"""Kills at a random moment in a new room, at an acknowledgement, and at a random moment in a known room."""

MIN_ACKNOWLEDGED = 50
"""Acknowledged messages per round, on average; with fewer the test would show little."""


def test_no_acknowledged_message_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    ledger = Ledger()
    workload = Workload(eight_publishers(ledger, SEED), two_old_rooms_and_a_new_one)

    rounds = list(play(tmp_path, ledger, workload, seed=SEED, rounds=ROUNDS))

    assert len(rounds) == ROUNDS
    assert ledger.acknowledged >= ROUNDS * MIN_ACKNOWLEDGED
    assert ledger.verified == ledger.acknowledged


def test_history_has_no_gap_where_old_messages_are_trimmed(tmp_path: Path) -> None:
    retained = 100
    ledger = Ledger(retained=retained)
    workload = Workload(eight_publishers(ledger, SEED), two_old_rooms_and_a_new_one)

    rounds = list(
        play(tmp_path, ledger, workload, seed=SEED, rounds=2, retained=retained, min_acknowledged=retained)
    )

    assert sum(played.acknowledged for played in rounds) > retained


def test_no_acknowledged_message_of_a_hundred_publishers_is_lost(tmp_path: Path) -> None:
    ledger = Ledger()
    workload = Workload(crowd(ledger, SEED, size=100), lambda _: ("hall", "attic"))

    list(play(tmp_path, ledger, workload, seed=SEED, rounds=2, min_acknowledged=MIN_ACKNOWLEDGED))

    assert ledger.acknowledged >= 2 * MIN_ACKNOWLEDGED
    assert ledger.verified == ledger.acknowledged
