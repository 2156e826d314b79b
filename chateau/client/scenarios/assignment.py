"""Which of several frames each of several expectations takes, where their order is free.

Two expectations never take one frame. The frames that are taken are the oldest that will do, so that it makes
no difference whether a frame was there before or came later; of these, the first expectation has the oldest
that it can have, then the second.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chateau.client.scenarios.mismatch import Match, joined


@dataclass(frozen=True, slots=True)
class Assignment:
    """``taken`` has, for each expectation, the index of what it takes."""

    taken: tuple[int, ...]
    captures: dict[str, Any]


class Pairing:
    """Expectations on one side, frames on the other, as they come.

    Bipartite matching by augmenting paths from the side of the frames: one that has been taken stays taken,
    though perhaps by another expectation, and so the older ones are always preferred.
    """

    def __init__(self, expectations: int) -> None:
        self._taken_by: list[int | None] = [None] * expectations
        self._rows: list[Sequence[Match]] = []

    @property
    def is_complete(self) -> bool:
        return None not in self._taken_by

    def offer(self, row: Sequence[Match]) -> bool:
        """Add a frame, as it compares with each expectation; whether one takes it."""
        self._rows.append(row)
        return not self.is_complete and self._augment(len(self._rows) - 1, frozenset())

    def assignment(self) -> Assignment | None:
        """Who takes what; None while an expectation has nothing to take."""
        if not self.is_complete:
            return None
        self._settle()
        taken = tuple(index for index in self._taken_by if index is not None)
        matches = [self._rows[frame][expectation] for expectation, frame in enumerate(taken)]
        return Assignment(taken, joined(matches).captures)

    def _augment(self, frame: int, settled: frozenset[int]) -> bool:
        """Let an expectation take *frame*; one that loses its own by that takes another, none *settled* does."""
        came_from: dict[int, int] = {}  # expectation → the frame that it would take
        waiting = deque([frame])
        while waiting:
            candidate = waiting.popleft()
            for expectation, match in enumerate(self._rows[candidate]):
                if match.matches and expectation not in came_from and expectation not in settled:
                    came_from[expectation] = candidate
                    holds = self._taken_by[expectation]
                    if holds is None:
                        self._hand_over(expectation, came_from, frame)
                        return True
                    waiting.append(holds)
        return False

    def _hand_over(self, expectation: int, came_from: dict[int, int], first: int) -> None:
        """Walk the path back to *first*, each expectation on it taking the frame that it was reached from."""
        holder = {frame: who for who, frame in enumerate(self._taken_by) if frame is not None}
        while True:
            frame = came_from[expectation]
            self._taken_by[expectation] = frame
            if frame == first:
                return
            expectation = holder[frame]

    def _settle(self) -> None:
        """Give each expectation in turn the oldest of the taken frames that leaves enough for the rest."""
        for expectation in range(len(self._taken_by)):
            settled = frozenset(range(expectation + 1))
            for frame in sorted(frame for frame in self._taken_by[expectation:] if frame is not None):
                if frame == self._taken_by[expectation] or self._swap(expectation, frame, settled):
                    break

    def _swap(self, expectation: int, frame: int, settled: frozenset[int]) -> bool:
        """Give *frame* to *expectation*, if its holder can do with what is left over by that."""
        if not self._rows[frame][expectation].matches:
            return False
        before = list(self._taken_by)
        left_over, holder = before[expectation], before.index(frame)
        self._taken_by[expectation], self._taken_by[holder] = frame, None
        if left_over is not None and self._augment(left_over, settled):
            return True
        self._taken_by = before
        return False


def place(table: Sequence[Sequence[Match]]) -> Assignment | None:
    """The assignment for a *table* that has a row for each expectation, a column for each frame."""
    pairing = Pairing(len(table))
    for row in zip(*table, strict=True):
        if pairing.is_complete:
            break
        pairing.offer(row)
    return pairing.assignment()
