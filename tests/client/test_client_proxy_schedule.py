"""The order in which the proxy writes, without a socket: tables of frames in, writes out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chateau.client.proxy.codec import Frame, Kind
from chateau.client.proxy.faults import NO_FAULT, Ending, FaultDecision
from chateau.client.proxy.schedule import Write, WriteScheduler, describe

DROPPED = FaultDecision(is_dropped=True)
LATE = FaultDecision(overtaken_by=1)


def line(text: str) -> Frame:
    return Frame(Kind.LINE, text.encode(), text.encode())


def control(text: str) -> Frame:
    return Frame(Kind.CLOSE if text == "!" else Kind.PING, text.encode(), text.encode())


def written(writes: list[Write]) -> list[str]:
    """Each write as its pieces with a bar between them; an ending by its name."""
    shown = []
    for write in writes:
        if write.pieces:
            shown.append("|".join(piece.decode() for piece in write.pieces))
        if write.ending:
            shown.append(f"<{write.ending}>")
    return shown


def arranged(*frames: tuple[str, FaultDecision]) -> list[list[str]]:
    """What is written after each of *frames*, and by a flush; ``?`` is a ping, ``!`` a close frame."""
    scheduler = WriteScheduler()
    all_writes = [
        written(scheduler.put(line(text) if text.isalpha() else control(text), decision))
        for text, decision in frames
    ]
    return [*all_writes, written(scheduler.flush())]


TABLE = {
    "untouched": ([("a", NO_FAULT), ("b", NO_FAULT)], [["a"], ["b"], []]),
    "dropped": ([("a", DROPPED), ("b", NO_FAULT)], [[], ["b"], []]),
    "duplicated": ([("a", FaultDecision(copies=3))], [["aaa"], []]),
    "reordered": ([("a", LATE), ("b", NO_FAULT), ("c", NO_FAULT)], [[], ["b", "a"], ["c"], []]),
    "both reordered": ([("a", LATE), ("b", LATE), ("c", NO_FAULT)], [[], [], ["c", "a", "b"], []]),
    "overtaken by two": (
        [("a", FaultDecision(overtaken_by=2)), ("b", NO_FAULT), ("c", NO_FAULT)],
        [[], ["b"], ["c", "a"], []],
    ),
    "overtaken by nobody": ([("a", LATE)], [[], ["a"]]),
    "a dropped frame overtakes nobody": (
        [("a", LATE), ("b", DROPPED), ("c", NO_FAULT)],
        [[], [], ["c", "a"], []],
    ),
    "a ping overtakes, but does not count": (
        [("a", LATE), ("?", NO_FAULT), ("b", NO_FAULT)],
        [[], ["?"], ["b", "a"], []],
    ),
    "a ping is never held back": ([("?", LATE), ("a", NO_FAULT)], [["?"], ["a"], []]),
    "joined": (
        [("a", FaultDecision(joined=2)), ("b", FaultDecision(joined=2)), ("c", NO_FAULT)],
        [[], ["ab"], ["c"], []],
    ),
    "joined with too few": ([("a", FaultDecision(joined=3)), ("b", NO_FAULT)], [[], [], ["ab"]]),
    "a ping is joined too, but does not count": (
        [("a", FaultDecision(joined=2)), ("?", NO_FAULT), ("b", NO_FAULT)],
        [[], [], ["a?b"], []],
    ),
    "joined and cut": (
        [("abc", FaultDecision(joined=2, cuts=(1,))), ("def", FaultDecision(cuts=(1, 2)))],
        [[], ["a|bcd|e|f"], []],
    ),
    "duplicated and cut": ([("abc", FaultDecision(copies=2, cuts=(1,)))], [["a|bca|bc"], []]),
    "reordered and joined": (
        [("a", LATE), ("b", FaultDecision(joined=2)), ("c", NO_FAULT)],
        [[], ["ba"], ["c"], []],
    ),
    "a close frame comes after all that was held": (
        [("a", LATE), ("b", FaultDecision(joined=3)), ("!", NO_FAULT)],
        [[], [], ["ba", "!"], []],
    ),
    "an ending comes after all that was held, and its frame": (
        [("a", LATE), ("b", FaultDecision(ending=Ending.RESET))],
        [[], ["a", "b", "<reset>"], []],
    ),
    "an ending in place of its frame": (
        [("a", FaultDecision(is_dropped=True, ending=Ending.STALL))],
        [["<stall>"], []],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_frames_are_written_in_this_order(name: str) -> None:
    frames, writes = TABLE[name]

    assert arranged(*frames) == writes


def lists_of_decisions(overtaken_by: st.SearchStrategy[int]) -> st.SearchStrategy[list[FaultDecision]]:
    decision = st.builds(
        FaultDecision,
        is_dropped=st.booleans(),
        copies=st.integers(1, 3),
        overtaken_by=overtaken_by,
        cuts=st.lists(st.integers(1, 9), unique=True, max_size=3).map(lambda cuts: tuple(sorted(cuts))),
        joined=st.integers(1, 4),
    )
    return st.lists(decision, max_size=30)


@settings(max_examples=40)
@given(lists_of_decisions(st.integers(0, 3)))
def test_every_frame_is_written_as_often_as_decided_and_no_piece_is_empty(
    decisions: list[FaultDecision],
) -> None:
    scheduler = WriteScheduler()
    frames = [line(f"<{number:>08}>") for number in range(len(decisions))]

    writes = [write for each in zip(frames, decisions, strict=True) for write in scheduler.put(*each)]
    writes += scheduler.flush()

    content = b"".join(piece for write in writes for piece in write.pieces)
    assert all(piece for write in writes for piece in write.pieces)
    assert not scheduler.is_holding
    for frame, decision in zip(frames, decisions, strict=True):
        assert content.count(frame.raw) == (0 if decision.is_dropped else decision.copies)
    assert sorted(passed.frame.raw for write in writes for passed in write.passed) == [
        one.raw for one in frames
    ]


@settings(max_examples=40)
@given(lists_of_decisions(st.just(0)))
def test_without_reordering_the_order_never_changes(decisions: list[FaultDecision]) -> None:
    scheduler = WriteScheduler()
    frames = [line(f"{number:>04}") for number in range(len(decisions))]

    writes = [write for each in zip(frames, decisions, strict=True) for write in scheduler.put(*each)]

    passed = [one.frame.raw for write in writes + scheduler.flush() for one in write.passed if one.copies]
    assert passed == sorted(passed)


def test_scheduler_holds_while_a_frame_waits() -> None:
    scheduler = WriteScheduler()

    scheduler.put(line("a"), LATE)
    assert scheduler.is_holding

    scheduler.put(line("b"), NO_FAULT)
    assert not scheduler.is_holding


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (NO_FAULT, ()),
        (DROPPED, ("dropped",)),
        (FaultDecision(delay_seconds=0.12), ("delayed 120 ms",)),
        (FaultDecision(copies=2), ("duplicated",)),
        (FaultDecision(copies=5), ("passed 5 times",)),
        (LATE, ("reordered",)),
        (FaultDecision(cuts=(1, 3)), ("cut at 1, 3",)),
        (FaultDecision(cuts=(1, 2, 3, 4)), ("cut into 5 pieces",)),
        (FaultDecision(delay_seconds=1, copies=2), ("delayed 1000 ms", "duplicated")),
    ],
)
def test_decision_is_described_in_words(decision: FaultDecision, words: tuple[str, ...]) -> None:
    assert describe(decision) == words
