"""Guards and bans: whom a session lets reach it, and which addresses the house shuts out."""

import pytest
from recorded_harness import Harness

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


def can_reach(harness: Harness, caller: Session, target: Session) -> bool:
    return harness.hub.message_to_sessions(caller, [target.id], "hi") == []


def registered(harness: Harness, name: str, address: str) -> Session:
    session = harness.visitor(address=address)
    harness.hub.register(session, name)
    return session


# Whom a guard lets in


def test_without_a_guard_everybody_reaches_everybody(harness: Harness) -> None:
    assert can_reach(harness, harness.visitor(address=AWAY), harness.visitor(address=HOME))


def test_nobody_reaches_who_is_private_and_everybody_when_it_is_public_again(harness: Harness) -> None:
    caller, target = harness.visitor(address=AWAY), harness.visitor(address=HOME)

    harness.hub.access.set_privacy(target, "private")
    hidden = can_reach(harness, caller, target)
    harness.hub.access.set_privacy(target, "public")

    assert (hidden, can_reach(harness, caller, target)) == (False, True)


@pytest.mark.parametrize("privacy", ["public", "private"])
@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("order", ["block first", "block last"])
def test_a_block_wins_over_an_allow_and_an_allow_over_privacy(
    harness: Harness, privacy: str, allowed: bool, blocked: bool, order: str
) -> None:
    caller, target = harness.visitor(address=AWAY), harness.visitor(address=HOME)
    access = harness.hub.access
    steps = [
        lambda: access.block(target, AWAY) if blocked else None,
        lambda: access.allow(target, AWAY) if allowed else None,
        lambda: access.set_privacy(target, privacy),  # type: ignore[arg-type]
    ]

    for step in steps if order == "block first" else reversed(steps):
        step()

    assert can_reach(harness, caller, target) is (not blocked and (allowed or privacy == "public"))


@pytest.mark.parametrize(
    ("rule", "address", "is_inside"), [(*row, True) for row in INSIDE] + [(*row, False) for row in OUTSIDE]
)
def test_an_address_is_in_a_range_however_the_two_are_written(
    harness: Harness, rule: str, address: str, is_inside: bool
) -> None:
    caller = harness.visitor(address=address)
    blocking, allowing = harness.visitor(), harness.visitor()

    harness.hub.access.block(blocking, rule)
    harness.hub.access.set_privacy(allowing, "private")
    harness.hub.access.allow(allowing, rule)

    assert can_reach(harness, caller, blocking) is not is_inside
    assert can_reach(harness, caller, allowing) is is_inside


def test_a_block_of_one_wins_over_an_allow_of_its_range_and_an_allow_of_one_not_over_a_block_of_it(
    harness: Harness,
) -> None:
    near, far, target = harness.visitor(address=HOME), harness.visitor(address=AWAY), harness.visitor()
    access = harness.hub.access
    access.set_privacy(target, "private")

    access.allow(target, "192.0.2.0/24")
    access.block(target, HOME)
    access.allow(target, AWAY)
    access.block(target, "198.51.100.0/24")

    assert not can_reach(harness, near, target)
    assert not can_reach(harness, far, target)


@pytest.mark.parametrize("text", GARBAGE)
@pytest.mark.parametrize("method", ["allow", "block"])
def test_what_is_no_address_and_no_range_is_refused_and_changes_nothing(
    harness: Harness, method: str, text: str
) -> None:
    caller, target = harness.visitor(address=AWAY), harness.visitor(address=HOME)

    with pytest.raises(InvalidAddress) as caught:
        getattr(harness.hub.access, method)(target, text)

    assert len(str(caught.value)) <= 300
    assert can_reach(harness, caller, target)


@pytest.mark.parametrize("method", ["allow", "block"])
def test_a_refused_rule_makes_no_guard(harness: Harness, method: str) -> None:
    target = harness.visitor()

    with pytest.raises(InvalidAddress):
        getattr(harness.hub.access, method)(target, "nowhere")

    assert (target.privacy_rules, harness.hub.access.has_privacy_rules) == (None, 0)


