"""Guards and bans: whom a session lets reach it, and which addresses the house shuts out."""

import pytest
from recorded_house import House

from chateau.hub.access import RULES_LIMIT, Access, Networks, parsed_network
from chateau.hub.errors import AccessDenied, HubError, InvalidAddress, UnknownRecipient
from chateau.hub.session import Session

HOME, AWAY = "192.0.2.1", "198.51.100.1"

INSIDE = [
    ("192.0.2.1", "192.0.2.1"),
    ("192.0.2.0/24", "192.0.2.255"),
    ("192.0.2.77/24", "192.0.2.1"),  # host bits are set
    ("192.0.2.0/255.255.255.0", "192.0.2.1"),
    ("0.0.0.0/0", "203.0.113.9"),
    ("192.0.2.1/32", "192.0.2.1"),
    ("2001:db8::1", "2001:db8:0:0::1"),
    ("2001:DB8::/32", "2001:db8:ffff::1"),
    ("2001:db8::77/64", "2001:db8::1"),
    ("::/0", "2001:db8::1"),
    ("::1", "::1"),
    ("fe80::1", "fe80::1%eth0"),
    # An IPv4 address inside an IPv6 one is that IPv4 address, whoever writes it so.
    ("192.0.2.1", "::ffff:192.0.2.1"),
    ("192.0.2.0/24", "::ffff:c000:2ff"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("::ffff:192.0.2.1", "::FFFF:192.0.2.1"),
    ("::ffff:192.0.2.1/128", "192.0.2.1"),
    ("::ffff:192.0.2.0/120", "192.0.2.255"),
    ("::ffff:192.0.2.77/120", "::ffff:192.0.2.1"),
    ("::ffff:0:0/96", "203.0.113.9"),
]
OUTSIDE = [
    ("192.0.2.1", "192.0.2.2"),
    ("192.0.2.0/24", "192.0.3.0"),
    ("192.0.2.0/24", "2001:db8::1"),
    ("2001:db8::/32", "2001:db9::1"),
    ("2001:db8::/32", "192.0.2.1"),
    ("::ffff:192.0.2.0/120", "192.0.3.0"),
    ("::ffff:192.0.2.0/120", "::ffff:192.0.3.0"),
    ("::192.0.2.1", "192.0.2.1"),  # not the way in which IPv4 is written inside IPv6
    ("0.0.0.0/0", "2001:db8::1"),
    ("0.0.0.0/0", ""),  # a client without an address is in no range
    ("0.0.0.0/0", "a socket file"),
]
GARBAGE = [
    "",
    " ",
    "localhost",
    "192.0.2",
    "192.0.2.256",
    "192.0.2.01",
    "192.0.2.1 ",
    "192.0.2.1\n",
    "192.0.2.1/",
    "192.0.2.1/33",
    "192.0.2.1/-1",
    "192.0.2.1/24/24",
    "192.0.2.0-192.0.2.9",
    "/24",
    "*",
    "192.0.2.*",
    ":::",
    "2001:db8::/129",
    "[::1]",
    "192.0.2.1:80",
    "١٩٢.0.2.1",
    "1" * 5000,
    "192.0.2.0/" + "9" * 5000,
]


def reaches(house: House, caller: Session, target: Session) -> bool:
    return house.hub.message_to_sessions(caller, [target.id], "hi") == []


def registered(house: House, name: str, address: str) -> Session:
    session = house.visitor(address=address)
    house.hub.register(session, name)
    return session


# Whom a guard lets in


def test_without_a_guard_everybody_reaches_everybody(house: House) -> None:
    assert reaches(house, house.visitor(address=AWAY), house.visitor(address=HOME))


def test_nobody_reaches_who_is_private_and_everybody_when_it_is_public_again(house: House) -> None:
    caller, target = house.visitor(address=AWAY), house.visitor(address=HOME)

    house.hub.access.set_privacy(target, "private")
    hidden = reaches(house, caller, target)
    house.hub.access.set_privacy(target, "public")

    assert (hidden, reaches(house, caller, target)) == (False, True)


@pytest.mark.parametrize("privacy", ["public", "private"])
@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("order", ["block first", "block last"])
def test_a_block_wins_over_an_allow_and_an_allow_over_privacy(
    house: House, privacy: str, allowed: bool, blocked: bool, order: str
) -> None:
    caller, target = house.visitor(address=AWAY), house.visitor(address=HOME)
    access = house.hub.access
    steps = [
        lambda: access.block(target, AWAY) if blocked else None,
        lambda: access.allow(target, AWAY) if allowed else None,
        lambda: access.set_privacy(target, privacy),  # type: ignore[arg-type]
    ]

    for step in steps if order == "block first" else reversed(steps):
        step()

    assert reaches(house, caller, target) is (not blocked and (allowed or privacy == "public"))


@pytest.mark.parametrize(
    ("rule", "address", "is_inside"), [(*row, True) for row in INSIDE] + [(*row, False) for row in OUTSIDE]
)
def test_an_address_is_in_a_range_however_the_two_are_written(
    house: House, rule: str, address: str, is_inside: bool
) -> None:
    caller = house.visitor(address=address)
    blocking, allowing = house.visitor(), house.visitor()

    house.hub.access.block(blocking, rule)
    house.hub.access.set_privacy(allowing, "private")
    house.hub.access.allow(allowing, rule)

    assert reaches(house, caller, blocking) is not is_inside
    assert reaches(house, caller, allowing) is is_inside


def test_a_block_of_one_wins_over_an_allow_of_its_range_and_an_allow_of_one_not_over_a_block_of_it(
    house: House,
) -> None:
    near, far, target = house.visitor(address=HOME), house.visitor(address=AWAY), house.visitor()
    access = house.hub.access
    access.set_privacy(target, "private")

    access.allow(target, "192.0.2.0/24")
    access.block(target, HOME)
    access.allow(target, AWAY)
    access.block(target, "198.51.100.0/24")

    assert not reaches(house, near, target)
    assert not reaches(house, far, target)


@pytest.mark.parametrize("text", GARBAGE)
@pytest.mark.parametrize("method", ["allow", "block"])
def test_what_is_no_address_and_no_range_is_refused_and_changes_nothing(
    house: House, method: str, text: str
) -> None:
    caller, target = house.visitor(address=AWAY), house.visitor(address=HOME)

    with pytest.raises(InvalidAddress) as caught:
        getattr(house.hub.access, method)(target, text)

    assert len(str(caught.value)) <= 300
    assert reaches(house, caller, target)


@pytest.mark.parametrize("method", ["allow", "block"])
def test_a_refused_rule_makes_no_guard(house: House, method: str) -> None:
    target = house.visitor()

    with pytest.raises(InvalidAddress):
        getattr(house.hub.access, method)(target, "nowhere")

    assert (target.guard, house.hub.access.guarded) == (None, 0)


@pytest.mark.parametrize("method", ["allow", "block"])
def test_a_session_has_a_limit_of_rules_of_each_kind(house: House, method: str) -> None:
    target, access = house.visitor(), house.hub.access
    other = {"allow": "block", "block": "allow"}[method]
    for number in range(RULES_LIMIT):
        getattr(access, method)(target, f"10.0.{number // 256}.{number % 256}")

    with pytest.raises(AccessDenied, match="1000 addresses of each kind"):
        getattr(access, method)(target, AWAY)

    getattr(access, other)(target, AWAY)
    assert reaches(house, house.visitor(address=AWAY), target) is (other == "allow")


@pytest.mark.parametrize("method", ["allow", "block"])
def test_a_rule_that_is_there_already_is_no_rule_more(house: House, method: str) -> None:
    target, act = house.visitor(), getattr(house.hub.access, method)
    for number in range(RULES_LIMIT):
        act(target, f"10.0.{number // 256}.{number % 256}")

    act(target, "10.0.0.7")


def test_the_same_rule_in_other_words_is_one_rule() -> None:
    networks = Networks()

    for text in ("192.0.2.0/24", "192.0.2.9/24", "::ffff:192.0.2.0/120", "192.0.2.0/255.255.255.0"):
        networks.add(parsed_network(text))

    assert len(networks) == 1


def test_everyone_reaches_itself(house: House) -> None:
    alice = registered(house, "alice", HOME)
    house.hub.access.set_privacy(alice, "private")
    house.hub.access.block(alice, HOME)

    sent = house.hub.message(alice, ["alice"], "note")

    assert house.heard(alice) == [sent]
    assert house.hub.usernames(alice) == ["alice"]
    assert house.hub.sessions(alice) == [alice]
    assert reaches(house, alice, alice)


def test_another_session_at_the_same_address_is_not_itself(house: House) -> None:
    target, neighbour = house.visitor(address=HOME), house.visitor(address=HOME)
    house.hub.access.block(target, HOME)

    assert not reaches(house, neighbour, target)


def test_a_guard_is_of_who_is_spoken_to_and_not_of_who_speaks(house: House) -> None:
    caller, target = house.visitor(address=AWAY), house.visitor(address=HOME)
    house.hub.access.set_privacy(caller, "private")
    house.hub.access.block(caller, HOME)

    assert reaches(house, caller, target)


# Unknown, private and blocking look the same

HIDDEN = {
    "private": lambda access, session: access.set_privacy(session, "private"),
    "blocking": lambda access, session: access.block(session, AWAY),
    "blocking its range": lambda access, session: access.block(session, "198.51.100.0/24"),
    "private, letting in another": lambda access, session: _let_in_only(access, session, HOME),
    "private, letting in who it blocks": lambda access, session: _let_in_and_block(access, session, AWAY),
}


def _let_in_only(access: Access, session: Session, address: str) -> None:
    access.set_privacy(session, "private")
    access.allow(session, address)


def _let_in_and_block(access: Access, session: Session, address: str) -> None:
    _let_in_only(access, session, address)
    access.block(session, address)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(
    "names",
    [
        ["bob"],
        ["BOB"],
        ["\uff42\uff4f\uff42"],
        ["bob", "bob"],
        ["Bob", "bob", "BOB"],
        ["alice", "bob"],
        ["bob", "alice", "carol"],
        ["zed", "bob"],
        ["bob", "zed"],
        ["bob", " ", "zed", "bob"],
    ],
)
def test_who_hides_is_refused_exactly_as_who_is_unknown(names: list[str], hidden: str) -> None:
    refusals = []
    for is_there in (False, True):
        house = House()
        caller = registered(house, "alice", AWAY)
        witness = registered(house, "carol", HOME)
        house.hub.access.allow(witness, HOME)  # so that somebody has a guard in both houses
        if is_there:
            HIDDEN[hidden](house.hub.access, bob := registered(house, "bob", HOME))
        with pytest.raises(UnknownRecipient) as caught:
            house.hub.message(caller, names, "hi")
        refusals.append(seen(caught.value))
        assert [house.heard(session) for session in (caller, witness)] == [[], []]
        assert not is_there or house.heard(bob) == []

    assert refusals[0] == refusals[1]


@pytest.mark.parametrize("name", ["#1", "\uff031"])
def test_who_hides_and_has_no_name_is_refused_as_a_number_that_is_nobodys(name: str) -> None:
    refusals = []
    for is_there in (False, True):
        house = House()
        caller = registered(house, "alice", AWAY)
        target = house.visitor(address=HOME)
        house.hub.access.set_privacy(target, "private")
        if not is_there:
            house.hub.disconnect(target)
        with pytest.raises(UnknownRecipient) as caught:
            house.hub.message(caller, [name], "hi")
        refusals.append(seen(caught.value))

    assert refusals[0] == refusals[1]


def test_ids_of_who_hides_and_of_nobody_come_back_alike_in_order_and_once(house: House) -> None:
    caller = house.visitor(address=AWAY)
    private, blocking, open_, listener = (house.visitor(address=HOME) for _ in range(4))
    house.hub.access.set_privacy(private, "private")
    house.hub.access.block(blocking, AWAY)
    house.hub.listen(listener, "attic")

    unreached = house.hub.message_to_sessions(
        caller, ["99", blocking.id, open_.id, private.id, "", blocking.id, listener.id, open_.id, "99"], "hi"
    )

    assert unreached == ["99", blocking.id, private.id, "", listener.id]
    assert len(house.heard(open_)) == 1
    assert [house.heard(session) for session in (private, blocking, listener)] == [[], [], []]


def seen(error: HubError) -> tuple[object, ...]:
    unknown = error.unknown if isinstance(error, UnknownRecipient) else None
    return type(error), error.code, str(error), error.args, unknown


# Messages to sessions


def test_past_guards_everyone_is_reached_but_who_is_not_there(house: House) -> None:
    caller, target = house.visitor(address=AWAY), house.visitor(address=HOME)
    house.hub.access.set_privacy(target, "private")
    house.hub.access.block(target, AWAY)

    unreached = house.hub.message_to_sessions(caller, [target.id, "99"], "hi", past_guards=True)

    assert unreached == ["99"]
    assert [event.content for event in house.heard(target)] == ["hi"]


def test_past_guards_a_listener_is_still_nobodys_recipient(house: House) -> None:
    listener = house.visitor()
    house.hub.listen(listener, "attic")

    assert house.hub.message_to_sessions(house.visitor(), [listener.id], "hi", past_guards=True) == ["0"]
    assert house.heard(listener) == []


def test_sessions_are_told_once_under_their_names_and_those_alone(house: House) -> None:
    alice, bob, visitor = house.guest("alice"), house.guest("bob"), house.visitor()
    third = house.visitor(protocol=house.other_protocol)
    house.hub.register(third, "carol", as_nick=True)
    fourth = house.visitor(protocol=house.other_protocol)
    house.hub.register(fourth, "Carol", as_nick=True)

    unreached = house.hub.message_to_sessions(alice, ["2", "3", "1", "2"], "hi")

    assert unreached == []
    assert len(house.heard(bob)) == 1
    (event,) = house.heard(visitor)
    assert (event.recipients, event.recipient_ids) == (("#2", "carol", "bob"), ("2", "3", "1"))
    assert (event.sender, event.sender_id, event.content) == ("alice", "0", "hi")
    assert house.heard(third) == [event]
    assert house.heard(fourth) == house.heard(alice) == []


def test_two_holders_of_a_nick_are_spoken_to_by_id_and_named_once(house: House) -> None:
    holders = [house.visitor(), house.visitor()]
    for holder in holders:
        house.hub.register(holder, "bob", as_nick=True)

    house.hub.message_to_sessions(house.visitor(), ["0", "1"], "hi")

    (event,) = house.heard(holders[0])
    assert (event.recipients, event.recipient_ids) == (("bob",), ("0", "1"))
    assert house.heard(holders[1]) == [event]


@pytest.mark.parametrize("ids", [[], ["99"], ["99", "-1", "#0", "00", "0 "]])
def test_a_message_that_reaches_nobody_is_announced_to_nobody(house: House, ids: list[str]) -> None:
    caller = house.visitor()

    assert house.hub.message_to_sessions(caller, ids, "hi") == ids
    assert house.protocol.deliveries == []


def test_who_has_gone_in_the_meantime_is_told_nothing(house: House) -> None:
    target, caller = house.visitor(), house.visitor()
    house.hub.message_to_sessions(caller, [target.id], "hi")
    (event,) = house.heard(target)
    house.hub.disconnect(target)
    house.forget()

    house.cluster.announce(event)

    assert house.protocol.deliveries == []


# Lists


def test_lists_show_a_viewer_whom_it_may_reach(house: House) -> None:
    viewer, open_ = registered(house, "alice", AWAY), registered(house, "bob", HOME)
    private, blocking = registered(house, "carol", HOME), registered(house, "dave", HOME)
    allowing = registered(house, "erin", HOME)
    house.hub.access.set_privacy(private, "private")
    house.hub.access.block(blocking, AWAY)
    _let_in_only(house.hub.access, allowing, "198.51.100.0/24")

    assert house.hub.usernames(viewer) == ["alice", "bob", "erin"]
    assert house.hub.sessions(viewer) == [viewer, open_, allowing]


def test_lists_for_nobody_in_particular_show_all(house: House) -> None:
    alice, bob = house.guest("alice"), house.guest("bob")
    house.hub.access.set_privacy(bob, "private")

    assert house.hub.usernames() == ["alice", "bob"]
    assert house.hub.sessions() == [alice, bob]


def test_a_viewer_sees_all_where_nobody_has_a_guard(house: House) -> None:
    alice, bob = house.guest("alice"), house.guest("bob")

    assert house.hub.usernames(alice) == ["alice", "bob"]
    assert house.hub.sessions(alice) == [alice, bob]


def test_what_a_viewer_was_shown_leaves_the_list_of_all_as_it_is(house: House) -> None:
    viewer, bob = registered(house, "alice", AWAY), registered(house, "bob", HOME)
    house.hub.access.set_privacy(bob, "private")

    assert house.hub.usernames(viewer) == ["alice"]
    assert house.hub.usernames() == ["alice", "bob"]
    assert house.hub.usernames(bob) == ["alice", "bob"]


def test_open_sessions_are_counted_and_found_by_id(house: House) -> None:
    first, second = house.visitor(), house.visitor()

    house.hub.disconnect(first)

    assert house.hub.session_count() == 1
    assert (house.hub.session("0"), house.hub.session("1")) == (None, second)


# Nicks with a guard


def test_a_nick_is_listed_and_known_while_one_of_its_holders_can_be_reached(house: House) -> None:
    viewer = registered(house, "alice", AWAY)
    holders = [house.visitor(address=HOME) for _ in range(2)]
    for holder in holders:
        house.hub.register(holder, "bob", as_nick=True)
    house.hub.access.block(holders[0], AWAY)

    assert house.hub.usernames(viewer) == ["alice", "bob"]
    sent = house.hub.message(viewer, ["bob"], "hi")
    assert house.heard(holders[1]) == [sent]

    house.hub.access.block(holders[1], AWAY)
    assert house.hub.usernames(viewer) == ["alice"]
    with pytest.raises(UnknownRecipient):
        house.hub.message(viewer, ["bob"], "hi")


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("names", [["bob"], ["BOB", "carol"]])
def test_a_message_to_a_nick_is_kept_from_the_holder_that_cannot_be_reached(
    house: House, names: list[str], hidden: str
) -> None:
    caller, carol = registered(house, "alice", AWAY), registered(house, "carol", HOME)
    holders = [house.visitor(address=HOME) for _ in range(2)]
    for holder in holders:
        house.hub.register(holder, "bob", as_nick=True)
    HIDDEN[hidden](house.hub.access, holders[0])

    sent = house.hub.message(caller, names, "hi")

    assert [house.heard(holder) for holder in holders] == [[], [sent]]
    assert house.heard(carol) == ([sent] if "carol" in names else [])


# Counting guards


def test_guards_are_counted_once_a_session_and_no_more_when_it_has_ended(house: House) -> None:
    sessions = [house.visitor() for _ in range(4)]
    access = house.hub.access

    access.set_privacy(sessions[0], "private")
    access.set_privacy(sessions[0], "public")
    access.allow(sessions[1], AWAY)
    access.block(sessions[1], AWAY)
    access.block(sessions[2], AWAY)
    before = access.guarded
    for session in sessions:
        house.hub.disconnect(session)
        house.hub.disconnect(session)

    assert (before, access.guarded) == (3, 0)


def test_a_guard_outlives_the_name_and_not_the_session(house: House) -> None:
    caller, target = house.visitor(address=AWAY), registered(house, "bob", HOME)
    house.hub.access.set_privacy(target, "private")

    house.hub.unregister(target)
    still = reaches(house, caller, target)
    house.hub.disconnect(target)

    assert not still
    assert target.guard is None
    assert house.hub.message(caller, [registered(house, "bob", HOME).name], "hi").recipients == ("bob",)


# Bans


@pytest.mark.parametrize(("rule", "address"), INSIDE)
def test_a_ban_is_of_all_sessions_from_a_range_open_and_later(house: House, rule: str, address: str) -> None:
    before = house.visitor(address=address)

    house.hub.access.ban(rule)

    assert before.banned
    assert house.visitor(address=address).banned
    assert house.hub.access.is_banned(address)


@pytest.mark.parametrize(("rule", "address"), OUTSIDE)
def test_a_ban_is_of_nobody_else(house: House, rule: str, address: str) -> None:
    before = house.visitor(address=address)

    house.hub.access.ban(rule)

    assert not before.banned
    assert not house.visitor(address=address).banned
    assert not house.hub.access.is_banned(address)


@pytest.mark.parametrize(
    ("banned", "lifted", "address"),
    [
        ("192.0.2.1", "192.0.2.1/32", HOME),
        ("192.0.2.0/24", "192.0.2.200/24", HOME),
        ("192.0.2.0/24", "::ffff:192.0.2.0/120", HOME),
        ("::ffff:192.0.2.0/120", "192.0.2.0/255.255.255.0", HOME),
        ("::ffff:192.0.2.1", "192.0.2.1", HOME),
        ("2001:db8::/32", "2001:0DB8:0000::7/032", "2001:db8::1"),
        ("2001:db8::1", "2001:db8:0:0:0:0:0:1/128", "2001:db8::1"),
    ],
)
def test_a_ban_is_lifted_by_another_spelling_of_its_range(
    house: House, banned: str, lifted: str, address: str
) -> None:
    session = house.visitor(address=address)
    house.hub.access.ban(banned)

    house.hub.access.unban(lifted)

    assert not session.banned
    assert not house.visitor(address=address).banned


@pytest.mark.parametrize("lifted", [HOME, "192.0.2.0/25", "192.0.0.0/16", "0.0.0.0/0"])
def test_a_ban_of_a_range_is_not_lifted_in_part_nor_by_a_wider_one(house: House, lifted: str) -> None:
    session = house.visitor(address=HOME)
    house.hub.access.ban("192.0.2.0/24")

    house.hub.access.unban(lifted)

    assert session.banned


def test_who_is_banned_twice_stays_banned_when_one_ban_is_lifted(house: House) -> None:
    session = house.visitor(address=HOME)
    house.hub.access.ban("192.0.2.0/24")
    house.hub.access.ban(HOME)

    house.hub.access.unban("192.0.2.0/24")
    between = session.banned
    house.hub.access.unban(HOME)

    assert (between, session.banned) == (True, False)


def test_the_same_ban_twice_is_lifted_at_once(house: House) -> None:
    session = house.visitor(address=HOME)
    house.hub.access.ban(HOME)
    house.hub.access.ban("::ffff:192.0.2.1")

    house.hub.access.unban(HOME)

    assert not session.banned


@pytest.mark.parametrize("text", GARBAGE)
@pytest.mark.parametrize("method", ["ban", "unban"])
def test_a_ban_of_no_address_is_refused_and_bans_nobody(house: House, method: str, text: str) -> None:
    session = house.visitor(address=HOME)

    with pytest.raises(InvalidAddress):
        getattr(house.hub.access, method)(text)

    assert not session.banned


def test_bans_are_listed_as_people_write_them_in_the_order_in_which_they_were_given(house: House) -> None:
    access = house.hub.access
    for addresses in (
        "198.51.100.0/24",
        "192.0.2.1/32",
        "2001:DB8::/32",
        "::1",
        "::ffff:192.0.2.77",
        "192.0.2.1",
    ):
        access.ban(addresses)
    access.unban("::1")

    assert access.bans() == ["198.51.100.0/24", "192.0.2.1", "2001:db8::/32", "192.0.2.77"]


def test_a_ban_is_lifted_by_the_words_in_which_it_is_listed(house: House) -> None:
    access = house.hub.access
    for rule, _ in INSIDE:
        access.ban(rule)

    for shown in access.bans():
        access.unban(shown)

    assert access.bans() == []
