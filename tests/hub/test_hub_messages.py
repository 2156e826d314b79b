"""Direct messages: to everyone named, once each, or to nobody."""

import pytest
from recorded_house import House

from chateau.hub.errors import UnknownRecipient
from chateau.hub.events import DirectMessage, Left, Shutdown, Tapped


def test_everyone_named_gets_the_same_message(house: House) -> None:
    alice, bob, carol, dave = map(house.guest, ("alice", "bob", "carol", "dave"))

    sent = house.hub.message(alice, ["bob", "carol"], "hi")

    assert sent == DirectMessage("alice", ("bob", "carol"), "hi", "id-1", "2026-11-20T00:00:01.000Z", "0")
    assert house.heard(bob) == house.heard(carol) == [sent]
    assert house.heard(alice) == house.heard(dave) == []


def test_a_sender_that_names_itself_gets_it_too(house: House) -> None:
    alice = house.guest("alice")

    sent = house.hub.message(alice, ["alice"], "note")

    assert house.heard(alice) == [sent]


@pytest.mark.parametrize("names", [["bob", "bob"], ["BOB", "bob"], ["Bob"]])
def test_a_name_listed_twice_is_delivered_once_and_shown_as_registered(
    house: House, names: list[str]
) -> None:
    alice, bob = house.guest("alice"), house.guest("bob")

    sent = house.hub.message(alice, names, "hi")

    assert sent.recipients == ("bob",)
    assert house.heard(bob) == [sent]


@pytest.mark.parametrize(
    ("names", "unknown"),
    [
        pytest.param(["bob", "zed"], ["zed"], id="nobody has it"),
        pytest.param(["zed", "bob", "zed", "yan"], ["zed", "yan"], id="two of them, one listed twice"),
        pytest.param([" bob"], [" bob"], id="it is no name at all"),
        pytest.param(["zed"], ["zed"], id="the only one"),
    ],
)
def test_a_message_to_somebody_unknown_reaches_nobody(
    house: House, names: list[str], unknown: list[str]
) -> None:
    alice, bob = house.guest("alice"), house.guest("bob")

    with pytest.raises(UnknownRecipient) as caught:
        house.hub.message(alice, names, "hi")

    assert caught.value.unknown == unknown
    assert house.heard(bob) == []


def test_how_many_are_unknown_is_said_but_only_one_is_named(house: House) -> None:
    with pytest.raises(UnknownRecipient) as caught:
        house.hub.message(house.guest("alice"), ["zed", "yan", "xia"], "hi")

    assert str(caught.value) == 'Nobody is registered as "zed" (and 2 more).'


def test_recipients_can_be_had_as_a_message_to_them_would_show_them(house: House) -> None:
    house.guest("Alice")
    house.guest("bob")

    assert house.hub.recipients(["BOB", "alice", "bob"]) == ("bob", "Alice")
    with pytest.raises(UnknownRecipient):
        house.hub.recipients(["bob", "zed"])


def test_who_unregistered_is_unknown_and_hears_no_more(house: House) -> None:
    alice, bob = house.guest("alice"), house.guest("bob")

    house.hub.unregister(bob)

    with pytest.raises(UnknownRecipient):
        house.hub.message(alice, ["bob"], "hi")
    assert house.heard(bob) == []


def test_who_takes_a_freed_name_is_reached_under_it(house: House) -> None:
    alice, before = house.guest("alice"), house.guest("bob")
    house.hub.disconnect(before)
    after = house.guest("Bob")

    sent = house.hub.message(alice, ["bob"], "hi")

    assert sent.recipients == ("Bob",)
    assert (house.heard(before), house.heard(after)) == ([], [sent])


def test_a_session_without_a_name_sends_as_its_number(house: House) -> None:
    visitor, bob = house.visitor(), house.guest("bob")

    house.hub.message(visitor, ["bob"], "hi")

    assert [event.sender for event in house.heard(bob)] == ["#0"]


def test_recipients_of_two_protocols_are_told_once_a_protocol(house: House) -> None:
    alice = house.guest("alice")
    here = [house.guest(name) for name in ("bob", "carol")]
    there = [house.guest(name, protocol=house.other_protocol) for name in ("dave", "erin")]

    sent = house.hub.message(alice, ["bob", "dave", "carol", "erin"], "hi")

    assert house.protocol.deliveries == [(sent, here)]
    assert house.other_protocol.deliveries == [(sent, there)]


def test_messages_arrive_in_the_order_in_which_they_were_sent(house: House) -> None:
    alice, bob = house.guest("alice"), house.guest("bob")

    sent = [house.hub.message(alice, ["bob"], f"{number}") for number in range(5)]

    assert house.heard(bob) == sent


def test_a_shutdown_is_told_to_everyone_registered_or_not(house: House) -> None:
    alice, visitor = house.guest("alice"), house.visitor(protocol=house.other_protocol)

    house.hub.shut_down("maintenance")

    assert house.heard(alice) == house.heard(visitor) == [Shutdown("maintenance")]


def test_who_is_tapped_is_told_with_or_without_a_name_and_nobody_else(house: House) -> None:
    alice, visitor = house.guest("alice"), house.visitor(protocol=house.other_protocol)

    house.hub.tell_tapped(visitor, active=True)
    house.hub.tell_tapped(visitor, active=False)

    assert house.heard(visitor) == [Tapped(visitor.id, active=True), Tapped(visitor.id, active=False)]
    assert house.heard(alice) == []


def test_who_has_left_is_told_of_no_tap(house: House) -> None:
    visitor = house.visitor()
    house.hub.disconnect(visitor)

    house.hub.tell_tapped(visitor, active=False)

    assert house.protocol.deliveries == []


def test_what_another_node_announces_of_people_and_rooms_that_are_not_here_is_told_to_nobody(
    house: House,
) -> None:
    house.guest("alice", "attic")
    house.forget()

    house.cluster.announce(DirectMessage("zed", ("yan",), "hi", "id-1", "2026-11-20T00:00:01.000Z", "0"))
    house.cluster.announce(Left("cellar", "zed", "17"))

    assert house.protocol.deliveries == []
