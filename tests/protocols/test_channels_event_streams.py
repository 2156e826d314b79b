"""Channels as server-sent events: the format, and recovery with Last-Event-ID."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from channels_harness import Failing, Harness, Mailbox, ServerSent
from hypothesis import given
from hypothesis import strategies as st

from chateau.hub.errors import Unavailable
from chateau.hub.hub import SLICE_BYTES, SLICE_RECORDS
from chateau.protocols.event_streams import seq_of
from chateau.store.memory import MemoryStore


def contents(mailbox: Mailbox) -> list[str]:
    return [event.content for event in mailbox.server_sent()]


WRITTEN = [
    pytest.param("text", b"hi", "data: hi\n\n", id="text"),
    pytest.param("text", b"", "data: \n\n", id="the empty text"),
    pytest.param("text", b" hi", "data:  hi\n\n", id="a space at the front"),
    pytest.param("text", b"a\nb", "data: a\ndata: b\n\n", id="two lines"),
    pytest.param("text", b"a\r\nb\rc", "data: a\ndata: b\ndata: c\n\n", id="lines of all kinds"),
    pytest.param(
        "text", b"a\n\nb\n", "data: a\ndata: \ndata: b\ndata: \n\n", id="empty lines, one at the end"
    ),
    pytest.param("text", b"\r\r\n\n", "data: \ndata: \ndata: \ndata: \n\n", id="nothing but lines' ends"),
    pytest.param(
        "text", "a\u2028b\x0bc\x85".encode(), "data: a\u2028b\x0bc\x85\n\n", id="no other end of a line"
    ),
    pytest.param("text", b"data: x\nid: 7", "data: data: x\ndata: id: 7\n\n", id="what looks like fields"),
    pytest.param("json", b'{"a":\n1}', 'data: {"a":\ndata: 1}\n\n', id="JSON as it was sent"),
    pytest.param("bytes", b"\x00\n\xff", "event: bytes\ndata: AAr/\n\n", id="bytes in base64"),
]


@pytest.mark.parametrize(("kind", "payload", "event"), WRITTEN)
def test_publications_are_written_in_the_event_stream_format(kind: str, payload: bytes, event: str) -> None:
    harness = Harness()
    stream = harness.stream("a")

    harness.publish("a", kind, payload)

    assert stream.take() == [event]


@given(text=st.text())
def test_event_data_keeps_all_lines_of_a_text(text: str) -> None:
    harness = Harness()
    stream = harness.stream("a")

    harness.publish("a", "text", text.encode())

    assert contents(stream) == [text.replace("\r\n", "\n").replace("\r", "\n")]


def test_event_has_the_seq_of_a_stored_publication() -> None:
    harness = Harness(history=10)
    stream = harness.stream("a")

    receipts = [harness.publish("a", kind, b"1") for kind in ("text", "json", "bytes")]

    ids = [str(receipt.publication.seq) for receipt in receipts]
    assert [event.id for event in stream.server_sent()] == ids


def test_member_message_event_has_the_frame_and_the_seq() -> None:
    harness = Harness()
    alice = harness.member("alice", "lobby")
    stream, protocol = harness.stream("lobby"), harness.subscribe("lobby")

    message = harness.hub.publish(alice, "lobby", "a\nb").message

    (event,) = stream.server_sent()
    assert event.kind == "member"
    assert event.id == str(message.seq)
    assert [event.content] == protocol.take()


IMITATIONS = [
    pytest.param("json", "{frame}", id="the frame of a message"),
    pytest.param("text", "{frame}", id="that frame as a text"),
    pytest.param("text", "x\nevent: member\ndata: {frame}", id="a line with a type"),
    pytest.param("text", "x\revent: member\rdata: {frame}", id="a type after a CR"),
    pytest.param(
        "text", "x\r\n\r\nevent: member\r\ndata: {frame}\r\n\r\n", id="an event after an empty line"
    ),
    pytest.param("text", "\n\nid: 99\nevent: joined\ndata: {frame}\n\n", id="an event after two line ends"),
    pytest.param("json", '{{"event":\n\n"joined"}}', id="an event of the server"),
    pytest.param("json", '{{"event": "shutdown", "reason": null}}', id="a shutdown"),
    pytest.param("bytes", "{frame}", id="the frame in bytes"),
    pytest.param("bytes", "\n\nevent: member\ndata: {frame}\n\n", id="an event in bytes"),
]


@pytest.mark.parametrize("catches_up", [False, True])
@pytest.mark.parametrize(("kind", "template"), IMITATIONS)
def test_publisher_cannot_imitate_a_member_or_the_server(
    kind: str, template: str, *, catches_up: bool
) -> None:
    harness = Harness(history=10)
    alice = harness.member("alice", "lobby")
    live, raw = harness.stream("lobby"), harness.subscribe("lobby")
    harness.hub.publish(alice, "lobby", "hi")
    (frame,) = raw.take()

    harness.publish("lobby", kind, template.format(frame=frame).encode())

    said, imitation = (harness.stream("lobby", "0") if catches_up else live).server_sent()
    assert (said.kind, said.content) == ("member", frame)
    assert imitation.kind == ("bytes" if kind == "bytes" else "message"), (
        "what has no type is a message event"
    )


def test_other_pushes_are_events_named_after_their_kind() -> None:
    harness = Harness(presence_limit=1)
    stream = harness.stream("lobby")

    alice = harness.member("alice", "lobby")
    harness.member("bob", "lobby")
    harness.hub.leave(alice, "lobby")
    harness.hub.rooms.close("lobby")
    harness.hub.notify_tap(harness.hub.sessions()[0], active=True)
    harness.hub.shut_down("maintenance")

    events = stream.server_sent()
    assert {event.kind for event in events} <= {"joined", "left", "members", "state", "tapped", "shutdown"}
    assert events[-2] == ServerSent("tapped", '{"event":"tapped","active":true}', None)
    assert events[-1] == ServerSent("shutdown", '{"event":"shutdown","reason":"maintenance"}', None)
    assert all(event.id is None for event in events)


def test_stream_and_websocket_receive_the_same_publication() -> None:
    harness = Harness()
    stream, protocol = harness.stream("a"), harness.subscribe("a")

    assert harness.publish("a", "text", b"hi").delivered == 2

    assert contents(stream) == protocol.take() == ["hi"]


# Recovery


def publish_all(harness: Harness, *texts: str) -> list[int]:
    return [harness.publish("a", "text", text.encode()).publication.seq for text in texts]


def test_reconnecting_client_receives_missed_then_new_publications() -> None:
    harness = Harness(history=10)
    first, *_ = publish_all(harness, "1", "2", "3")

    stream = harness.stream("A", str(first))
    publish_all(harness, "4")

    assert contents(stream) == ["2", "3", "4"]


def test_recovered_messages_and_publications_equal_the_originals() -> None:
    harness = Harness(history=10)
    alice = harness.member("alice", "lobby")
    witness = harness.stream("lobby")
    harness.publish("lobby", "bytes", b"\x00\xff")
    harness.hub.publish(alice, "lobby", "hello, all")
    harness.publish("lobby", "json", b'{"a" : 1}')
    harness.publish("lobby", "text", b"a\r\nb")

    assert harness.stream("lobby", "0").take() == witness.take()


def test_client_without_a_last_event_id_recovers_nothing() -> None:
    harness = Harness(history=10)
    publish_all(harness, "1")

    stream = harness.stream("a")
    publish_all(harness, "2")

    assert contents(stream) == ["2"]


NO_SEQS = [
    "",
    "x",
    "-1",
    "1.0",
    " 1",
    "1\n",
    "\u0661",
    "\u00b2",
    "0x1",
    "1" * 17,
    "01JD3Z5V8M9QK7T4W2X6Y0ABCD",
]


@pytest.mark.parametrize("last", NO_SEQS)
def test_non_numeric_last_event_id_is_ignored(last: str) -> None:
    harness = Harness(history=10)
    publish_all(harness, "1")

    stream = harness.stream("a", last)
    publish_all(harness, "2")

    assert contents(stream) == ["2"]


@pytest.mark.parametrize(("last", "seq"), [(None, None), ("0", 0), ("007", 7), ("9" * 16, 10**16 - 1)])
def test_last_event_id_is_a_seq(last: str | None, seq: int | None) -> None:
    assert seq_of(last) == seq


def test_last_event_id_above_the_latest_seq_recovers_nothing() -> None:
    harness = Harness(history=10)
    publish_all(harness, "1")

    stream = harness.stream("a", "9999")
    publish_all(harness, "2")

    assert contents(stream) == ["2"]


def test_last_event_id_in_an_unknown_channel_recovers_nothing() -> None:
    stream = Harness(history=10).stream("nowhere", "3")

    assert (stream.take(), stream.ends) == ([], [])


def test_recovery_omits_publications_past_their_retention() -> None:
    harness = Harness(history=2)
    publish_all(harness, *map(str, range(10)))

    stream = harness.stream("a", "1")

    assert contents(stream) == ["8", "9"]


def test_recovery_reads_many_pages_of_history() -> None:
    harness = Harness(history=5 * SLICE_RECORDS)
    texts = list(map(str, range(2 * SLICE_RECORDS)))
    publish_all(harness, *texts)

    stream = harness.stream("a", "0")
    publish_all(harness, "on")

    assert contents(stream) == [*texts, "on"]


def test_catch_up_is_sent_in_slices() -> None:
    harness = Harness(history=2_000)
    texts = [f"{number} {'x' * 1_000}" for number in range(500)]
    publish_all(harness, *texts)
    stream = harness.stream_in_steps("a", "0")
    received: list[str] = []

    while next(stream.steps, stream) is None:
        part = contents(stream)
        received += part
        assert 0 < sum(map(len, part)) <= SLICE_BYTES + 2_000
        assert stream.charged > 0
    received += contents(stream)

    assert received == texts
    assert stream.charged >= 500 * 1_000 / 2_048


def test_events_during_the_catch_up_arrive_once_and_in_their_order() -> None:
    harness = Harness(history=5_000)
    alice = harness.member("alice", "a")
    expected = []

    def happen(number: int) -> None:
        harness.publish("a", "text", b"%d" % number)
        harness.hub.publish(alice, "a", str(number))
        expected.extend([str(number), "message"])
        if number % 3 == 0:
            harness.connect_other(f"bob{number}", room="a")
            expected.append(f"bob{number}")

    publish_all(harness, *("x" * 1_000 for _ in range(300)))
    stream = harness.stream_in_steps("a", "0")
    harness.connect_other("early", room="a")
    expected.append("early")
    for number in range(1_000):
        happen(number)
        if next(stream.steps, stream) is stream:
            break
    for number in range(1_000, 1_010):
        happen(number)

    events = stream.server_sent()
    seen = [event.content for event in events if event.content != "x" * 1_000]
    assert [shown(content) for content in seen] == expected
    ids = [int(event.id) for event in events if event.id is not None]
    assert ids == sorted(set(ids))


def shown(content: str) -> str:
    """Return what identifies an event in the test above."""
    if not content.startswith("{"):
        return content
    push = json.loads(content)
    return str(push.get("username", "message"))


@given(moves=st.lists(st.sampled_from(["publish", "chat", "join", "leave", "step"]), max_size=60))
def test_client_that_catches_up_receives_what_a_witness_receives(moves: list[str]) -> None:
    harness = Harness(history=1_000)
    alice = harness.member("alice", "a")
    publish_all(harness, *("y" * 30_000 for _ in range(6)))
    witness, stream = harness.stream("a", "0"), harness.stream_in_steps("a", "0")
    guests = []

    for number, move in enumerate(moves):
        match move:
            case "publish":
                harness.publish("a", "bytes", b"%d" % number)
            case "chat":
                harness.hub.publish(alice, "a", str(number))
            case "join":
                guests.append(harness.connect_other(f"guest{number}", room="a"))
            case "leave" if guests:
                harness.hub.leave(guests.pop(), "a")
            case _:
                next(stream.steps, None)
    for _ in stream.steps:
        pass

    assert stream.take() == witness.take()


def test_events_that_are_not_stored_wait_behind_what_is_stored() -> None:
    harness = Harness(store=MemoryStore(history=0, channel_history=100), stores_messages=False)
    alice = harness.member("alice", "a")
    publish_all(harness, *("x" * 40_000 for _ in range(4)))
    stream = harness.stream_in_steps("a", "0")
    next(stream.steps)

    harness.hub.publish(alice, "a", "not stored")
    assert all(event.kind == "message" and "not" not in event.content for event in stream.server_sent())
    for _ in stream.steps:
        pass

    assert json.loads(stream.server_sent()[-1].content)["content"] == "not stored"


def test_shutdown_does_not_wait() -> None:
    harness = Harness(history=10)
    publish_all(harness, "1")
    stream = harness.stream_in_steps("a", "0")

    harness.hub.shut_down(None)

    assert [event.kind for event in stream.server_sent()] == ["shutdown"]


def test_room_that_is_deleted_during_the_catch_up_is_reported() -> None:
    harness = Harness(history=1_000)
    publish_all(harness, *("x" * 40_000 for _ in range(4)))
    begun, not_begun = (harness.stream_in_steps("a", "0") for _ in range(2))
    next(begun.steps)

    harness.hub.rooms.delete("a")

    for stream in (begun, not_begun):
        for _ in stream.steps:
            pass
        assert stream.server_sent()[-1].kind == "state"
        assert not stream.ends


def test_client_for_which_too_much_is_kept_is_a_slow_consumer() -> None:
    harness = Harness(history=1_000, kept_bytes=1_000, presence_limit=10_000)
    publish_all(harness, *("x" * 40_000 for _ in range(4)))
    stream, other = harness.stream_in_steps("a", "0"), harness.stream("a")
    next(stream.steps)

    for number in range(100):
        harness.member(f"user{number}", "a")
    assert not stream.ends, "not while an event is delivered"
    for _ in stream.steps:
        pass

    assert stream.ends == [(1008, "slow consumer")]
    assert len(other.server_sent()) == 100
    assert harness.streams._catching_up == {}


def test_client_that_leaves_while_it_catches_up_leaves_nothing() -> None:
    harness = Harness(history=1_000)
    publish_all(harness, *("x" * 40_000 for _ in range(4)))
    stream = harness.stream_in_steps("a", "0")
    next(stream.steps)
    assert stream.peer is not None

    stream.peer.on_close()
    publish_all(harness, "2")

    assert harness.streams._catching_up == {}
    assert harness.hub.session_count() == 0


def test_stream_ends_when_history_is_unavailable() -> None:
    harness = Harness(store=Failing(Unavailable("It cannot be read now."), good=10, can_read=False))
    publish_all(harness, "1")

    stream = harness.stream("a", "0")
    publish_all(harness, "2")

    assert (stream.take(), stream.ends) == ([], [(1013, "unavailable")])
    assert harness.hub.session_count() == 0


def test_pushes_other_than_publications_are_json() -> None:
    harness = Harness()
    stream = harness.stream("lobby")

    harness.member("alice", "lobby")

    (event,) = stream.server_sent()
    assert json.loads(event.content) == {"room": "lobby", "event": "joined", "username": "alice"}


def test_binary_publication_is_base64_in_events() -> None:
    harness = Harness()
    stream = harness.stream("a")
    payload = bytes(range(256))

    harness.publish("a", "bytes", payload)

    assert stream.server_sent() == [ServerSent("bytes", b64encode(payload).decode(), None)]
