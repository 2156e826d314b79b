"""History in the chateau protocol: the messages that one request returns, and how to continue."""

import json

import pytest
from chateau_harness import Harness, error_frame, history, join, ok, publish, register
from harness import Frame, read, stamp
from quiet_store import QuietStore

from chateau.protocols.transport import ENVELOPE_OVERHEAD_BYTES

MAX_FRAME = 4096
PASSED_ON = MAX_FRAME - ENVELOPE_OVERHEAD_BYTES


def stored(number: int, *, content: str | None = None) -> Frame:
    """Return the message *number* of the lobby, counted from 0; its seq is ``number + 1``."""
    message = {"sender": "alice", "room": "lobby", "content": f"{number}" if content is None else content}
    return message | {"seq": number + 1} | stamp(number)


def server_with(messages: int, **options: object) -> Harness:
    """Return a server where alice has sent *messages* messages to the lobby, one per second from 09:30 on."""
    harness = Harness("alice", inside="lobby", **options)
    for number in range(messages):
        harness["alice"].send(publish("lobby", content=f"{number}"))
    harness.take()
    return harness


TEN = [
    pytest.param({}, range(10), True, id="nothing more: all of it, oldest first"),
    pytest.param({"limit": 10}, range(10), True, id="a limit that is just enough"),
    pytest.param({"limit": 3}, range(7, 10), False, id="a limit: the last ones"),
    pytest.param({"limit": 3.0}, range(7, 10), False, id="a limit that is written 3.0"),
    pytest.param({"since": 0}, range(10), True, id="since 0: all of it"),
    pytest.param({"since": 7}, range(7, 10), True, id="since a seq: those after it"),
    pytest.param({"since": 7.0}, range(7, 10), True, id="since a seq that is written 7.0"),
    pytest.param({"since": 10}, [], True, id="since the last one: nothing"),
    pytest.param({"since": 2**53 - 1}, [], True, id="since a seq that is far away: nothing"),
    pytest.param({"since": 4, "limit": 3}, range(4, 7), False, id="since with a limit: the first ones"),
    pytest.param({"since": 7, "limit": 3}, range(7, 10), True, id="since with a limit that is just enough"),
    pytest.param(
        {"from": "2026-11-20T09:30:07Z"}, range(7, 10), True, id="from a time: that time is included"
    ),
    pytest.param(
        {"from": "2026-11-20T09:30:06.000000001Z"},
        range(7, 10),
        True,
        id="from a nanosecond after a message: those after it",
    ),
    pytest.param(
        {"from": "2026-11-20T09:30:06.001Z"}, range(7, 10), True, id="from a millisecond after a message"
    ),
    pytest.param({"to": "2026-11-20T09:30:02Z"}, range(3), True, id="to a time: that time is included"),
    pytest.param(
        {"to": "2026-11-20T09:30:02.999999999Z"}, range(3), True, id="to a nanosecond before a message"
    ),
    pytest.param(
        {"to": "2026-11-20T09:30:04Z", "limit": 2}, range(3, 5), False, id="to with a limit: the last ones"
    ),
    pytest.param(
        {"from": "2026-11-20T09:30:02Z", "limit": 2},
        range(2, 4),
        False,
        id="from with a limit: the first ones",
    ),
    pytest.param(
        {"from": "2026-11-20T09:30:02Z", "to": "2026-11-20T09:30:04Z"}, range(2, 5), True, id="from and to"
    ),
    pytest.param(
        {"from": "2026-11-20T09:30:04Z", "to": "2026-11-20T09:30:02Z"}, [], True, id="from after to: nothing"
    ),
    pytest.param(
        {"from": "2026-11-20T10:30:07+01:00", "to": "2026-11-20T00:30:08-09:00"},
        range(7, 9),
        True,
        id="times with offsets",
    ),
    pytest.param(
        {"since": 3, "from": "2026-11-20T09:30:01Z", "to": "2026-11-20T09:30:05Z"},
        range(3, 6),
        True,
        id="since, from and to: what keeps to all three",
    ),
    pytest.param({"from": "0001-01-01T00:00:00Z"}, range(10), True, id="from the first year"),
    pytest.param({"to": "9999-12-31T23:59:59.999Z"}, range(10), True, id="to the last year"),
]


@pytest.mark.parametrize(("asked", "numbers", "complete"), TEN)
def test_history_request_selects_messages_by_limit_and_position(
    asked: Frame, numbers: range, *, complete: bool
) -> None:
    harness = server_with(10)

    response = harness["alice"].ask(history("lobby", **asked))

    assert response == ok(8, room="lobby", messages=[stored(number) for number in numbers], complete=complete)


def test_history_without_a_limit_returns_a_hundred_messages() -> None:
    harness = server_with(101)

    last = harness["alice"].ask(history("lobby"))
    first = harness["alice"].ask(history("lobby", since=0))

    assert last == ok(8, room="lobby", messages=[stored(n) for n in range(1, 101)], complete=False)
    assert first == ok(8, room="lobby", messages=[stored(n) for n in range(100)], complete=False)


