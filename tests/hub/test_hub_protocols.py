"""The protocols that each user is connected by."""

from hub_harness import Harness

from chateau.hub.session import Session


def nick(harness: Harness, name: str, room: str, address: str, **options: object) -> Session:
    session = harness.connect(address=address, **options)  # type: ignore[arg-type]
    harness.hub.register(session, name, as_nick=True)
    harness.hub.join(session, room)
    return session


def test_protocols_lists_the_protocol_of_each_username(harness: Harness) -> None:
    harness.user("alice")
    harness.user("Dave", protocol=harness.other_protocol)

    assert harness.hub.protocols(harness.hub.usernames()) == {"alice": ["one"], "Dave": ["another"]}


def test_protocols_of_sessions_with_one_nick_are_separate(harness: Harness) -> None:
    nick(harness, "bob", "attic", "192.0.2.1")
    nick(harness, "BOB", "lobby", "192.0.2.1", protocol=harness.other_protocol)

    assert harness.hub.protocols(harness.hub.usernames()) == {"bob": ["one"], "BOB#1": ["another"]}


def test_protocols_omits_unreachable_sessions(harness: Harness) -> None:
    viewer = harness.connect(address="192.0.2.9")
    nick(harness, "bob", "attic", "192.0.2.1")
    hidden = nick(harness, "bob", "cellar", "192.0.2.1", protocol=harness.other_protocol)
    harness.hub.access.set_privacy(hidden, "private")

    assert harness.hub.protocols(["bob", "bob#2"], viewer) == {"bob": ["one"], "bob#2": []}
    assert harness.hub.protocols(["bob", "bob#2"], hidden) == {"bob": ["one"], "bob#2": ["another"]}
    assert harness.hub.protocols(["bob#2", "eve"]) == {"bob#2": ["another"], "eve": []}
