"""The proxy's faults, without a socket: which frames they befall, and that chance can be repeated."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from chateau.client.proxy.faults import MOST_CUTS, NOTHING, Fate, Faults
from chateau.client.proxy.frame import Frame, Kind, Speech, Way
from chateau.client.proxy.framing import piece
from chateau.client.proxy.rule import Cut, Do, Ending, Rule, When

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
    way: Way = Way.TO_SERVER,
    speech: Speech = Speech.LINES,
) -> Faults:
    return Faults(rules, seed=seed, connection=connection, way=way, speech=speech)


def fates(of: Faults, frames: Iterable[Frame] = LINES) -> list[Fate]:
    return [of.fate(frame) for frame in frames]


def meant(when: When, frames: Iterable[Frame]) -> list[int]:
    """The numbers, from 1, of the frames that *when* means."""
    return [
        number
        for number, fate in enumerate(fates(faults(Rule(when, Do(drop=True))), frames), 1)
        if fate.is_dropped
    ]


BY_CHANCE = (
    Rule(When(), Do(drop=True), 0.3),
    Rule(When(), Do(copies=2), 0.3),
    Rule(When(), Do(overtaken_by=1), 0.3),
    Rule(When(), Do(jitter_seconds=0.5)),
    Rule(When(), Do(cut=Cut.RANDOM), 0.5),
)


def test_the_same_seed_decides_the_same() -> None:
    assert fates(faults(*BY_CHANCE, seed=7)) == fates(faults(*BY_CHANCE, seed=7))


def test_a_decision_is_the_same_in_every_process_and_every_version() -> None:
    dropped = meant_by_chance(seed=42)

    assert dropped == [1, 3, 4, 5, 6, 7, 10, 11, 12, 13, 16, 20]


def meant_by_chance(*, seed: int) -> list[int]:
    decided = fates(faults(Rule(When(), Do(drop=True), 0.5), seed=seed), LINES[:20])
    return [number for number, fate in enumerate(decided, 1) if fate.is_dropped]


@pytest.mark.parametrize(
    "other", [{"seed": 2}, {"connection": 2}, {"way": Way.TO_CLIENT}], ids=["seed", "connection", "direction"]
)
def test_another_seed_connection_or_direction_has_a_chance_of_its_own(other: dict[str, object]) -> None:
    assert fates(faults(*BY_CHANCE)) != fates(faults(*BY_CHANCE, **other))  # type: ignore[arg-type]


def test_pings_that_come_when_they_like_do_not_change_what_happens_to_the_rest() -> None:
    rules = (*BY_CHANCE, Rule(When(kinds=frozenset(Kind)), Do(jitter_seconds=1.0)))
    quiet, disturbed = faults(*rules), faults(*rules)
    undisturbed = fates(quiet)

    with_pings = [fate for frame in LINES for fate in (disturbed.fate(frame), disturbed.fate(PING))][::2]

    assert with_pings == undisturbed


def test_a_rule_more_does_not_change_what_those_before_it_decide() -> None:
    alone, together = faults(BY_CHANCE[0]), faults(*BY_CHANCE)

    assert [fate.is_dropped for fate in fates(alone)] == [fate.is_dropped for fate in fates(together)]


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_a_probability_is_about_how_often_it_happens(probability: float) -> None:
    of = faults(Rule(When(), Do(drop=True), probability))

    happened = sum(of.fate(LINES[0]).is_dropped for _ in range(5000))

    assert happened / 5000 == pytest.approx(probability, abs=0.03)


@pytest.mark.parametrize(
    ("do", "fate"),
    [
        (Do(drop=True), Fate(is_dropped=True)),
        (Do(delay_seconds=0.2), Fate(delay_seconds=0.2)),
        (Do(copies=3), Fate(copies=3)),
        (Do(overtaken_by=2), Fate(overtaken_by=2)),
        (Do(cut=3), Fate(cuts=(3, 6))),
        (Do(cut=(1, 7)), Fate(cuts=(1, 7))),
        (Do(cut=(1, 8, 99)), Fate(cuts=(1,))),
        (Do(cut=100), NOTHING),
        (Do(cut=Cut.CHARACTER), NOTHING),
        (Do(joined=4), Fate(joined=4)),
        (Do(ending=Ending.STALL), Fate(ending=Ending.STALL)),
        (Do(ending=Ending.CLOSE, code=1011), Fate(ending=Ending.CLOSE, code=1011)),
        (Do(ending=Ending.RESET), Fate(ending=Ending.RESET)),
    ],
)
def test_each_fault_alone(do: Do, fate: Fate) -> None:
    assert faults(Rule(When(), do)).fate(line("LOGIN!")) == fate


def test_rules_for_the_same_frame_add_up() -> None:
    of = faults(
        Rule(When(), Do(delay_seconds=0.1, cut=(2,))),
        Rule(When(), Do(delay_seconds=0.2, cut=(1,), copies=2)),
        Rule(When(), Do(joined=2, ending=Ending.CLOSE, code=1001)),
        Rule(When(), Do(ending=Ending.RESET)),
    )

    fate = of.fate(LINES[0])

    assert fate.delay_seconds == pytest.approx(0.3)
    assert replace(fate, delay_seconds=0.0) == Fate(
        cuts=(1, 2), copies=2, joined=2, ending=Ending.CLOSE, code=1001
    )


def test_jitter_is_between_nothing_and_what_is_given_beside_the_delay() -> None:
    delays = [fate.delay_seconds for fate in fates(faults(Rule(When(), Do(False, 0.1, 0.4))))]

    assert 0.1 <= min(delays) < 0.15
    assert 0.45 < max(delays) <= 0.5


def test_a_random_cut_is_inside_the_frame() -> None:
    of = faults(Rule(When(), Do(cut=Cut.RANDOM)))

    cuts = [of.fate(line("abc")).cuts for _ in range(200)]

    assert {place for (place,) in cuts} == {1, 2, 3, 4}
    assert of.fate(Frame(Kind.LINE, b"", b"\n")).cuts == ()


@pytest.mark.parametrize(
    "frame", [line("grüß"), text("grüß"), text("ü" * 100_000)], ids=["line", "text", "long text"]
)
def test_a_character_is_cut_in_its_middle(frame: Frame) -> None:
    (place,) = faults(Rule(When(), Do(cut=Cut.CHARACTER)), speech=Speech.WEBSOCKET).fate(frame).cuts

    with pytest.raises(UnicodeDecodeError, match="unexpected end of data"):
        frame.raw[frame.payload_start : place].decode()


def test_a_frame_is_cut_only_so_often() -> None:
    fate = faults(Rule(When(), Do(cut=1))).fate(line("x" * 10_000))

    assert fate.cuts == tuple(range(1, MOST_CUTS + 1))


@pytest.mark.parametrize(
    ("when", "numbers"),
    [
        (When(), [1, 2, 3, 4, 5, 6]),
        (When(nth=2), [2]),
        (When(from_nth=5), [5, 6]),
        (When(to_nth=2), [1, 2]),
        (When(from_nth=2, to_nth=3), [2, 3]),
        (When(payload=re.compile("^b")), [2, 4]),
        (When(payload=re.compile("^b"), nth=2), [4]),
        (When(value={"type": 3}), [5]),
        (When(value={"type": 3, "a": {"b": [1, {"c": None}]}}), [5]),
        (When(value={"type": True}), [6]),
        (When(value={"type": {"$gt": 2}}), [5]),
        (When(value={"type": 1}), []),
        (When(value=[]), []),
        (When(way=Way.TO_SERVER, connection=1, speech=Speech.LINES, nth=1), [1]),
        (When(way=Way.TO_CLIENT), []),
        (When(connection=2), []),
        (When(speech=Speech.WEBSOCKET), []),
        (When(kinds=frozenset({Kind.TEXT})), []),
    ],
)
def test_a_rule_is_for_what_all_its_conditions_hold_for(when: When, numbers: list[int]) -> None:
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
def test_what_is_no_json_matches_none(content: bytes) -> None:
    assert meant(When(value={"type": 1}), [Frame(Kind.LINE, content, content + b"\n")]) == []


def test_control_frames_are_left_alone_unless_they_are_named() -> None:
    assert meant(When(), [PING, line("a"), PING]) == [2]
    assert meant(When(kinds=frozenset({Kind.PING}), nth=2), [PING, line("a"), PING]) == [3]


def test_of_bytes_only_time_and_the_end_can_be_changed() -> None:
    everything = Do(True, 0.1, 0.0, 3, 2, Cut.RANDOM, 4)

    assert faults(Rule(When(), everything)).fate(piece(b"\x16\x03")) == Fate(delay_seconds=0.1)


def test_an_ending_may_come_in_place_of_a_piece_of_bytes() -> None:
    of = faults(Rule(When(), Do(drop=True, ending=Ending.STALL)))

    assert of.fate(piece(b"\x16\x03")) == Fate(is_dropped=True, ending=Ending.STALL)


def test_nothing_can_happen_where_no_rule_is_for_the_connection() -> None:
    rule = Rule(When(way=Way.TO_CLIENT, connection=2, speech=Speech.LINES), Do(drop=True))

    assert faults().is_none
    assert faults(rule, connection=2).is_none
    assert faults(rule, way=Way.TO_CLIENT).is_none
    assert not faults(rule, way=Way.TO_CLIENT, connection=2).is_none


@pytest.mark.parametrize(
    ("do", "needed"), [(Do(drop=True), True), (Do(cut=1), True), (Do(delay_seconds=1), False), (Do(), False)]
)
def test_whether_frames_are_needed_for_a_fault(do: Do, needed: bool) -> None:
    assert faults(Rule(When(), do)).need_frames is needed