@pytest.mark.parametrize("method", ["allow", "block"])
def test_a_session_has_a_limit_of_rules_of_each_kind(harness: Harness, method: str) -> None:
    target, access = harness.visitor(), harness.hub.access
    other = {"allow": "block", "block": "allow"}[method]
    for number in range(RULES_LIMIT):
        getattr(access, method)(target, f"10.0.{number // 256}.{number % 256}")

    with pytest.raises(AccessDenied, match="1000 addresses of each kind"):
        getattr(access, method)(target, AWAY)

    getattr(access, other)(target, AWAY)
    assert can_reach(harness, harness.visitor(address=AWAY), target) is (other == "allow")


@pytest.mark.parametrize("method", ["allow", "block"])
def test_a_rule_that_is_there_already_is_no_rule_more(harness: Harness, method: str) -> None:
    target, act = harness.visitor(), getattr(harness.hub.access, method)
    for number in range(RULES_LIMIT):
        act(target, f"10.0.{number // 256}.{number % 256}")

    act(target, "10.0.0.7")


def test_the_same_rule_in_other_words_is_one_rule() -> None:
    networks = Networks()

    for text in ("192.0.2.0/24", "192.0.2.9/24", "::ffff:192.0.2.0/120", "192.0.2.0/255.255.255.0"):
        networks.add(parsed_network(text))

    assert len(networks) == 1


def test_everyone_reaches_itself(harness: Harness) -> None:
    alice = registered(harness, "alice", HOME)
    harness.hub.access.set_privacy(alice, "private")
    harness.hub.access.block(alice, HOME)

    sent = harness.hub.message(alice, ["alice"], "note")

    assert harness.heard(alice) == [sent]
    assert harness.hub.usernames(alice) == ["alice"]
    assert harness.hub.sessions(alice) == [alice]
    assert can_reach(harness, alice, alice)


def test_another_session_at_the_same_address_is_not_itself(harness: Harness) -> None:
    target, neighbour = harness.visitor(address=HOME), harness.visitor(address=HOME)
    harness.hub.access.block(target, HOME)

    assert not can_reach(harness, neighbour, target)


def test_a_guard_is_of_who_is_spoken_to_and_not_of_who_speaks(harness: Harness) -> None:
    caller, target = harness.visitor(address=AWAY), harness.visitor(address=HOME)
    harness.hub.access.set_privacy(caller, "private")
    harness.hub.access.block(caller, HOME)

    assert can_reach(harness, caller, target)


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
        harness = Harness()
        caller = registered(harness, "alice", AWAY)
        witness = registered(harness, "carol", HOME)
        harness.hub.access.allow(witness, HOME)  # so that somebody has a guard in both houses
        if is_there:
            HIDDEN[hidden](harness.hub.access, bob := registered(harness, "bob", HOME))
        with pytest.raises(UnknownRecipient) as caught:
            harness.hub.message(caller, names, "hi")
        refusals.append(seen(caught.value))
        assert [harness.heard(session) for session in (caller, witness)] == [[], []]
        assert not is_there or harness.heard(bob) == []

    assert refusals[0] == refusals[1]


@pytest.mark.parametrize("name", ["#1", "\uff031"])
def test_who_hides_and_has_no_name_is_refused_as_a_number_that_is_nobodys(name: str) -> None:
    refusals = []
    for is_there in (False, True):
        harness = Harness()
        caller = registered(harness, "alice", AWAY)
        target = harness.visitor(address=HOME)
        harness.hub.access.set_privacy(target, "private")
        if not is_there:
            harness.hub.disconnect(target)
        with pytest.raises(UnknownRecipient) as caught:
            harness.hub.message(caller, [name], "hi")
        refusals.append(seen(caught.value))

    assert refusals[0] == refusals[1]


