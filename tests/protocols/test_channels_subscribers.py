"""Subscribing to a channel: the events that subscribers receive, and access."""

from __future__ import annotations

import pytest
from channels_harness import Harness, code_of
from hypothesis import given
from hypothesis import strategies as st

from chateau.hub.errors import HubError
from chateau.hub.events import DirectMessage


def test_room_messages_reach_subscribers() -> None:
    harness = Harness()
    alice = harness.member("alice", "Lobby")
    protocol = harness.subscribe("lobby")

    message = harness.hub.publish(alice, "lobby", "hello, all").message

    assert protocol.pushes() == [
        {
            "room": "Lobby",
            "sender": "alice",
            "content": "hello, all",
            "seq": message.seq,
            "id": message.id,
            "time": message.time,
        }
    ]


def test_room_message_has_the_documented_format() -> None:
    harness = Harness()
    alice = harness.member("alice", "lobby")
    protocol = harness.subscribe("lobby")

    harness.hub.publish(alice, "lobby", 'say "é"')

    (payload,) = protocol.take()
    assert isinstance(payload, str)
    assert payload.startswith('{"room":"lobby","sender":"alice","content":"say \\"é\\"","seq":')


def test_subscribers_receive_joins_and_leaves() -> None:
    harness = Harness()
    protocol = harness.subscribe("lobby")

    alice = harness.member("alice", "lobby")
    harness.hub.leave(alice, "lobby")

    assert protocol.pushes() == [
        {"room": "lobby", "event": "joined", "username": "alice"},
        {"room": "lobby", "event": "left", "username": "alice"},
    ]


def test_subscribers_are_not_members_and_cause_no_events() -> None:
    harness = Harness()
    alice = harness.member("alice", "lobby")
    harness.other.events.clear()

    protocol = harness.subscribe("lobby")
    assert protocol.peer is not None
    protocol.peer.on_close()

    assert harness.other.events == []
    (room,) = harness.hub.room_summaries()
    assert room.members == 1
    assert alice.room is not None
    assert alice.room.listeners == 0


def test_subscribers_receive_member_counts_above_the_presence_limit() -> None:
    harness = Harness(presence_limit=1)
    protocol = harness.subscribe("lobby")

    harness.member("alice", "lobby")
    harness.member("bob", "lobby")

    assert protocol.pushes()[-1] == {"room": "lobby", "event": "members", "count": 2}


def test_subscribers_receive_moderation_events() -> None:
    harness = Harness()
    protocol = harness.subscribe("lobby")

    harness.hub.rooms.close("lobby")
    harness.hub.rooms.open("lobby")

    closed, opened = protocol.pushes()
    assert closed == {"room": "lobby", "event": "state", "available": False, "reason": "The room was closed."}
    assert opened == {"room": "lobby", "event": "state", "available": True, "reason": None}


def test_subscriber_of_a_deleted_room_receives_the_deletion_last() -> None:
    harness = Harness()
    protocol = harness.subscribe("lobby")

    harness.hub.rooms.delete("lobby")
    harness.publish("lobby", "text", b"hi")

    assert [frame["event"] for frame in protocol.pushes()] == ["state"]
    assert protocol.peer is not None
    protocol.peer.on_close()


@pytest.mark.parametrize("reason", [None, "maintenance"])
def test_subscribers_receive_the_shutdown_event(reason: str | None) -> None:
    harness = Harness()
    protocol = harness.subscribe("a")

    harness.hub.shut_down(reason)

    assert protocol.pushes() == [{"event": "shutdown", "reason": reason}]


def test_only_the_tapped_subscriber_is_notified() -> None:
    harness = Harness()
    protocol, other = harness.subscribe("a"), harness.subscribe("a")

    assert protocol.peer is not None
    harness.hub.notify_tap(protocol.peer.session, active=True)

    assert protocol.pushes() == [{"event": "tapped", "active": True}]
    assert other.pushes() == []


