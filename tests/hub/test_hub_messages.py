"""Direct messages: to everyone named, once each, or to nobody."""

import pytest
from recorded_harness import Harness

from chateau.hub.errors import UnknownRecipient
from chateau.hub.events import DirectMessage, Shutdown, TapChanged


def test_everyone_named_gets_the_same_message(harness: Harness) -> None:
    alice, bob, carol, dave = map(harness.guest, ("alice", "bob", "carol", "dave"))

    sent = harness.hub.message(alice, ["bob", "carol"], "hi")

    assert sent == DirectMessage("alice", ("bob", "carol"), "hi", "id-1", "2026-11-20T00:00:01.000Z", "0")
    assert harness.heard(bob) == harness.heard(carol) == [sent]
    assert harness.heard(alice) == harness.heard(dave) == []


def test_a_sender_that_names_itself_gets_it_too(harness: Harness) -> None:
    alice = harness.guest("alice")

    sent = harness.hub.message(alice, ["alice"], "note")

    assert harness.heard(alice) == [sent]


@pytest.mark.parametrize("names", [["bob", "bob"], ["BOB", "bob"], ["Bob"]])
def test_a_name_listed_twice_is_delivered_once_and_shown_as_registered(
    harness: Harness, names: list[str]
) -> None:
    alice, bob = harness.guest("alice"), harness.guest("bob")

    sent = harness.hub.message(alice, names, "hi")

    assert sent.recipients == ("bob",)
    assert harness.heard(bob) == [sent]


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
    harness: Harness, names: list[str], unknown: list[str]
) -> None:
    alice, bob = harness.guest("alice"), harness.guest("bob")

    with pytest.raises(UnknownRecipient) as caught:
        harness.hub.message(alice, names, "hi")

    assert caught.value.unknown == unknown
    assert harness.heard(bob) == []


def test_how_many_are_unknown_is_said_but_only_one_is_named(harness: Harness) -> None:
    with pytest.raises(UnknownRecipient) as caught:
        harness.hub.message(harness.guest("alice"), ["zed", "yan", "xia"], "hi")

    assert str(caught.value) == 'Nobody is registered as "zed" (and 2 more).'


def test_recipients_can_be_had_as_a_message_to_them_would_show_them(harness: Harness) -> None:
    harness.guest("Alice")
    harness.guest("bob")

    assert harness.hub.recipients(["BOB", "alice", "bob"]) == ("bob", "Alice")
    with pytest.raises(UnknownRecipient):
        harness.hub.recipients(["bob", "zed"])


def test_who_unregistered_is_unknown_and_hears_no_more(harness: Harness) -> None:
    alice, bob = harness.guest("alice"), harness.guest("bob")

    harness.hub.unregister(bob)

    with pytest.raises(UnknownRecipient):
        harness.hub.message(alice, ["bob"], "hi")
    assert harness.heard(bob) == []


def test_who_takes_a_freed_name_is_reached_under_it(harness: Harness) -> None:
    alice, before = harness.guest("alice"), harness.guest("bob")
    harness.hub.disconnect(before)
    after = harness.guest("Bob")

    sent = harness.hub.message(alice, ["bob"], "hi")

    assert sent.recipients == ("Bob",)
    assert (harness.heard(before), harness.heard(after)) == ([], [sent])


def test_a_session_without_a_name_sends_as_its_number(harness: Harness) -> None:
    visitor, bob = harness.visitor(), harness.guest("bob")

    harness.hub.message(visitor, ["bob"], "hi")

    assert [event.sender for event in harness.heard(bob)] == ["#0"]


def test_recipients_of_two_protocols_are_told_once_a_protocol(harness: Harness) -> None:
    alice = harness.guest("alice")
    here = [harness.guest(name) for name in ("bob", "carol")]
    there = [harness.guest(name, protocol=harness.other_protocol) for name in ("dave", "erin")]

    sent = harness.hub.message(alice, ["bob", "dave", "carol", "erin"], "hi")

    assert harness.protocol.deliveries == [(sent, here)]
    assert harness.other_protocol.deliveries == [(sent, there)]


def test_messages_arrive_in_the_order_in_which_they_were_sent(harness: Harness) -> None:
    alice, bob = harness.guest("alice"), harness.guest("bob")

    sent = [harness.hub.message(alice, ["bob"], f"{number}") for number in range(5)]

    assert harness.heard(bob) == sent


def test_a_shutdown_is_told_to_everyone_registered_or_not(harness: Harness) -> None:
    alice, visitor = harness.guest("alice"), harness.visitor(protocol=harness.other_protocol)

    harness.hub.shut_down("maintenance")

    assert harness.heard(alice) == harness.heard(visitor) == [Shutdown("maintenance")]


def test_who_is_tapped_is_told_with_or_without_a_name_and_nobody_else(harness: Harness) -> None:
    alice, visitor = harness.guest("alice"), harness.visitor(protocol=harness.other_protocol)

    harness.hub.notify_tap(visitor, active=True)
    harness.hub.notify_tap(visitor, active=False)

    assert harness.heard(visitor) == [
        TapChanged(visitor.id, active=True),
        TapChanged(visitor.id, active=False),
    ]
    assert harness.heard(alice) == []


def test_who_has_left_is_told_of_no_tap(harness: Harness) -> None:
    visitor = harness.visitor()
    harness.hub.disconnect(visitor)

    harness.hub.notify_tap(visitor, active=False)

    assert harness.protocol.deliveries == []


def test_an_event_for_unknown_users_is_delivered_to_nobody(harness: Harness) -> None:
    harness.guest("alice", "attic")
    harness.forget()
    message = DirectMessage("zed", ("yan",), "hi", "id-1", "2026-11-20T00:00:01.000Z", "0")

    harness.hub._delivery.deliver_to_users(("yan",), message)

    assert harness.protocol.deliveries == []
