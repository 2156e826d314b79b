"""Faults: what happens to each frame of one direction, decided by rules and chance.

A decision depends on the seed, on the number of the connection, on the direction, and on the frames that the
rule was for before; neither on time nor on other connections. A run with the same seed and the same frames
is the same run.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

from chateau.client.proxy.frame import Frame, Kind, Speech, Way
from chateau.client.proxy.rule import Cut, Do, Ending, Rule

MOST_CUTS = 200  # of one frame: each costs a pause


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one frame."""

    is_dropped: bool = False
    delay_seconds: float = 0.0
    copies: int = 1
    overtaken_by: int = 0
    cuts: tuple[int, ...] = ()
    joined: int = 1
    ending: Ending | None = None  # of its direction, after it
    code: int = 1000


NOTHING = Fate()


class Faults:
    """The faults of one direction of one connection."""

    def __init__(
        self, rules: Iterable[Rule], *, seed: int, connection: int, way: Way, speech: Speech
    ) -> None:
        self._courses = [
            _Course(rule, f"{seed}/{connection}/{way}/{number}")
            for number, rule in enumerate(rules)
            if rule.when.may_hold(connection, way, speech)
        ]

    @property
    def is_none(self) -> bool:
        """Whether nothing can ever happen here."""
        return not self._courses

    @property
    def need_frames(self) -> bool:
        """Whether there are faults that cannot be done to bytes."""
        return any(_on_bytes(course.rule.do) != course.rule.do for course in self._courses)

    def fate(self, frame: Frame) -> Fate:
        """What happens to *frame*: all that the rules say, one after the other."""
        fate = NOTHING
        for course in self._courses:
            if course.is_meant(frame):
                fate = course.applied(fate, frame)
        return fate


class _Course:
    """A rule on its way along one direction: how often it held so far, and its own chance.

    Control frames come when they like, so they have a chance of their own, lest they disturb the other one.
    """

    def __init__(self, rule: Rule, seed: str) -> None:
        self.rule = rule
        self._count = 0
        self._chances = {False: random.Random(seed), True: random.Random(f"{seed}/control")}

    def is_meant(self, frame: Frame) -> bool:
        if not self.rule.when.holds(frame):
            return False
        self._count += 1
        if not self.rule.when.counts(self._count):
            return False
        return self.rule.probability >= 1 or self._chance(frame).random() < self.rule.probability

    def applied(self, fate: Fate, frame: Frame) -> Fate:
        """*fate*, and what this rule adds to it."""
        do = _on_bytes(self.rule.do) if frame.kind is Kind.BYTES else self.rule.do
        jitter = self._chance(frame).uniform(0, do.jitter_seconds) if do.jitter_seconds else 0.0
        return replace(
            fate,
            is_dropped=fate.is_dropped or do.drop,
            delay_seconds=fate.delay_seconds + do.delay_seconds + jitter,
            copies=max(fate.copies, do.copies),
            overtaken_by=max(fate.overtaken_by, do.overtaken_by),
            cuts=tuple(sorted({*fate.cuts, *self._cuts(frame, do.cut)})),
            joined=max(fate.joined, do.joined),
            ending=fate.ending or do.ending,
            code=fate.code if fate.ending else do.code,
        )

    def _chance(self, frame: Frame) -> random.Random:
        return self._chances[frame.is_control]

    def _cuts(self, frame: Frame, cut: Cut | int | tuple[int, ...] | None) -> Iterable[int]:
        length = len(frame.raw)
        match cut:
            case Cut.RANDOM:
                return [self._chance(frame).randrange(1, length)] if length > 1 else []
            case Cut.CHARACTER:
                return _inside_a_character(frame)
            case int():
                return range(cut, length, cut)[:MOST_CUTS]
            case tuple():
                return [place for place in cut if place < length]
        return ()


def _on_bytes(do: Do) -> Do:
    """What can be done of it where no frames can be seen; an ending may come in place of a piece."""
    return Do(
        drop=do.drop and do.ending is not None,
        delay_seconds=do.delay_seconds,
        jitter_seconds=do.jitter_seconds,
        ending=do.ending,
        code=do.code,
    )


def _inside_a_character(frame: Frame) -> list[int]:
    found = next((place for place, byte in enumerate(frame.payload) if byte >= 0xC0), None)
    return [] if found is None else [frame.payload_start + found + 1]
