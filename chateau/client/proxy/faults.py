"""Faults: rules, from flags or a rules file, and the decision what happens to each frame of a direction.

A decision depends on the seed, the number of the connection, the direction, and the earlier frames that match
the rule; it does not depend on time or on other connections. The same seed and the same frames give the same
decisions.
"""

import json
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chateau.client import strict_json
from chateau.client.protocols import schemas_folder
from chateau.client.proxy.codec import DATA, DIRECTION_NAMES, Frame, Kind, WireProtocol
from chateau.client.transcript import Direction

if TYPE_CHECKING:
    from chateau.client.scenarios.schemas import Schemas

MAX_CUTS = 200  # per frame: each one costs a pause
SCHEMA = "proxy-rules.json"
DIRECTIONS = {**{name: direction for direction, name in DIRECTION_NAMES.items()}, "both": None}
"""The words of ``--direction`` and of a rule's ``direction``; None stands for both directions."""


class Ending(StrEnum):
    """How a fault ends a direction, after a frame has passed."""

    HALF_CLOSE = "half_close"
    STALL = "stall"
    CLOSE = "close"
    RESET = "reset"


class Cut(StrEnum):
    """Where a frame is cut, if not at given offsets."""

    RANDOM = "random"
    CHARACTER = "character"  # inside its first character of more than one byte


@dataclass(frozen=True, slots=True)
class Condition:
    """Which frames a rule applies to. A field that is None matches every frame."""

    direction: Direction | None = None
    connection: int | None = None
    protocol: WireProtocol | None = None
    kinds: frozenset[Kind] = DATA
    payload: re.Pattern[str] | None = None
    value: Any = None  # what the payload matches, as JSON
    nth: int | None = None
    from_nth: int | None = None
    to_nth: int | None = None

    def can_match(self, connection: int, direction: Direction, protocol: WireProtocol) -> bool:
        """Return whether any frame of this direction can match."""
        return (
            self.direction in {None, direction}
            and self.connection in {None, connection}
            and self.protocol in {None, protocol}
        )

    def matches(self, frame: Frame) -> bool:
        """Return whether *frame* matches, apart from its number."""
        if frame.kind not in self.kinds:
            return False
        if self.payload is None and self.value is None:
            return True
        if frame.kind is Kind.BYTES:
            return False
        text = frame.payload.decode("utf-8", "backslashreplace")
        return (self.payload is None or self.payload.search(text) is not None) and (
            self.value is None or _matches_json(text, self.value)
        )

    def matches_number(self, number: int) -> bool:
        """Return whether the *number*-th of the matching frames is meant."""
        return (
            self.nth in {None, number}
            and (self.from_nth is None or self.from_nth <= number)
            and (self.to_nth is None or number <= self.to_nth)
        )


