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
        self._fitting: list[list[int]] = []  # of each frame, the expectations that it matches

    @property
    def is_complete(self) -> bool:
        return None not in self._taken_by

    def offer(self, row: Sequence[Match]) -> bool:
        """Add a frame, as it compares with each expectation; whether one takes it."""
        self._rows.append(row)
        self._fitting.append([index for index, match in enumerate(row) if match.matches])
        return not self.is_complete and self._augment(len(self._rows) - 1, frozenset())

    def left_over(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The expectations that have nothing to take so far, and the frames that none takes."""
        unmet = (index for index, frame in enumerate(self._taken_by) if frame is None)
        untaken = (frame for frame in range(len(self._rows)) if frame not in self._taken_by)
        return tuple(unmet), tuple(untaken)

    def assignment(self) -> Assignment | None:
        """Who takes what; None while an expectation has nothing to take."""
        if not self.is_complete:
            return None
        self._settle()
        taken = tuple(index for index in self._taken_by if index is not None)
        matches = [self._rows[frame][expectation] for expectation, frame in enumerate(taken)]
        return Assignment(taken, joined(matches).captures)

    def _augment(self, frame: int, settled: frozenset[int]) -> bool:
        """Let an expectation take *frame*; one that loses its own takes another, but no *settled* one."""
        came_from: dict[int, int] = {}  # expectation → the frame that it would take
        waiting = deque([frame])
        while waiting:
            candidate = waiting.popleft()
            for expectation in self._fitting[candidate]:
                if expectation not in came_from and expectation not in settled:
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
        if expectation not in self._fitting[frame]:
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
    return paired(table).assignment()


def paired(table: Sequence[Sequence[Match]]) -> Pairing:
    pairing = Pairing(len(table))
    for row in zip(*table, strict=True):
        pairing.offer(row)
    return pairing
