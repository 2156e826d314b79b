"""Rules: which frames are meant, and what is to happen to them.

These are values; who decides by them is :mod:`chateau.client.proxy.faults`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chateau.client import strict_json
from chateau.client.proxy.frame import DATA, Frame, Kind, Speech, Way
from chateau.client.scenarios.match import match
from chateau.client.scenarios.schemas import Schemas

SCHEMAS = Schemas()


class Ending(StrEnum):
    """What a direction comes to, once a frame has passed."""

    STALL = "stall"
    HALF_CLOSE = "half_close"
    CLOSE = "close"
    RESET = "reset"


class Cut(StrEnum):
    """Where a frame is cut, if it is not said in numbers."""

    RANDOM = "random"
    CHARACTER = "character"  # inside its first character of more than one byte


@dataclass(frozen=True, slots=True)
class When:
    """The frames that a rule is for: those that all of this holds for. What is None holds for all."""

    way: Way | None = None
    connection: int | None = None
    speech: Speech | None = None
    kinds: frozenset[Kind] = DATA
    payload: re.Pattern[str] | None = None
    value: Any = None  # what the payload has at least, as JSON
    nth: int | None = None
    from_nth: int | None = None
    to_nth: int | None = None

    def may_hold(self, connection: int, way: Way, speech: Speech) -> bool:
        """Whether any frame of this direction can be meant."""
        return (
            self.way in {None, way}
            and self.connection in {None, connection}
            and self.speech in {None, speech}
        )

    def holds(self, frame: Frame) -> bool:
        """Whether *frame* is meant, as far as it tells by itself."""
        if frame.kind not in self.kinds:
            return False
        if self.payload is None and self.value is None:
            return True
        if frame.kind is Kind.BYTES:
            return False
        text = frame.payload.decode("utf-8", "backslashreplace")
        return (self.payload is None or self.payload.search(text) is not None) and (
            self.value is None or _has(text, self.value)
        )

    def counts(self, number: int) -> bool:
        """Whether the frame is meant that is *number*-th of those that all else holds for."""
        return (
            self.nth in {None, number}
            and (self.from_nth is None or self.from_nth <= number)
            and (self.to_nth is None or number <= self.to_nth)
        )


@dataclass(frozen=True, slots=True)
class Do:
    """What happens to a frame that is meant."""

    drop: bool = False
    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0  # at most so much more
    copies: int = 1
    overtaken_by: int = 0  # so many frames that come later
    cut: Cut | int | tuple[int, ...] | None = None  # an int is the size of the pieces
    joined: int = 1  # so many frames in one write
    ending: Ending | None = None
    code: int = 1000  # of Ending.CLOSE


@dataclass(frozen=True, slots=True)
class Rule:
    """*do* is done to each frame for which *when* holds, with this *probability*."""

    when: When
    do: Do
    probability: float = 1.0


def _has(text: str, expected: Any) -> bool:
    """Whether *text* is JSON that a scenario would match with *expected*."""
    try:
        value = strict_json.decode(text)
    except ValueError:
        return False
    return match(expected, value, schemas=SCHEMAS).matches
