"""By which protocols each user is here."""

from recorded_harness import Harness

from chateau.hub.session import Session


def nick(harness: Harness, name: str, room: str, address: str, **options: object) -> Session:
    session = harness.visitor(address=address, **options)  # type: ignore[arg-type]
    harness.hub.register(session, name, as_nick=True)
    harness.hub.join(session, room)
    return session


def test_each_name_has_the_protocol_of_who_holds_it(harness: Harness) -> None:
    harness.guest("alice")
    harness.guest("Dave", protocol=harness.other_protocol)

    assert harness.hub.protocols(harness.hub.usernames()) == {"alice": ["one"], "Dave": ["another"]}


def test_a_name_that_several_hold_has_each_protocol_once_and_sorted(harness: Harness) -> None:
    nick(harness, "bob", "attic", "192.0.2.1")
    nick(harness, "bob", "cellar", "192.0.2.1")
    nick(harness, "BOB", "lobby", "192.0.2.1", protocol=harness.other_protocol)

    assert harness.hub.protocols(["bob"]) == {"bob": ["another", "one"]}


def test_a_session_that_the_viewer_may_not_reach_does_not_count(harness: Harness) -> None:
    viewer = harness.visitor(address="192.0.2.9")
    nick(harness, "bob", "attic", "192.0.2.1")
    hidden = nick(harness, "bob", "cellar", "192.0.2.1", protocol=harness.other_protocol)
    harness.hub.access.set_privacy(hidden, "private")

    assert harness.hub.protocols(["bob"], viewer) == {"bob": ["one"]}
    assert harness.hub.protocols(["bob"], hidden) == {"bob": ["another", "one"]}
    assert harness.hub.protocols(["bob"]) == {"bob": ["another", "one"]}
