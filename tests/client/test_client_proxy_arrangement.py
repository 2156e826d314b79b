"""The order in which the proxy writes, without a socket: tables of frames in, writes out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chateau.client.proxy.arrangement import Arrangement, Write, done
from chateau.client.proxy.faults import NOTHING, Fate
from chateau.client.proxy.frame import Frame, Kind
from chateau.client.proxy.rule import Ending

DROPPED = Fate(is_dropped=True)
LATE = Fate(overtaken_by=1)


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


def arranged(*frames: tuple[str, Fate]) -> list[list[str]]:
    """What is written after each of *frames*, and by a flush; ``?`` is a ping, ``!`` a close frame."""
    arrangement = Arrangement()
    all_writes = [
        written(arrangement.put(line(text) if text.isalpha() else control(text), fate))
        for text, fate in frames
    ]
    return [*all_writes, written(arrangement.flush())]


TABLE = {
    "untouched": ([("a", NOTHING), ("b", NOTHING)], [["a"], ["b"], []]),
    "dropped": ([("a", DROPPED), ("b", NOTHING)], [[], ["b"], []]),
    "duplicated": ([("a", Fate(copies=3))], [["aaa"], []]),
    "reordered": ([("a", LATE), ("b", NOTHING), ("c", NOTHING)], [[], ["b", "a"], ["c"], []]),
    "both reordered": ([("a", LATE), ("b", LATE), ("c", NOTHING)], [[], [], ["c", "a", "b"], []]),
    "overtaken by two": (
        [("a", Fate(overtaken_by=2)), ("b", NOTHING), ("c", NOTHING)],
        [[], ["b"], ["c", "a"], []],
    ),
    "overtaken by nobody": ([("a", LATE)], [[], ["a"]]),
    "a dropped frame overtakes nobody": (
        [("a", LATE), ("b", DROPPED), ("c", NOTHING)],
        [[], [], ["c", "a"], []],
    ),
    "a ping overtakes, but does not count": (
        [("a", LATE), ("?", NOTHING), ("b", NOTHING)],
        [[], ["?"], ["b", "a"], []],
    ),
    "a ping is never held back": ([("?", LATE), ("a", NOTHING)], [["?"], ["a"], []]),
    "joined": ([("a", Fate(joined=2)), ("b", Fate(joined=2)), ("c", NOTHING)], [[], ["ab"], ["c"], []]),
    "joined with too few": ([("a", Fate(joined=3)), ("b", NOTHING)], [[], [], ["ab"]]),
    "a ping is joined too, but does not count": (
        [("a", Fate(joined=2)), ("?", NOTHING), ("b", NOTHING)],
        [[], [], ["a?b"], []],
    ),
    "joined and cut": (
        [("abc", Fate(joined=2, cuts=(1,))), ("def", Fate(cuts=(1, 2)))],
        [[], ["a|bcd|e|f"], []],
    ),
    "duplicated and cut": ([("abc", Fate(copies=2, cuts=(1,)))], [["a|bca|bc"], []]),
    "reordered and joined": (
        [("a", LATE), ("b", Fate(joined=2)), ("c", NOTHING)],
        [[], ["ba"], ["c"], []],
    ),
    "a close frame comes after all that was held": (
        [("a", LATE), ("b", Fate(joined=3)), ("!", NOTHING)],
        [[], [], ["ba", "!"], []],
    ),
    "an ending comes after all that was held, and its frame": (
        [("a", LATE), ("b", Fate(ending=Ending.RESET))],
        [[], ["a", "b", "<reset>"], []],
    ),
    "an ending in place of its frame": (
        [("a", Fate(is_dropped=True, ending=Ending.STALL))],
        [["<stall>"], []],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_frames_are_written_in_this_order(name: str) -> None:
    frames, writes = TABLE[name]

    assert arranged(*frames) == writes


some_fate = st.builds(
    Fate,
    is_dropped=st.booleans(),
    copies=st.integers(1, 3),
    overtaken_by=st.integers(0, 3),
    cuts=st.lists(st.integers(1, 9), unique=True, max_size=3).map(lambda cuts: tuple(sorted(cuts))),
    joined=st.integers(1, 4),
)


@settings(max_examples=40)
@given(st.lists(some_fate, max_size=30))
def test_every_frame_is_written_as_often_as_its_fate_says_and_no_piece_is_empty(fates: list[Fate]) -> None:
    arrangement = Arrangement()
    frames = [line(f"<{number:>08}>") for number in range(len(fates))]

    writes = [write for each in zip(frames, fates, strict=True) for write in arrangement.put(*each)]
    writes += arrangement.flush()

    content = b"".join(piece for write in writes for piece in write.pieces)
    assert all(piece for write in writes for piece in write.pieces)
    assert not arrangement.is_holding
    for frame, fate in zip(frames, fates, strict=True):
        assert content.count(frame.raw) == (0 if fate.is_dropped else fate.copies)
    assert sorted(passed.frame.raw for write in writes for passed in write.passed) == [
        one.raw for one in frames
    ]


@settings(max_examples=40)
@given(st.lists(some_fate.filter(lambda fate: not fate.overtaken_by), max_size=30))
def test_without_reordering_the_order_never_changes(fates: list[Fate]) -> None:
    arrangement = Arrangement()
    frames = [line(f"{number:>04}") for number in range(len(fates))]

    writes = [write for each in zip(frames, fates, strict=True) for write in arrangement.put(*each)]

    passed = [one.frame.raw for write in writes + arrangement.flush() for one in write.passed if one.copies]
    assert passed == sorted(passed)


def test_it_holds_while_a_frame_waits() -> None:
    arrangement = Arrangement()

    arrangement.put(line("a"), LATE)
    assert arrangement.is_holding

    arrangement.put(line("b"), NOTHING)
    assert not arrangement.is_holding


@pytest.mark.parametrize(
    ("fate", "words"),
    [
        (NOTHING, ()),
        (DROPPED, ("dropped",)),
        (Fate(delay_seconds=0.12), ("delayed 120 ms",)),
        (Fate(copies=2), ("duplicated",)),
        (Fate(copies=5), ("passed 5 times",)),
        (LATE, ("reordered",)),
        (Fate(cuts=(1, 3)), ("cut at 1, 3",)),
        (Fate(cuts=(1, 2, 3, 4)), ("cut into 5 pieces",)),
        (Fate(delay_seconds=1, copies=2), ("delayed 1000 ms", "duplicated")),
    ],
)
def test_what_was_done_is_told_in_words(fate: Fate, words: tuple[str, ...]) -> None:
    assert done(fate) == words