@dataclass(frozen=True, slots=True)
class Action:
    """What happens to a frame that matches."""

    drop: bool = False
    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0  # maximum random extra delay
    copies: int = 1
    overtaken_by: int = 0  # number of later frames that pass first
    cut: Cut | int | tuple[int, ...] | None = None  # an int is the size of the pieces
    joined: int = 1  # number of frames in one write
    ending: Ending | None = None
    code: int = 1000  # of Ending.CLOSE

    def on_bytes(self) -> "Action":
        """Return the part that can be done to a stream without frames; an ending can replace a piece."""
        drop = self.drop and self.ending is not None
        return replace(self, drop=drop, copies=1, overtaken_by=0, cut=None, joined=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """Do *action* to each frame that matches *condition*, with this *probability*."""

    condition: Condition
    action: Action
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class FaultDecision:
    """What happens to one frame."""

    is_dropped: bool = False
    delay_seconds: float = 0.0
    copies: int = 1
    overtaken_by: int = 0
    cuts: tuple[int, ...] = ()
    joined: int = 1
    ending: Ending | None = None  # of its direction, after it
    code: int = 1000


NO_FAULT = FaultDecision()


@dataclass(frozen=True, slots=True)
class FaultConfig:
    """The rules of a run, and the seed of its random numbers."""

    rules: Sequence[Rule] = ()
    seed: int = 0


class Faults:
    """The faults of one direction of one connection."""

    def __init__(
        self, config: FaultConfig, connection: int, direction: Direction, protocol: WireProtocol
    ) -> None:
        self._rules = [
            _AppliedRule(rule, f"{config.seed}/{connection}/{DIRECTION_NAMES[direction]}/{number}")
            for number, rule in enumerate(config.rules)
            if rule.condition.can_match(connection, direction, protocol)
        ]

    @property
    def is_none(self) -> bool:
        """Return whether no fault is possible here."""
        return not self._rules

    @property
    def need_frames(self) -> bool:
        """Return whether there are faults that cannot be done to bytes."""
        return any(applied.rule.action.on_bytes() != applied.rule.action for applied in self._rules)

    def decide(self, frame: Frame) -> FaultDecision:
        """Apply all rules to *frame*, one after the other."""
        decision = NO_FAULT
        for applied in self._rules:
            if applied.is_due(frame):
                decision = applied.add_to(decision, frame)
        return decision


class _AppliedRule:
    """A rule in one direction: its count of matching frames, and its random numbers.

    Control frames arrive at any time. They have random numbers of their own, so that they do not change those
    of the data frames.
    """

    def __init__(self, rule: Rule, seed: str) -> None:
        self.rule = rule
        self._count = 0
        self._randoms = {False: random.Random(seed), True: random.Random(f"{seed}/control")}

    def is_due(self, frame: Frame) -> bool:
        if not self.rule.condition.matches(frame):
            return False
        self._count += 1
        if not self.rule.condition.matches_number(self._count):
            return False
        return self.rule.probability >= 1 or self._random(frame).random() < self.rule.probability

    def add_to(self, decision: FaultDecision, frame: Frame) -> FaultDecision:
        """Return *decision* combined with the action of this rule."""
        action = self.rule.action.on_bytes() if frame.kind is Kind.BYTES else self.rule.action
        jitter = self._random(frame).uniform(0, action.jitter_seconds) if action.jitter_seconds else 0.0
        return replace(
            decision,
            is_dropped=decision.is_dropped or action.drop,
            delay_seconds=decision.delay_seconds + action.delay_seconds + jitter,
            copies=max(decision.copies, action.copies),
            overtaken_by=max(decision.overtaken_by, action.overtaken_by),
            cuts=tuple(sorted({*decision.cuts, *self._cuts(frame, action.cut)})),
            joined=max(decision.joined, action.joined),
            ending=decision.ending or action.ending,
            code=decision.code if decision.ending else action.code,
        )

    def _random(self, frame: Frame) -> random.Random:
        return self._randoms[frame.is_control]

    def _cuts(self, frame: Frame, cut: Cut | int | tuple[int, ...] | None) -> Iterable[int]:
        length = len(frame.raw)
        match cut:
            case Cut.RANDOM:
                return [self._random(frame).randrange(1, length)] if length > 1 else []
            case Cut.CHARACTER:
                first = next((offset for offset, byte in enumerate(frame.payload) if byte >= 0xC0), None)
                return [] if first is None else [frame.payload_start + first + 1]
            case int():
                return range(cut, length, cut)[:MAX_CUTS]
            case tuple():
                return [offset for offset in cut if offset < length]
        return ()


@cache
def _schemas() -> "Schemas":
    from chateau.client.scenarios.schemas import Schemas

    return Schemas()


def _matches_json(text: str, expected: Any) -> bool:
    """Return whether *text* is JSON that a scenario would match with *expected*."""
    from chateau.client.scenarios.match import match

    try:
        value = strict_json.decode(text)
    except ValueError:
        return False
    return match(expected, value, schemas=_schemas()).matches


# The rules file, in the format of schemas/proxy-rules.json


class RulesError(Exception):
    """A rules file cannot be read or is invalid; the text names the file and the position."""


def read_rules(name: str) -> list[Rule]:
    """Read the rules in the file *name*.

    Raises:
        RulesError: the file cannot be read, or is invalid.
    """
    try:
        return parse_rules(strict_json.decode(Path(name).read_text("utf-8-sig")))
    except json.JSONDecodeError as exc:
        raise RulesError(f"{name}, line {exc.lineno}, column {exc.colno}: not JSON: {exc.msg}") from exc
    except UnicodeDecodeError as exc:
        raise RulesError(f"{name}, byte {exc.start}: not UTF-8") from exc
    except OSError as exc:
        raise RulesError(f"{name}: {exc.strerror}") from exc
    except ValueError as exc:  # from open(), for a name with a zero byte
        raise RulesError(f"{name!r} is not a valid file name: {exc}") from exc
    except RulesError as exc:
        raise RulesError(f"{name}, {exc}") from exc


def parse_rules(value: Any) -> list[Rule]:
    """Return the rules in *value*, decoded JSON.

    Raises:
        RulesError: it does not match the schema, or has an invalid regular expression.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    schema = json.loads((schemas_folder() / SCHEMA).read_bytes())
    error = best_match(Draft202012Validator(schema).iter_errors(value))
    if error is not None:
        raise RulesError(f"{strict_json.pointer(error.absolute_path) or 'the top'}: {error.message}")
    return [
        Rule(
            _parse_condition(number, rule.get("when", {})),
            _parse_action(rule["do"]),
            rule.get("probability", 1.0),
        )
        for number, rule in enumerate(value)
    ]


def _parse_condition(number: int, fields: dict[str, Any]) -> Condition:
    return Condition(
        direction=DIRECTIONS[fields.get("direction", "both")],
        protocol=WireProtocol(fields["protocol"]) if "protocol" in fields else None,
        kinds=_parse_kinds(fields.get("opcode")),
        payload=_parse_pattern(number, fields.get("payload")),
        value=fields.get("json"),
        **{name: fields.get(name) for name in ("connection", "nth", "from_nth", "to_nth")},
    )


def _parse_kinds(opcode: str | list[str] | None) -> frozenset[Kind]:
    if opcode is None:
        return DATA
    if opcode == "any":
        return frozenset(Kind)
    return frozenset(map(Kind, [opcode] if isinstance(opcode, str) else opcode))


def _parse_pattern(number: int, pattern: str | None) -> re.Pattern[str] | None:
    try:
        return None if pattern is None else re.compile(pattern)
    except re.error as exc:
        where = strict_json.pointer((number, "when", "payload"))
        raise RulesError(f"{where}: not a regular expression: {exc}") from exc


def _parse_action(fields: dict[str, Any]) -> Action:
    """Return the action; ``int`` because 2.0 is an integer in JSON Schema."""
    cut = fields.get("cut")
    match cut:
        case str():
            cut = Cut(cut)
        case list():
            cut = tuple(map(int, cut))
        case float():
            cut = int(cut)
    return Action(
        drop="drop" in fields,
        delay_seconds=fields.get("delay", 0.0),
        jitter_seconds=fields.get("jitter", 0.0),
        copies=int(fields.get("duplicate", 1)),
        overtaken_by=int(fields.get("reorder", 0)),
        cut=cut,
        joined=int(fields.get("join", 1)),
        ending=next((ending for ending in Ending if ending in fields), None),
        code=int(fields.get("close", 1000)),
    )
