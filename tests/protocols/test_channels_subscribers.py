"""Who may subscribe to a channel, what subscribers are told, and what they may say."""

from __future__ import annotations

import pytest
from channels_house import House, code_of
from hypothesis import given
from hypothesis import strategies as st

from chateau.hub.errors import HubError
from chateau.hub.events import DirectMessage


def test_what_is_chatted_reaches_subscribers() -> None:
    house = House()
    alice = house.member("alice", "Lobby")
    subscriber = house.subscribe("lobby")

    message = house.hub.publish(alice, "lobby", "hello, all").message

    assert subscriber.pushes() == [
        {
            "room": "Lobby",
            "sender": "alice",
            "content": "hello, all",
            "seq": message.seq,
            "id": message.id,
            "time": message.time,
        }
    ]


def test_a_chat_message_is_written_as_the_protocol_shows_it() -> None:
    house = House()
    alice = house.member("alice", "lobby")
    subscriber = house.subscribe("lobby")

    house.hub.publish(alice, "lobby", 'say "é"')

    (payload,) = subscriber.take()
    assert isinstance(payload, str)
    assert payload.startswith('{"room":"lobby","sender":"alice","content":"say \\"é\\"","seq":')


def test_subscribers_are_told_who_comes_and_goes() -> None:
    house = House()
    subscriber = house.subscribe("lobby")

    alice = house.member("alice", "lobby")
    house.hub.leave(alice, "lobby")

    assert subscriber.pushes() == [
        {"room": "lobby", "event": "joined", "username": "alice"},
        {"room": "lobby", "event": "left", "username": "alice"},
    ]


def test_subscribers_are_no_members_and_nobody_is_told_of_them() -> None:
    house = House()
    alice = house.member("alice", "lobby")
    house.chat.events.clear()

    subscriber = house.subscribe("lobby")
    assert subscriber.peer is not None
    subscriber.peer.on_close()

    assert house.chat.events == []
    (room,) = house.hub.room_summaries()
    assert room.members == 1
    assert alice.room is not None
    assert alice.room.listeners == 0


def test_above_the_presence_limit_subscribers_hear_the_count() -> None:
    house = House(presence_limit=1)
    subscriber = house.subscribe("lobby")

    house.member("alice", "lobby")
    house.member("bob", "lobby")

    assert subscriber.pushes()[-1] == {"room": "lobby", "event": "members", "count": 2}


def test_subscribers_are_told_what_a_rooms_keepers_do() -> None:
    house = House()
    subscriber = house.subscribe("lobby")

    house.hub.rooms.close("lobby")
    house.hub.rooms.open("lobby")

    closed, opened = subscriber.pushes()
    assert closed == {"room": "lobby", "event": "state", "available": False, "reason": "The room was closed."}
    assert opened == {"room": "lobby", "event": "state", "available": True, "reason": None}


def test_a_subscriber_of_a_deleted_room_hears_of_it_and_of_nothing_more() -> None:
    house = House()
    subscriber = house.subscribe("lobby")

    house.hub.rooms.delete("lobby")
    house.publish("lobby", "text", b"hi")

    assert [frame["event"] for frame in subscriber.pushes()] == ["state"]
    assert subscriber.peer is not None
    subscriber.peer.on_close()


@pytest.mark.parametrize("reason", [None, "maintenance"])
def test_subscribers_are_told_of_the_shutdown(reason: str | None) -> None:
    house = House()
    subscriber = house.subscribe("a")

    house.hub.shut_down(reason)

    assert subscriber.pushes() == [{"event": "shutdown", "reason": reason}]


def test_a_subscriber_that_is_tapped_is_told_and_nobody_else() -> None:
    house = House()
    subscriber, other = house.subscribe("a"), house.subscribe("a")

    assert subscriber.peer is not None
    house.hub.tell_tapped(subscriber.peer.session, active=True)

    assert subscriber.pushes() == [{"event": "tapped", "active": True}]
    assert other.pushes() == []


def test_a_direct_message_is_for_no_subscriber() -> None:
    house = House()
    subscriber, stream = house.subscribe("a"), house.stream("a")
    event = DirectMessage("alice", ("bob",), "hi", "", "", "0")

    for protocol, mailbox in ((house.channels, subscriber), (house.streams, stream)):
        assert mailbox.peer is not None
        protocol.deliver(event, [mailbox.peer.session])

    assert (subscriber.take(), stream.take()) == ([], [])


def test_the_text_close_closes() -> None:
    house = House()
    subscriber = house.subscribe("a")
    assert subscriber.peer is not None

    subscriber.peer.on_text("close")

    assert subscriber.ends == [(1000, "")]
    assert house.publish("a", "text", b"hi").delivered == 0
    assert house.hub.session_count() == 0


SAID = st.text().filter(lambda text: text != "close") | st.sampled_from(
    ["Close", "close\n", " close", '"close"', ""]
)


@given(text=SAID, payload=st.binary())
def test_all_else_that_a_subscriber_says_is_ignored(text: str, payload: bytes) -> None:
    house = House()
    subscriber, other = house.subscribe("a"), house.subscribe("a")
    assert subscriber.peer is not None

    subscriber.peer.on_text(text)
    subscriber.peer.on_binary(payload)
    subscriber.peer.on_binary(b"close")

    assert (subscriber.take(), other.take(), subscriber.ends) == ([], [], [])
    assert house.publish("a", "text", b"hi").delivered == 2


def test_a_connection_that_ends_is_subscribed_no_more() -> None:
    house = House()
    subscriber = house.subscribe("a")
    assert subscriber.peer is not None

    subscriber.peer.on_close()
    subscriber.peer.on_close()

    assert house.publish("a", "text", b"hi").delivered == 0
    assert house.hub.room_summaries() == []


# Who may


def test_whoever_may_subscribe_is_let_through() -> None:
    house = House()

    house.channels.check_subscription(" A_b ", "192.0.2.1")

    assert house.hub.room_summaries() == []


REFUSED = [
    pytest.param("", "invalid_name", id="no name"),
    pytest.param("a" * 65, "invalid_name", id="a name too long"),
    pytest.param("closed", "access_denied", id="a closed room"),
    pytest.param("LOCKED", "access_denied", id="a locked room"),
    pytest.param("banned", "banned", id="a banned address"),
]


@pytest.mark.parametrize(("channel", "code"), REFUSED)
@pytest.mark.parametrize("way", ["subscribe", "stream"])
def test_who_may_not_subscribe_is_told_before_and_sent_away_behind_the_handshake(
    channel: str, code: str, way: str
) -> None:
    house = House()
    house.member("alice", "closed")
    house.member("bob", "locked")
    house.hub.rooms.close("closed")
    house.hub.rooms.lock("locked", "swordfish")
    sessions = house.hub.session_count()
    address = "203.0.113.9"
    if code == "banned":
        house.hub.access.ban(address)

    with pytest.raises(HubError) as refused:
        house.channels.check_subscription(channel, address)
    mailbox = getattr(house, way)(channel, address=address)

    assert code_of(refused.value) == code
    assert mailbox.ends == [(1008, code)]
    assert mailbox.take() == []
    assert house.hub.session_count() == sessions


def test_a_subscriber_that_is_banned_later_goes_on_listening() -> None:
    house = House()
    subscriber = house.subscribe("a", address="203.0.113.9")

    house.hub.access.ban("203.0.113.9")
    house.publish("a", "text", b"hi")

    assert subscriber.take() == ["hi"]
