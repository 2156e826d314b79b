"""HISTORY in lines: which of a room's messages and arrivals come, how, and which times it takes."""

from __future__ import annotations

import pytest
from harness import Frame
from lines_harness import Harness, no, result

from chateau.hub.errors import Unavailable
from chateau.hub.ports import Page
from chateau.store.memory import MemoryStore


def house_with(texts: int, **options: object) -> Harness:
    """Alice came into the lobby at 09:30:01 and said 2, 3, 4 and so on at that second of 09:30."""
    harness = Harness("alice", **options)
    for number in range(texts):
        harness["alice"].send(f"{number + 2}")
    harness.take()
    return harness


def entry(second: int, *, text: str | None = None, sender: str = "alice", reader: str = "alice") -> Frame:
    """What happened at that second of 09:30."""
    minutes, seconds = divmod(second, 60)
    body = {
        "body": "User alice has joined the room" if second == 1 else text or f"{second}",
        "from": sender,
        "room": "lobby",
        "utctimestamp": f"2026-11-20 09:{30 + minutes:02d}:{seconds:02d}.000000",
        "to": reader,
        "type": "userJoined" if second == 1 else "message",
    }
    return {"body": body, "type": "history", "from": sender}


def seconds_of(frames: list[Frame]) -> list[int]:
    """When the entries in *frames*, an answer to HISTORY, happened; the count is checked."""
    count, *entries = frames
    assert count == result(count=len(entries))
    return [int(frame["body"]["utctimestamp"][17:19]) for frame in entries]


def test_history_lists_joins_and_messages_oldest_first() -> None:
    harness = house_with(2)

    assert harness["alice"].ask("HISTORY") == [result(count=3), entry(1), entry(2), entry(3)]


def test_history_is_sent_only_to_the_requesting_client() -> None:
    harness = house_with(1)
    harness["bob"].send("LOGIN Bob")
    harness["bob"].send("JOIN LOBBY")

    told = harness["bob"].ask("HISTORY")

    assert told[:3] == [result(count=3), entry(1, reader="Bob"), entry(2, reader="Bob")]
    assert told[3]["body"]["body"] == "User Bob has joined the room"


def test_room_without_stored_messages_has_an_empty_history() -> None:
    harness = Harness("alice", store=NothingKept())

    assert harness["alice"].ask("HISTORY") == [result(count=0)]


class NothingKept(MemoryStore):
    def read(self, key: str, **_: object) -> Page:  # type: ignore[override]
        return Page([], complete=True)


def test_history_includes_publications_and_messages_of_other_protocols() -> None:
    harness = house_with(0, stores_publications=True)
    neighbour = harness.neighbour("Carl Ö")
    harness.hub.listen(neighbour, "lobby")
    harness.hub.publish_to_channel("lobby", "json", b'{"a":1}')
    harness.hub.publish_to_channel("lobby", "bytes", b"\xff\x00")

    assert harness["alice"].ask("HISTORY")[1:] == [
        entry(1),
        entry(2, sender="channel", text='{"a":1}'),
        entry(3, sender="channel", text="/wA="),
    ]


ALL = [1, 2, 3, 4, 5, 6]
INTERVALS = [
    ("", ALL),
    ("2026-11-20", ALL),
    ("20261120", ALL),
    ("2026-W47-5", ALL),
    ("2026-11-21", []),
    ("2026-11-20 2026-11-21", ALL),
    ("2026-11-20 20261121", ALL),
    ("2026-11-19 2026-11-20", []),
    ("2026-11-20T09:30", ALL),
    ("2026-11-20T09:31", []),
    ("2026-11-20T09:30:04", [4, 5, 6]),
    ("2026-11-20T09:30:04Z", [4, 5, 6]),
    ("2026-11-20T09:30:04.000", [4, 5, 6]),
    ("2026-11-20T09:30:04.000001", [5, 6]),
    ("2026-11-20T09:30:04.000000001Z", [5, 6]),
    ("2026-11-20T09:30:04,000000001Z", [5, 6]),
    ("2026-11-20T09:30:03.999999999", [4, 5, 6]),
    ("2026-11-20T10:30:04+01:00", [4, 5, 6]),
    ("2026-11-20T00:30:04-09:00", [4, 5, 6]),
    ("20261120T093004", [4, 5, 6]),
    ("2026-11-20T09:30:02 2026-11-20T09:30:04", [2, 3, 4]),
    ("2026-11-20T09:30:02 2026-11-20T09:30:04.999", [2, 3, 4]),
    ("2026-11-20T09:30:02 2026-11-20T09:30:03.999999999", [2, 3]),
    ("2026-11-20T09:30:04 2026-11-20T09:30:02", []),
    ("2026-11-20 09:30:04.000000", [4, 5, 6]),
    ("2026-11-20 09:30:04,000001", [5, 6]),
    ("2026-11-20 T09:30:04", [4, 5, 6]),
    ("2026-11-20   10:30:04+01:00", [4, 5, 6]),
    ("2026-11-20 09:30:02.000000 2026-11-20 09:30:04.000000", [2, 3, 4]),
    ("2026-11-20 09:30:02 2026-11-20T09:30:04Z", [2, 3, 4]),
    ("2026-11-20T09:30:02 2026-11-20 09:30:04", [2, 3, 4]),
    ("2026-11-20 2026-11-20 09:30:04", [1, 2, 3, 4]),
    ("2026-11-20 09:30:04 2026-11-21", [4, 5, 6]),
    ("2026-11-20 09", ALL),
    ("0001-01-01", ALL),
    ("0001-01-01 9999-12-31T23:59:59.999999", ALL),
]


