"""The proxy's faults, without a socket: which frames they befall, and that chance can be repeated."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from chateau.client.proxy.codec import Frame, Kind, WireProtocol, raw_frame
from chateau.client.proxy.faults import (
    MAX_CUTS,
    NO_FAULT,
    Action,
    Condition,
    Cut,
    Ending,
    FaultConfig,
    FaultDecision,
    Faults,
    Rule,
)
from chateau.client.transcript import Direction

PING = Frame(Kind.PING, b"", b"\x89\x00")


def line(text: str) -> Frame:
    return Frame(Kind.LINE, text.encode(), f"{text}\r\n".encode())


def text(content: str) -> Frame:
    payload = content.encode()
    return Frame(Kind.TEXT, payload, WireFrame(Opcode.TEXT, payload).serialize(mask=False))


LINES = [line(f"line {number}") for number in range(200)]


def faults(
    *rules: Rule,
    seed: int = 1,
    connection: int = 1,
    direction: Direction = Direction.SENT,
    protocol: WireProtocol = WireProtocol.LINES,
) -> Faults:
    return Faults(FaultConfig(rules, seed), connection, direction, protocol)


def decisions(of: Faults, frames: Iterable[Frame] = LINES) -> list[FaultDecision]:
    return [of.decide(frame) for frame in frames]


def meant(when: Condition, frames: Iterable[Frame]) -> list[int]:
    """The numbers, from 1, of the frames that *when* means."""
    return [
        number
        for number, decision in enumerate(decisions(faults(Rule(when, Action(drop=True))), frames), 1)
        if decision.is_dropped
    ]


BY_CHANCE = (
    Rule(Condition(), Action(drop=True), 0.3),
    Rule(Condition(), Action(copies=2), 0.3),
    Rule(Condition(), Action(overtaken_by=1), 0.3),
    Rule(Condition(), Action(jitter_seconds=0.5)),
    Rule(Condition(), Action(cut=Cut.RANDOM), 0.5),
)


def test_same_seed_gives_the_same_decisions() -> None:
    assert decisions(faults(*BY_CHANCE, seed=7)) == decisions(faults(*BY_CHANCE, seed=7))


def test_a_decision_is_the_same_in_every_process_and_every_version() -> None:
    dropped = meant_by_chance(seed=42)

    assert dropped == [1, 3, 4, 5, 6, 7, 10, 11, 12, 13, 16, 20]


def meant_by_chance(*, seed: int) -> list[int]:
    decided = decisions(faults(Rule(Condition(), Action(drop=True), 0.5), seed=seed), LINES[:20])
    return [number for number, decision in enumerate(decided, 1) if decision.is_dropped]


@pytest.mark.parametrize(
    "other",
    [{"seed": 2}, {"connection": 2}, {"direction": Direction.RECEIVED}],
    ids=["seed", "connection", "direction"],
)
def test_seed_connection_and_direction_change_the_decisions(other: dict[str, object]) -> None:
    assert decisions(faults(*BY_CHANCE)) != decisions(faults(*BY_CHANCE, **other))  # type: ignore[arg-type]


def test_pings_do_not_change_the_decisions_for_data_frames() -> None:
    rules = (*BY_CHANCE, Rule(Condition(kinds=frozenset(Kind)), Action(jitter_seconds=1.0)))
    quiet, disturbed = faults(*rules), faults(*rules)
    undisturbed = decisions(quiet)

    with_pings = [
        decision for frame in LINES for decision in (disturbed.decide(frame), disturbed.decide(PING))
    ][::2]

    assert with_pings == undisturbed


def test_additional_rule_does_not_change_earlier_ones() -> None:
    alone, together = faults(BY_CHANCE[0]), faults(*BY_CHANCE)

    assert [decision.is_dropped for decision in decisions(alone)] == [
        decision.is_dropped for decision in decisions(together)
    ]


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_probability_is_the_share_of_frames(probability: float) -> None:
    of = faults(Rule(Condition(), Action(drop=True), probability))

    happened = sum(of.decide(LINES[0]).is_dropped for _ in range(5000))

    assert happened / 5000 == pytest.approx(probability, abs=0.03)


@pytest.mark.parametrize(
    ("do", "decision"),
    [
        (Action(drop=True), FaultDecision(is_dropped=True)),
        (Action(delay_seconds=0.2), FaultDecision(delay_seconds=0.2)),
        (Action(copies=3), FaultDecision(copies=3)),
        (Action(overtaken_by=2), FaultDecision(overtaken_by=2)),
        (Action(cut=3), FaultDecision(cuts=(3, 6))),
        (Action(cut=(1, 7)), FaultDecision(cuts=(1, 7))),
        (Action(cut=(1, 8, 99)), FaultDecision(cuts=(1,))),
        (Action(cut=100), NO_FAULT),
        (Action(cut=Cut.CHARACTER), NO_FAULT),
        (Action(joined=4), FaultDecision(joined=4)),
        (Action(ending=Ending.STALL), FaultDecision(ending=Ending.STALL)),
        (Action(ending=Ending.CLOSE, code=1011), FaultDecision(ending=Ending.CLOSE, code=1011)),
        (Action(ending=Ending.RESET), FaultDecision(ending=Ending.RESET)),
    ],
)
def test_each_fault_alone(do: Action, decision: FaultDecision) -> None:
    assert faults(Rule(Condition(), do)).decide(line("LOGIN!")) == decision


def test_rules_for_the_same_frame_add_up() -> None:
    of = faults(
        Rule(Condition(), Action(delay_seconds=0.1, cut=(2,))),
        Rule(Condition(), Action(delay_seconds=0.2, cut=(1,), copies=2)),
        Rule(Condition(), Action(joined=2, ending=Ending.CLOSE, code=1001)),
        Rule(Condition(), Action(ending=Ending.RESET)),
    )

    decision = of.decide(LINES[0])

    assert decision.delay_seconds == pytest.approx(0.3)
    assert replace(decision, delay_seconds=0.0) == FaultDecision(
        cuts=(1, 2), copies=2, joined=2, ending=Ending.CLOSE, code=1001
    )


def test_jitter_adds_up_to_its_seconds_to_the_delay() -> None:
    delays = [
        decision.delay_seconds for decision in decisions(faults(Rule(Condition(), Action(False, 0.1, 0.4))))
    ]

    assert 0.1 <= min(delays) < 0.15
    assert 0.45 < max(delays) <= 0.5


def test_a_random_cut_is_inside_the_frame() -> None:
    of = faults(Rule(Condition(), Action(cut=Cut.RANDOM)))

    cuts = [of.decide(line("abc")).cuts for _ in range(200)]

    assert {place for (place,) in cuts} == {1, 2, 3, 4}
    assert of.decide(Frame(Kind.LINE, b"", b"\n")).cuts == ()


@pytest.mark.parametrize(
    "frame", [line("grüß"), text("grüß"), text("ü" * 100_000)], ids=["line", "text", "long text"]
)
def test_cut_character_is_inside_a_character(frame: Frame) -> None:
    (place,) = (
        faults(Rule(Condition(), Action(cut=Cut.CHARACTER)), protocol=WireProtocol.WEBSOCKET)
        .decide(frame)
        .cuts
    )

    with pytest.raises(UnicodeDecodeError, match="unexpected end of data"):
        frame.raw[frame.payload_start : place].decode()


def test_number_of_cuts_is_limited() -> None:
    decision = faults(Rule(Condition(), Action(cut=1))).decide(line("x" * 10_000))

    assert decision.cuts == tuple(range(1, MAX_CUTS + 1))


@pytest.mark.parametrize(
    ("when", "numbers"),
    [
        (Condition(), [1, 2, 3, 4, 5, 6]),
        (Condition(nth=2), [2]),
        (Condition(from_nth=5), [5, 6]),
        (Condition(to_nth=2), [1, 2]),
        (Condition(from_nth=2, to_nth=3), [2, 3]),
        (Condition(payload=re.compile("^b")), [2, 4]),
        (Condition(payload=re.compile("^b"), nth=2), [4]),
        (Condition(value={"type": 3}), [5]),
        (Condition(value={"type": 3, "a": {"b": [1, {"c": None}]}}), [5]),
        (Condition(value={"type": True}), [6]),
        (Condition(value={"type": {"$gt": 2}}), [5]),
        (Condition(value={"type": 1}), []),
        (Condition(value=[]), []),
        (Condition(direction=Direction.SENT, connection=1, protocol=WireProtocol.LINES, nth=1), [1]),
        (Condition(direction=Direction.RECEIVED), []),
        (Condition(connection=2), []),
        (Condition(protocol=WireProtocol.WEBSOCKET), []),
        (Condition(kinds=frozenset({Kind.TEXT})), []),
    ],
)
def test_rule_applies_if_all_its_conditions_match(when: Condition, numbers: list[int]) -> None:
    frames = [
        line("a"),
        line("b1"),
        line("c"),
        line("b2"),
        line('{"type": 3.0, "a": {"b": [1, {"c": null, "d": 0}], "e": 1}, "f": []}'),
        line('{"type": true}'),
    ]

    assert meant(when, frames) == numbers


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 100_000, b"NaN", b"1" * 5000, b""])
def test_invalid_json_does_not_match(content: bytes) -> None:
    assert meant(Condition(value={"type": 1}), [Frame(Kind.LINE, content, content + b"\n")]) == []


def test_control_frames_match_only_by_name() -> None:
    assert meant(Condition(), [PING, line("a"), PING]) == [2]
    assert meant(Condition(kinds=frozenset({Kind.PING}), nth=2), [PING, line("a"), PING]) == [3]


def test_bytes_can_only_be_delayed_or_ended() -> None:
    everything = Action(True, 0.1, 0.0, 3, 2, Cut.RANDOM, 4)

    assert faults(Rule(Condition(), everything)).decide(raw_frame(b"\x16\x03")) == FaultDecision(
        delay_seconds=0.1
    )


def test_ending_can_replace_a_piece_of_bytes() -> None:
    of = faults(Rule(Condition(), Action(drop=True, ending=Ending.STALL)))

    assert of.decide(raw_frame(b"\x16\x03")) == FaultDecision(is_dropped=True, ending=Ending.STALL)


def test_no_fault_is_possible_without_a_rule_for_the_connection() -> None:
    rule = Rule(
        Condition(direction=Direction.RECEIVED, connection=2, protocol=WireProtocol.LINES), Action(drop=True)
    )

    assert faults().is_none
    assert faults(rule, connection=2).is_none
    assert faults(rule, direction=Direction.RECEIVED).is_none
    assert not faults(rule, direction=Direction.RECEIVED, connection=2).is_none


@pytest.mark.parametrize(
    ("do", "needed"),
    [(Action(drop=True), True), (Action(cut=1), True), (Action(delay_seconds=1), False), (Action(), False)],
)
def test_whether_frames_are_needed_for_a_fault(do: Action, needed: bool) -> None:
    assert faults(Rule(Condition(), do)).need_frames is needed
