"""Direct messages: to everyone named, once each, or to nobody."""

import pytest
from recorded_harness import Harness

from chateau.hub.errors import UnknownRecipient
from chateau.hub.events import DirectMessage, Shutdown, TapChanged


def test_message_is_delivered_to_all_recipients(harness: Harness) -> None:
    alice, bob, carol, dave = map(harness.guest, ("alice", "bob", "carol", "dave"))

    sent = harness.hub.message(alice, ["bob", "carol"], "hi")

    assert sent == DirectMessage("alice", ("bob", "carol"), "hi", "id-1", "2026-11-20T00:00:01.000Z", "0")
    assert harness.heard(bob) == harness.heard(carol) == [sent]
    assert harness.heard(alice) == harness.heard(dave) == []


def test_message_to_oneself_is_delivered(harness: Harness) -> None:
    alice = harness.guest("alice")

    sent = harness.hub.message(alice, ["alice"], "note")

    assert harness.heard(alice) == [sent]


@pytest.mark.parametrize("names", [["bob", "bob"], ["BOB", "bob"], ["Bob"]])
def test_duplicate_recipients_are_merged_and_shown_as_registered(
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
def test_message_with_an_unknown_recipient_is_not_delivered(
    harness: Harness, names: list[str], unknown: list[str]
) -> None:
    alice, bob = harness.guest("alice"), harness.guest("bob")

    with pytest.raises(UnknownRecipient) as caught:
        harness.hub.message(alice, names, "hi")

    assert caught.value.unknown == unknown
    assert harness.heard(bob) == []


def test_error_counts_unknown_recipients_and_names_the_first(harness: Harness) -> None:
    with pytest.raises(UnknownRecipient) as caught:
        harness.hub.message(harness.guest("alice"), ["zed", "yan", "xia"], "hi")

    assert str(caught.value) == 'Nobody is registered as "zed" (and 2 more).'


def test_recipients_returns_names_as_registered(harness: Harness) -> None:
    harness.guest("Alice")
    harness.guest("bob")

    assert harness.hub.recipients(["BOB", "alice", "bob"]) == ("bob", "Alice")
    with pytest.raises(UnknownRecipient):
        harness.hub.recipients(["bob", "zed"])


def test_unregistered_name_is_unknown_and_receives_nothing(harness: Harness) -> None:
    alice, bob = harness.guest("alice"), harness.guest("bob")

    harness.hub.unregister(bob)

    with pytest.raises(UnknownRecipient):
        harness.hub.message(alice, ["bob"], "hi")
    assert harness.heard(bob) == []


def test_new_owner_of_a_freed_name_receives_its_messages(harness: Harness) -> None:
    alice, before = harness.guest("alice"), harness.guest("bob")
    harness.hub.disconnect(before)
    after = harness.guest("Bob")

    sent = harness.hub.message(alice, ["bob"], "hi")

    assert sent.recipients == ("Bob",)
    assert (harness.heard(before), harness.heard(after)) == ([], [sent])


def test_unregistered_session_sends_under_its_id(harness: Harness) -> None:
    visitor, bob = harness.visitor(), harness.guest("bob")

    harness.hub.message(visitor, ["bob"], "hi")

    assert [event.sender for event in harness.heard(bob)] == ["#0"]


def test_message_is_passed_once_to_each_protocol(harness: Harness) -> None:
    alice = harness.guest("alice")
    here = [harness.guest(name) for name in ("bob", "carol")]
    there = [harness.guest(name, protocol=harness.other_protocol) for name in ("dave", "erin")]

    sent = harness.hub.message(alice, ["bob", "dave", "carol", "erin"], "hi")

    assert harness.protocol.deliveries == [(sent, here)]
    assert harness.other_protocol.deliveries == [(sent, there)]


def test_messages_arrive_in_order(harness: Harness) -> None:
    alice, bob = harness.guest("alice"), harness.guest("bob")

    sent = [harness.hub.message(alice, ["bob"], f"{number}") for number in range(5)]

    assert harness.heard(bob) == sent


def test_shutdown_is_delivered_to_all_sessions(harness: Harness) -> None:
    alice, visitor = harness.guest("alice"), harness.visitor(protocol=harness.other_protocol)

    harness.hub.shut_down("maintenance")

    assert harness.heard(alice) == harness.heard(visitor) == [Shutdown("maintenance")]


def test_tap_is_reported_to_the_tapped_session_only(harness: Harness) -> None:
    alice, visitor = harness.guest("alice"), harness.visitor(protocol=harness.other_protocol)

    harness.hub.notify_tap(visitor, active=True)
    harness.hub.notify_tap(visitor, active=False)

    assert harness.heard(visitor) == [
        TapChanged(visitor.id, active=True),
        TapChanged(visitor.id, active=False),
    ]
    assert harness.heard(alice) == []


def test_tap_of_an_ended_session_is_not_reported(harness: Harness) -> None:
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
