"""By which protocols each user is here."""

from recorded_house import House

from chateau.hub.session import Session


def nick(house: House, name: str, room: str, address: str, **options: object) -> Session:
    session = house.visitor(address=address, **options)  # type: ignore[arg-type]
    house.hub.register(session, name, as_nick=True)
    house.hub.join(session, room)
    return session


def test_each_name_has_the_protocol_of_who_holds_it(house: House) -> None:
    house.guest("alice")
    house.guest("Dave", protocol=house.other_protocol)

    assert house.hub.protocols(house.hub.usernames()) == {"alice": ["one"], "Dave": ["another"]}


def test_a_name_that_several_hold_has_each_protocol_once_and_sorted(house: House) -> None:
    nick(house, "bob", "attic", "192.0.2.1")
    nick(house, "bob", "cellar", "192.0.2.1")
    nick(house, "BOB", "lobby", "192.0.2.1", protocol=house.other_protocol)

    assert house.hub.protocols(["bob"]) == {"bob": ["another", "one"]}


def test_a_session_that_the_viewer_may_not_reach_does_not_count(house: House) -> None:
    viewer = house.visitor(address="192.0.2.9")
    nick(house, "bob", "attic", "192.0.2.1")
    hidden = nick(house, "bob", "cellar", "192.0.2.1", protocol=house.other_protocol)
    house.hub.access.set_privacy(hidden, "private")

    assert house.hub.protocols(["bob"], viewer) == {"bob": ["one"]}
    assert house.hub.protocols(["bob"], hidden) == {"bob": ["another", "one"]}
    assert house.hub.protocols(["bob"]) == {"bob": ["another", "one"]}