def test_history_returns_at_most_a_thousand_messages() -> None:
    harness = server_with(1001)

    response = harness["alice"].ask(history("lobby", limit=1000))

    assert response == ok(8, room="lobby", messages=[stored(n) for n in range(1, 1001)], complete=False)


def test_room_without_messages_has_an_empty_history() -> None:
    harness = Harness("alice", inside="lobby")

    assert harness["alice"].ask(history("lobby")) == ok(8, room="lobby", messages=[], complete=True)


def test_history_finds_the_room_in_any_spelling_and_returns_its_first() -> None:
    harness = server_with(1)

    assert harness["alice"].ask(history("LOBBY")) == ok(8, room="lobby", messages=[stored(0)], complete=True)


def test_new_member_reads_messages_of_users_who_left() -> None:
    harness = server_with(1)
    harness["bob"].send(register("bob"))
    harness["bob"].send(join("lobby"))
    harness["alice"].peer.on_close()
    harness.take()

    assert harness["bob"].ask(history("lobby")) == ok(8, room="lobby", messages=[stored(0)], complete=True)


def test_complete_is_false_when_requested_messages_have_expired() -> None:
    harness = server_with(10, store=QuietStore(history=4))
    last_four = [stored(number) for number in range(6, 10)]

    assert harness["alice"].ask(history("lobby")) == ok(8, room="lobby", messages=last_four, complete=False)
    assert harness["alice"].ask(history("lobby", since=2)) == ok(
        8, room="lobby", messages=last_four, complete=False
    )
    assert harness["alice"].ask(history("lobby", since=6)) == ok(
        8, room="lobby", messages=last_four, complete=True
    )


def test_history_is_cut_to_a_frame_and_continues_from_the_last_message() -> None:
    harness = server_with(80, max_frame=MAX_FRAME)
    seen: list[Frame] = []
    pages = 0
    complete = False

    while not complete:
        harness["alice"].send(history("lobby", since=seen[-1]["seq"] if seen else 0))
        (payload,) = harness["alice"].mailbox.payloads
        assert len(payload) <= MAX_FRAME
        (response,) = harness["alice"].mailbox.take()
        assert response["messages"], "a page without messages leads nowhere"
        seen += response["messages"]
        complete = response["complete"]
        pages += 1

    assert seen == [stored(number) for number in range(80)]
    assert pages > 2


def test_history_cut_to_a_frame_returns_the_latest_messages_without_since_or_from() -> None:
    harness = server_with(50, max_frame=MAX_FRAME)

    response = harness["alice"].ask(history("lobby"))

    length = len(response["messages"])
    assert 0 < length < 50
    assert response["messages"] == [stored(number) for number in range(50 - length, 50)]
    assert not response["complete"]


def test_history_cut_to_a_frame_returns_the_earliest_messages_with_from() -> None:
    harness = server_with(50, max_frame=MAX_FRAME)

    response = harness["alice"].ask(history("lobby", **{"from": "2026-11-20T09:30:00Z"}))

    length = len(response["messages"])
    assert 0 < length < 50
    assert response["messages"] == [stored(number) for number in range(length)]
    assert not response["complete"]


def longest_message() -> str:
    """Return the longest publish request that is delivered, as text."""
    empty = len(json.dumps(publish("lobby", content="")))
    return json.dumps(publish("lobby", content="x" * (PASSED_ON - empty)))


def test_longest_message_can_be_read_from_history() -> None:
    harness = Harness("alice", inside="lobby", max_frame=MAX_FRAME)
    harness["alice"].send(longest_message())
    harness.take()

    response = harness["alice"].ask(history("lobby", since=0))

    content = read(longest_message().encode())["content"]
    assert response == ok(8, room="lobby", messages=[stored(0, content=content)], complete=True)


def test_history_with_the_longest_message_fits_into_a_frame() -> None:
    harness = Harness("alice", inside="lobby", max_frame=MAX_FRAME)
    harness["alice"].send(longest_message())
    harness["alice"].send(publish("lobby", content="short"))
    harness.take()

    harness["alice"].send(history("lobby", since=0, ref=64 * "\N{PILE OF POO}"))

    assert len(harness["alice"].mailbox.payloads[0]) <= MAX_FRAME


NO_TIMES = [
    pytest.param("2026-02-30T00:00:00Z", id="a day that the month has not"),
    pytest.param("2026-02-29T00:00:00Z", id="29 February in another year"),
    pytest.param("0000-01-01T00:00:00Z", id="the year 0"),
    pytest.param("0001-01-01T00:00:00+23:59", id="a time before the first year of UTC"),
    pytest.param("9999-12-31T23:59:59-00:01", id="a time after the last year of UTC"),
]


@pytest.mark.parametrize("key", ["from", "to"])
@pytest.mark.parametrize("time", NO_TIMES)
def test_well_formed_but_impossible_time_is_rejected(time: str, key: str) -> None:
    harness = Harness("alice", inside="lobby")

    response = harness["alice"].ask(history("lobby", ref="r", **{key: time}))

    assert response["error"].startswith(f'"{key}" is not a valid time: ')  # the reason is from Python
    assert response == error_frame(
        8,
        "invalid_message",
        response["error"],
        path=f"/{key}",
        schema="/schemas/chateau/history-request.json",
        ref="r",
    )