def test_ids_of_who_hides_and_of_nobody_come_back_alike_in_order_and_once(harness: Harness) -> None:
    caller = harness.visitor(address=AWAY)
    private, blocking, open_, listener = (harness.visitor(address=HOME) for _ in range(4))
    harness.hub.access.set_privacy(private, "private")
    harness.hub.access.block(blocking, AWAY)
    harness.hub.listen(listener, "attic")

    unreached = harness.hub.message_to_sessions(
        caller, ["99", blocking.id, open_.id, private.id, "", blocking.id, listener.id, open_.id, "99"], "hi"
    )

    assert unreached == ["99", blocking.id, private.id, "", listener.id]
    assert len(harness.heard(open_)) == 1
    assert [harness.heard(session) for session in (private, blocking, listener)] == [[], [], []]


def seen(error: HubError) -> tuple[object, ...]:
    unknown = error.unknown if isinstance(error, UnknownRecipient) else None
    return type(error), error.code, str(error), error.args, unknown


# Messages to sessions


def test_past_guards_everyone_is_reached_but_who_is_not_there(harness: Harness) -> None:
    caller, target = harness.visitor(address=AWAY), harness.visitor(address=HOME)
    harness.hub.access.set_privacy(target, "private")
    harness.hub.access.block(target, AWAY)

    unreached = harness.hub.message_to_sessions(caller, [target.id, "99"], "hi", bypass_privacy=True)

    assert unreached == ["99"]
    assert [event.content for event in harness.heard(target)] == ["hi"]


def test_past_guards_a_listener_is_still_nobodys_recipient(harness: Harness) -> None:
    listener = harness.visitor()
    harness.hub.listen(listener, "attic")

    assert harness.hub.message_to_sessions(harness.visitor(), [listener.id], "hi", bypass_privacy=True) == [
        "0"
    ]
    assert harness.heard(listener) == []


def test_sessions_are_told_once_under_their_names_and_those_alone(harness: Harness) -> None:
    alice, bob, visitor = harness.guest("alice"), harness.guest("bob"), harness.visitor()
    third = harness.visitor(protocol=harness.other_protocol)
    harness.hub.register(third, "carol", as_nick=True)
    fourth = harness.visitor(protocol=harness.other_protocol)
    harness.hub.register(fourth, "Carol", as_nick=True)

    unreached = harness.hub.message_to_sessions(alice, ["2", "3", "1", "2"], "hi")

    assert unreached == []
    assert len(harness.heard(bob)) == 1
    (event,) = harness.heard(visitor)
    assert (event.recipients, event.recipient_ids) == (("#2", "carol", "bob"), ("2", "3", "1"))
    assert (event.sender, event.sender_id, event.content) == ("alice", "0", "hi")
    assert harness.heard(third) == [event]
    assert harness.heard(fourth) == harness.heard(alice) == []


def test_two_holders_of_a_nick_are_spoken_to_by_id_and_named_once(harness: Harness) -> None:
    holders = [harness.visitor(), harness.visitor()]
    for holder in holders:
        harness.hub.register(holder, "bob", as_nick=True)

    harness.hub.message_to_sessions(harness.visitor(), ["0", "1"], "hi")

    (event,) = harness.heard(holders[0])
    assert (event.recipients, event.recipient_ids) == (("bob",), ("0", "1"))
    assert harness.heard(holders[1]) == [event]


@pytest.mark.parametrize("ids", [[], ["99"], ["99", "-1", "#0", "00", "0 "]])
def test_a_message_that_reaches_nobody_is_announced_to_nobody(harness: Harness, ids: list[str]) -> None:
    caller = harness.visitor()

    assert harness.hub.message_to_sessions(caller, ids, "hi") == ids
    assert harness.protocol.deliveries == []


def test_who_has_gone_in_the_meantime_is_told_nothing(harness: Harness) -> None:
    target, caller = harness.visitor(), harness.visitor()
    harness.hub.message_to_sessions(caller, [target.id], "hi")
    (event,) = harness.heard(target)
    harness.hub.disconnect(target)
    harness.forget()

    harness.hub._delivery.deliver_to_sessions([target.id], event)

    assert harness.protocol.deliveries == []