@pytest.mark.parametrize(("asked", "seconds"), INTERVALS)
def test_history_selects_an_interval(asked: str, seconds: list[int]) -> None:
    harness = house_with(5)

    assert seconds_of(harness["alice"].ask(f"HISTORY {asked}")) == seconds


def test_history_accepts_the_times_it_sends() -> None:
    harness = house_with(5)
    told = harness["alice"].ask("HISTORY")
    start, end = (told[number]["body"]["utctimestamp"] for number in (3, 5))

    assert harness["alice"].ask(f"HISTORY {start} {end}") == [result(count=3), *told[3:6]]


NO_TIMES = [
    ("yesterday", "yesterday"),
    ("of Rome", "of"),
    ("2026-11-20 now", "now"),
    ("2026-02-30", "2026-02-30"),
    ("2026-11-20 25:00", "25:00"),
    ("2026-11-20 24:00", "24:00"),
    ("09:30", "09:30"),
    ("2026-11-20 09:30 10:30", "10:30"),
    ("2026-11-20 2026-11-21 2026-11-22", "2026-11-22"),
    ("2026-11-20 2026-11-21 and so on", "and so on"),
    ("2026-11-20 09:30 2026-11-21 09:30 2026-11-22 09:30", "2026-11-22 09:30"),
    ("2026-11-20T09:30:00Z+01:00", "2026-11-20T09:30:00Z+01:00"),
    ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59-14:00"),
    ("9999-12-31T23:59:59.9999", "9999-12-31T23:59:59.9999"),
    ("\N{ARABIC-INDIC DIGIT TWO}026-11-20", "\N{ARABIC-INDIC DIGIT TWO}026-11-20"),
    ("-1", "-1"),
    ("2026-11-20\x00", "2026-11-20\x00"),
    (61 * "x", 59 * "x" + "…"),
]


@pytest.mark.parametrize(("asked", "shown"), NO_TIMES)
def test_invalid_time_is_reported(asked: str, shown: str) -> None:
    assert house_with(0)["alice"].ask(f"HISTORY {asked}") == [no(f"Unknown time: {shown}")]


def test_text_after_two_times_is_truncated_in_the_error() -> None:
    told = house_with(0)["alice"].ask("HISTORY 2026-11-20 2026-11-21 " + 5_000 * "x ")

    assert told == [no(f"Unknown time: {29 * 'x '}x…")]


@pytest.mark.parametrize("asked", ["", " 2026-11-20", " 2026-11-20 2026-11-21"])
def test_history_returns_at_most_the_last_thousand_entries(asked: str) -> None:
    harness = house_with(1_010)

    count, *entries = harness["alice"].ask(f"HISTORY{asked}")

    assert count == result(count=1_000)
    assert entries == [entry(second) for second in range(12, 1_012)]


def test_interval_with_more_than_a_thousand_entries_returns_the_last() -> None:
    harness = house_with(1_010)

    _, *entries = harness["alice"].ask("HISTORY 2026-11-20T09:30:02 2026-11-20T09:46:44")

    assert entries == [entry(second) for second in range(5, 1_005)]


def line_bytes(harness: Harness) -> list[int]:
    """The bytes of each entry that alice gets, its line's end with it."""
    harness["alice"].mailbox.take()
    harness["alice"].send("HISTORY")
    return [len(payload) + 2 for payload in harness["alice"].mailbox.payloads[1:]]


@pytest.mark.parametrize(("spare", "seconds"), [(0, [4, 5, 6]), (-1, [5, 6]), (1, [4, 5, 6])])
def test_history_returns_the_last_entries_that_fit_into_a_response(spare: int, seconds: list[int]) -> None:
    history_bytes = sum(line_bytes(house_with(5))[-3:]) + spare

    harness = house_with(5, history_bytes=history_bytes)

    assert seconds_of(harness["alice"].ask("HISTORY")) == seconds


def test_history_always_returns_the_last_entry() -> None:
    harness = house_with(1, history_bytes=1_000)
    harness["alice"].send(10_000 * "x")

    _, *entries = harness["alice"].ask("HISTORY")

    assert [len(frame["body"]["body"]) for frame in entries] == [10_000]


def test_entry_that_does_not_fit_ends_the_history_without_a_gap() -> None:
    harness = house_with(1, history_bytes=1_000)
    harness["alice"].send(10_000 * "x")
    harness["alice"].send("4")

    assert harness["alice"].ask("HISTORY") == [result(count=1), entry(4)]


def test_unavailable_history_is_reported() -> None:
    class Broken(MemoryStore):
        def read(self, key: str, **_: object) -> Page:  # type: ignore[override]
            raise Unavailable("The history cannot be read now.")

    harness = Harness("alice", store=Broken())

    assert harness["alice"].ask("HISTORY") == [no("The history cannot be read now.")]
