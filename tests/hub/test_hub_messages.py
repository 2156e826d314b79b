"""Direct messages: delivered once to each recipient, or to nobody."""

import pytest
from hub_harness import Harness

from chateau.hub.errors import UnknownRecipient
from chateau.hub.events import DirectMessage, Shutdown, TapChanged


def test_message_is_delivered_to_all_recipients(harness: Harness) -> None:
    alice, bob, carol, dave = map(harness.user, ("alice", "bob", "carol", "dave"))

    sent = harness.hub.message(alice, ["bob", "carol"], "hi")

    assert sent == DirectMessage("alice", ("bob", "carol"), "hi", "id-1", "2026-11-20T00:00:01.000Z", "0")
    assert harness.events_of(bob) == harness.events_of(carol) == [sent]
    assert harness.events_of(alice) == harness.events_of(dave) == []


def test_message_to_oneself_is_delivered(harness: Harness) -> None:
    alice = harness.user("alice")

    sent = harness.hub.message(alice, ["alice"], "note")

    assert harness.events_of(alice) == [sent]


@pytest.mark.parametrize("names", [["bob", "bob"], ["BOB", "bob"], ["Bob"]])
def test_duplicate_recipients_are_merged_and_shown_as_registered(harness: Harness, names: list[str]) -> None:
    alice, bob = harness.user("alice"), harness.user("bob")

    sent = harness.hub.message(alice, names, "hi")

    assert sent.recipients == ("bob",)
    assert harness.events_of(bob) == [sent]


@pytest.mark.parametrize(
    ("names", "unknown"),
    [
        pytest.param(["bob", "zed"], ["zed"], id="not registered"),
        pytest.param(["zed", "bob", "zed", "yan"], ["zed", "yan"], id="two of them, one listed twice"),
        pytest.param([" bob"], [" bob"], id="not a valid name"),
        pytest.param(["zed"], ["zed"], id="the only one"),
    ],
)
def test_message_with_an_unknown_recipient_is_not_delivered(
    harness: Harness, names: list[str], unknown: list[str]
) -> None:
    alice, bob = harness.user("alice"), harness.user("bob")

    with pytest.raises(UnknownRecipient) as caught:
        harness.hub.message(alice, names, "hi")

    assert caught.value.unknown == unknown
    assert harness.events_of(bob) == []


def test_error_counts_unknown_recipients_and_names_the_first(harness: Harness) -> None:
    with pytest.raises(UnknownRecipient) as caught:
        harness.hub.message(harness.user("alice"), ["zed", "yan", "xia"], "hi")

    assert str(caught.value) == 'Nobody is registered as "zed" (and 2 more).'


def test_recipients_returns_names_as_registered(harness: Harness) -> None:
    harness.user("Alice")
    harness.user("bob")

    assert harness.hub.recipients(["BOB", "alice", "bob"]) == ("bob", "Alice")
    with pytest.raises(UnknownRecipient):
        harness.hub.recipients(["bob", "zed"])


def test_unregistered_name_is_unknown_and_receives_nothing(harness: Harness) -> None:
    alice, bob = harness.user("alice"), harness.user("bob")

    harness.hub.unregister(bob)

    with pytest.raises(UnknownRecipient):
        harness.hub.message(alice, ["bob"], "hi")
    assert harness.events_of(bob) == []


def test_new_owner_of_a_freed_name_receives_its_messages(harness: Harness) -> None:
    alice, before = harness.user("alice"), harness.user("bob")
    harness.hub.disconnect(before)
    after = harness.user("Bob")

    sent = harness.hub.message(alice, ["bob"], "hi")

    assert sent.recipients == ("Bob",)
    assert (harness.events_of(before), harness.events_of(after)) == ([], [sent])


def test_unregistered_session_sends_under_its_id(harness: Harness) -> None:
    unregistered, bob = harness.connect(), harness.user("bob")

    harness.hub.message(unregistered, ["bob"], "hi")

    assert [event.sender for event in harness.events_of(bob)] == ["#0"]


def test_message_is_passed_once_to_each_protocol(harness: Harness) -> None:
    alice = harness.user("alice")
    here = [harness.user(name) for name in ("bob", "carol")]
    there = [harness.user(name, protocol=harness.other_protocol) for name in ("dave", "erin")]

    sent = harness.hub.message(alice, ["bob", "dave", "carol", "erin"], "hi")

    assert harness.protocol.deliveries == [(sent, here)]
    assert harness.other_protocol.deliveries == [(sent, there)]


def test_messages_arrive_in_order(harness: Harness) -> None:
    alice, bob = harness.user("alice"), harness.user("bob")

    sent = [harness.hub.message(alice, ["bob"], f"{number}") for number in range(5)]

    assert harness.events_of(bob) == sent


def test_shutdown_is_delivered_to_all_sessions(harness: Harness) -> None:
    alice, unregistered = harness.user("alice"), harness.connect(protocol=harness.other_protocol)

    harness.hub.shut_down("maintenance")

    assert harness.events_of(alice) == harness.events_of(unregistered) == [Shutdown("maintenance")]


def test_tap_is_reported_to_the_tapped_session_only(harness: Harness) -> None:
    alice, unregistered = harness.user("alice"), harness.connect(protocol=harness.other_protocol)

    harness.hub.notify_tap(unregistered, active=True)
    harness.hub.notify_tap(unregistered, active=False)

    assert harness.events_of(unregistered) == [
        TapChanged(unregistered.id, active=True),
        TapChanged(unregistered.id, active=False),
    ]
    assert harness.events_of(alice) == []


def test_tap_of_an_ended_session_is_not_reported(harness: Harness) -> None:
    unregistered = harness.connect()
    harness.hub.disconnect(unregistered)

    harness.hub.notify_tap(unregistered, active=False)

    assert harness.protocol.deliveries == []


def test_an_event_for_unknown_users_is_delivered_to_nobody(harness: Harness) -> None:
    harness.user("alice", "attic")
    harness.clear_events()
    message = DirectMessage("zed", ("yan",), "hi", "id-1", "2026-11-20T00:00:01.000Z", "0")

    harness.hub._delivery.deliver_to_users(("yan",), message)

    assert harness.protocol.deliveries == []