# Lists


def test_lists_show_a_viewer_whom_it_may_reach(harness: Harness) -> None:
    viewer, open_ = registered(harness, "alice", AWAY), registered(harness, "bob", HOME)
    private, blocking = registered(harness, "carol", HOME), registered(harness, "dave", HOME)
    allowing = registered(harness, "erin", HOME)
    harness.hub.access.set_privacy(private, "private")
    harness.hub.access.block(blocking, AWAY)
    _let_in_only(harness.hub.access, allowing, "198.51.100.0/24")

    assert harness.hub.usernames(viewer) == ["alice", "bob", "erin"]
    assert harness.hub.sessions(viewer) == [viewer, open_, allowing]


def test_lists_for_nobody_in_particular_show_all(harness: Harness) -> None:
    alice, bob = harness.guest("alice"), harness.guest("bob")
    harness.hub.access.set_privacy(bob, "private")

    assert harness.hub.usernames() == ["alice", "bob"]
    assert harness.hub.sessions() == [alice, bob]


def test_a_viewer_sees_all_where_nobody_has_a_guard(harness: Harness) -> None:
    alice, bob = harness.guest("alice"), harness.guest("bob")

    assert harness.hub.usernames(alice) == ["alice", "bob"]
    assert harness.hub.sessions(alice) == [alice, bob]


def test_what_a_viewer_was_shown_leaves_the_list_of_all_as_it_is(harness: Harness) -> None:
    viewer, bob = registered(harness, "alice", AWAY), registered(harness, "bob", HOME)
    harness.hub.access.set_privacy(bob, "private")

    assert harness.hub.usernames(viewer) == ["alice"]
    assert harness.hub.usernames() == ["alice", "bob"]
    assert harness.hub.usernames(bob) == ["alice", "bob"]


def test_open_sessions_are_counted_and_found_by_id(harness: Harness) -> None:
    first, second = harness.visitor(), harness.visitor()

    harness.hub.disconnect(first)

    assert harness.hub.session_count() == 1
    assert (harness.hub.session("0"), harness.hub.session("1")) == (None, second)


# Nicks with a guard


def test_a_nick_is_listed_and_known_while_one_of_its_holders_can_be_reached(harness: Harness) -> None:
    viewer = registered(harness, "alice", AWAY)
    holders = [harness.visitor(address=HOME) for _ in range(2)]
    for holder in holders:
        harness.hub.register(holder, "bob", as_nick=True)
    harness.hub.access.block(holders[0], AWAY)

    assert harness.hub.usernames(viewer) == ["alice", "bob"]
    sent = harness.hub.message(viewer, ["bob"], "hi")
    assert harness.heard(holders[1]) == [sent]

    harness.hub.access.block(holders[1], AWAY)
    assert harness.hub.usernames(viewer) == ["alice"]
    with pytest.raises(UnknownRecipient):
        harness.hub.message(viewer, ["bob"], "hi")


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("names", [["bob"], ["BOB", "carol"]])
def test_a_message_to_a_nick_is_kept_from_the_holder_that_cannot_be_reached(
    harness: Harness, names: list[str], hidden: str
) -> None:
    caller, carol = registered(harness, "alice", AWAY), registered(harness, "carol", HOME)
    holders = [harness.visitor(address=HOME) for _ in range(2)]
    for holder in holders:
        harness.hub.register(holder, "bob", as_nick=True)
    HIDDEN[hidden](harness.hub.access, holders[0])

    sent = harness.hub.message(caller, names, "hi")

    assert [harness.heard(holder) for holder in holders] == [[], [sent]]
    assert harness.heard(carol) == ([sent] if "carol" in names else [])


# Counting guards