def test_direct_message_does_not_reach_subscribers() -> None:
    harness = Harness()
    protocol, stream = harness.subscribe("a"), harness.stream("a")
    event = DirectMessage("alice", ("bob",), "hi", "", "", "0")

    for each, mailbox in ((harness.channels, protocol), (harness.streams, stream)):
        assert mailbox.peer is not None
        each.deliver(event, [mailbox.peer.session])

    assert (protocol.take(), stream.take()) == ([], [])


def test_text_close_ends_the_subscription() -> None:
    harness = Harness()
    protocol = harness.subscribe("a")
    assert protocol.peer is not None

    protocol.peer.on_text("close")

    assert protocol.ends == [(1000, "")]
    assert harness.publish("a", "text", b"hi").delivered == 0
    assert harness.hub.session_count() == 0


SAID = st.text().filter(lambda text: text != "close") | st.sampled_from(
    ["Close", "close\n", " close", '"close"', ""]
)


@given(text=SAID, payload=st.binary())
def test_other_texts_of_a_subscriber_are_ignored(text: str, payload: bytes) -> None:
    harness = Harness()
    protocol, other = harness.subscribe("a"), harness.subscribe("a")
    assert protocol.peer is not None

    protocol.peer.on_text(text)
    protocol.peer.on_binary(payload)
    protocol.peer.on_binary(b"close")

    assert (protocol.take(), other.take(), protocol.ends) == ([], [], [])
    assert harness.publish("a", "text", b"hi").delivered == 2


def test_text_that_only_contains_close_is_ignored() -> None:
    harness = Harness()
    protocol = harness.subscribe("a")
    assert protocol.peer is not None

    protocol.peer.on_text("close it")

    assert (protocol.take(), protocol.ends) == ([], [])


def test_lost_connection_is_unsubscribed() -> None:
    harness = Harness()
    protocol = harness.subscribe("a")
    assert protocol.peer is not None

    protocol.peer.on_close()
    protocol.peer.on_close()

    assert harness.publish("a", "text", b"hi").delivered == 0
    assert harness.hub.room_summaries() == []


# Access


def test_allowed_client_can_subscribe() -> None:
    harness = Harness()

    harness.channels.check_subscription(" A_b ", "192.0.2.1")

    assert harness.hub.room_summaries() == []


REFUSED = [
    pytest.param("", "invalid_name", id="no name"),
    pytest.param("a" * 65, "invalid_name", id="a name too long"),
    pytest.param("closed", "access_denied", id="a closed room"),
    pytest.param("LOCKED", "access_denied", id="a locked room"),
    pytest.param("banned", "banned", id="a banned address"),
]


@pytest.mark.parametrize(("channel", "code"), REFUSED)
@pytest.mark.parametrize("way", ["subscribe", "stream"])
def test_forbidden_subscriber_is_rejected_before_or_closed_after_the_handshake(
    channel: str, code: str, way: str
) -> None:
    harness = Harness()
    harness.member("alice", "closed")
    harness.member("bob", "locked")
    harness.hub.rooms.close("closed")
    harness.hub.rooms.lock("locked", "swordfish")
    sessions = harness.hub.session_count()
    address = "203.0.113.9"
    if code == "banned":
        harness.hub.access.ban(address)

    with pytest.raises(HubError) as refused:
        harness.channels.check_subscription(channel, address)
    mailbox = getattr(harness, way)(channel, address=address)

    assert code_of(refused.value) == code
    assert mailbox.ends == [(1008, code)]
    assert mailbox.take() == []
    assert harness.hub.session_count() == sessions


def test_ban_does_not_end_an_existing_subscription() -> None:
    harness = Harness()
    protocol = harness.subscribe("a", address="203.0.113.9")

    harness.hub.access.ban("203.0.113.9")
    harness.publish("a", "text", b"hi")

    assert protocol.take() == ["hi"]
