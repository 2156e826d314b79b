"""``kill -9`` at a random moment: what was acknowledged is in the history, once, and in order.

``make soak`` plays the same for longer.
"""

from __future__ import annotations

from pathlib import Path

from campaign import Cast, play, two_old_rooms_and_a_new_one
from ledger import Ledger
from publishers import crowd, eight_publishers

SEED = 20
ROUNDS = 20
ACKNOWLEDGED_AT_LEAST = 50
"""In a round, on average: with less the test would say little."""


def test_nothing_acknowledged_is_lost_when_the_server_is_killed_again_and_again(tmp_path: Path) -> None:
    ledger = Ledger()
    cast = Cast(eight_publishers(ledger, SEED), two_old_rooms_and_a_new_one)

    rounds = list(play(tmp_path, ledger, cast, seed=SEED, rounds=ROUNDS))

    assert len(rounds) == ROUNDS
    assert ledger.acknowledged >= ROUNDS * ACKNOWLEDGED_AT_LEAST
    assert ledger.verified == ledger.acknowledged


def test_what_is_kept_is_whole_also_where_old_messages_are_trimmed(tmp_path: Path) -> None:
    kept = 300
    ledger = Ledger(kept=kept)
    cast = Cast(eight_publishers(ledger, SEED), two_old_rooms_and_a_new_one)

    rounds = list(play(tmp_path, ledger, cast, seed=SEED, rounds=5, kept=kept))

    assert sum(played.acknowledged for played in rounds) > kept


def test_nothing_acknowledged_is_lost_when_a_hundred_publish(tmp_path: Path) -> None:
    ledger = Ledger()
    cast = Cast(crowd(ledger, SEED, size=100), lambda _: ("hall", "attic"))

    list(play(tmp_path, ledger, cast, seed=SEED, rounds=2))

    assert ledger.acknowledged >= 2 * ACKNOWLEDGED_AT_LEAST
    assert ledger.verified == ledger.acknowledged