def test_guards_are_counted_once_a_session_and_no_more_when_it_has_ended(harness: Harness) -> None:
    sessions = [harness.visitor() for _ in range(4)]
    access = harness.hub.access

    access.set_privacy(sessions[0], "private")
    access.set_privacy(sessions[0], "public")
    access.allow(sessions[1], AWAY)
    access.block(sessions[1], AWAY)
    access.block(sessions[2], AWAY)
    before = access.has_privacy_rules
    for session in sessions:
        harness.hub.disconnect(session)
        harness.hub.disconnect(session)

    assert (before, access.has_privacy_rules) == (3, 0)


def test_a_guard_outlives_the_name_and_not_the_session(harness: Harness) -> None:
    caller, target = harness.visitor(address=AWAY), registered(harness, "bob", HOME)
    harness.hub.access.set_privacy(target, "private")

    harness.hub.unregister(target)
    still = can_reach(harness, caller, target)
    harness.hub.disconnect(target)

    assert not still
    assert target.privacy_rules is None
    assert harness.hub.message(caller, [registered(harness, "bob", HOME).name], "hi").recipients == ("bob",)


# Bans


@pytest.mark.parametrize(("rule", "address"), INSIDE)
def test_a_ban_is_of_all_sessions_from_a_range_open_and_later(
    harness: Harness, rule: str, address: str
) -> None:
    before = harness.visitor(address=address)

    harness.hub.access.ban(rule)

    assert before.banned
    assert harness.visitor(address=address).banned
    assert harness.hub.access.is_banned(address)


@pytest.mark.parametrize(("rule", "address"), OUTSIDE)
def test_a_ban_is_of_nobody_else(harness: Harness, rule: str, address: str) -> None:
    before = harness.visitor(address=address)

    harness.hub.access.ban(rule)

    assert not before.banned
    assert not harness.visitor(address=address).banned
    assert not harness.hub.access.is_banned(address)


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
    harness: Harness, banned: str, lifted: str, address: str
) -> None:
    session = harness.visitor(address=address)
    harness.hub.access.ban(banned)

    harness.hub.access.unban(lifted)

    assert not session.banned
    assert not harness.visitor(address=address).banned


@pytest.mark.parametrize("lifted", [HOME, "192.0.2.0/25", "192.0.0.0/16", "0.0.0.0/0"])
def test_a_ban_of_a_range_is_not_lifted_in_part_nor_by_a_wider_one(harness: Harness, lifted: str) -> None:
    session = harness.visitor(address=HOME)
    harness.hub.access.ban("192.0.2.0/24")

    harness.hub.access.unban(lifted)

    assert session.banned


def test_who_is_banned_twice_stays_banned_when_one_ban_is_lifted(harness: Harness) -> None:
    session = harness.visitor(address=HOME)
    harness.hub.access.ban("192.0.2.0/24")
    harness.hub.access.ban(HOME)

    harness.hub.access.unban("192.0.2.0/24")
    between = session.banned
    harness.hub.access.unban(HOME)

    assert (between, session.banned) == (True, False)


def test_the_same_ban_twice_is_lifted_at_once(harness: Harness) -> None:
    session = harness.visitor(address=HOME)
    harness.hub.access.ban(HOME)
    harness.hub.access.ban("::ffff:192.0.2.1")

    harness.hub.access.unban(HOME)

    assert not session.banned


@pytest.mark.parametrize("text", GARBAGE)
@pytest.mark.parametrize("method", ["ban", "unban"])
def test_a_ban_of_no_address_is_refused_and_bans_nobody(harness: Harness, method: str, text: str) -> None:
    session = harness.visitor(address=HOME)

    with pytest.raises(InvalidAddress):
        getattr(harness.hub.access, method)(text)

    assert not session.banned


def test_bans_are_listed_as_people_write_them_in_the_order_in_which_they_were_given(harness: Harness) -> None:
    access = harness.hub.access
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


def test_a_ban_is_lifted_by_the_words_in_which_it_is_listed(harness: Harness) -> None:
    access = harness.hub.access
    for rule, _ in INSIDE:
        access.ban(rule)

    for shown in access.bans():
        access.unban(shown)

    assert access.bans() == []
