"""Privacy rules of sessions, and bans of addresses."""

import pytest
from hub_harness import Harness

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
    # An IPv4-mapped IPv6 address is that IPv4 address.
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
    ("::192.0.2.1", "192.0.2.1"),  # not an IPv4-mapped address
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
    session = harness.connect(address=address)
    harness.hub.register(session, name)
    return session


# Which clients the rules allow


def test_sessions_without_privacy_rules_can_be_reached_by_all(harness: Harness) -> None:
    assert can_reach(harness, harness.connect(address=AWAY), harness.connect(address=HOME))


def test_private_session_is_unreachable_until_public_again(harness: Harness) -> None:
    caller, target = harness.connect(address=AWAY), harness.connect(address=HOME)

    harness.hub.access.set_privacy(target, "private")
    hidden = can_reach(harness, caller, target)
    harness.hub.access.set_privacy(target, "public")

    assert (hidden, can_reach(harness, caller, target)) == (False, True)


@pytest.mark.parametrize("privacy", ["public", "private"])
@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("order", ["block first", "block last"])
def test_block_overrides_allow_and_allow_overrides_privacy(
    harness: Harness, privacy: str, allowed: bool, blocked: bool, order: str
) -> None:
    caller, target = harness.connect(address=AWAY), harness.connect(address=HOME)
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
def test_address_matches_a_range_in_any_notation(
    harness: Harness, rule: str, address: str, is_inside: bool
) -> None:
    caller = harness.connect(address=address)
    blocking, allowing = harness.connect(), harness.connect()

    harness.hub.access.block(blocking, rule)
    harness.hub.access.set_privacy(allowing, "private")
    harness.hub.access.allow(allowing, rule)

    assert can_reach(harness, caller, blocking) is not is_inside
    assert can_reach(harness, caller, allowing) is is_inside


def test_block_overrides_allow_for_ranges_too(
    harness: Harness,
) -> None:
    near, far, target = harness.connect(address=HOME), harness.connect(address=AWAY), harness.connect()
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
def test_invalid_address_is_rejected_without_effect(harness: Harness, method: str, text: str) -> None:
    caller, target = harness.connect(address=AWAY), harness.connect(address=HOME)

    with pytest.raises(InvalidAddress) as caught:
        getattr(harness.hub.access, method)(target, text)

    assert len(str(caught.value)) <= 300
    assert can_reach(harness, caller, target)


@pytest.mark.parametrize("method", ["allow", "block"])
def test_rejected_rule_creates_no_privacy_rules(harness: Harness, method: str) -> None:
    target = harness.connect()

    with pytest.raises(InvalidAddress):
        getattr(harness.hub.access, method)(target, "nowhere")

    assert (target.privacy_rules, harness.hub.access.has_privacy_rules) == (None, 0)


@pytest.mark.parametrize("method", ["allow", "block"])
def test_session_has_a_maximum_number_of_rules_per_kind(harness: Harness, method: str) -> None:
    target, access = harness.connect(), harness.hub.access
    other = {"allow": "block", "block": "allow"}[method]
    for number in range(RULES_LIMIT):
        getattr(access, method)(target, f"10.0.{number // 256}.{number % 256}")

    with pytest.raises(AccessDenied, match="1000 addresses of each kind"):
        getattr(access, method)(target, AWAY)

    getattr(access, other)(target, AWAY)
    assert can_reach(harness, harness.connect(address=AWAY), target) is (other == "allow")


@pytest.mark.parametrize("method", ["allow", "block"])
def test_repeated_rule_counts_once(harness: Harness, method: str) -> None:
    target, act = harness.connect(), getattr(harness.hub.access, method)
    for number in range(RULES_LIMIT):
        act(target, f"10.0.{number // 256}.{number % 256}")

    act(target, "10.0.0.7")


def test_equal_rules_in_other_notation_count_once() -> None:
    networks = Networks()

    for text in ("192.0.2.0/24", "192.0.2.9/24", "::ffff:192.0.2.0/120", "192.0.2.0/255.255.255.0"):
        networks.add(parsed_network(text))

    assert len(networks) == 1


def test_session_can_always_reach_itself(harness: Harness) -> None:
    alice = registered(harness, "alice", HOME)
    harness.hub.access.set_privacy(alice, "private")
    harness.hub.access.block(alice, HOME)

    sent = harness.hub.message(alice, ["alice"], "note")

    assert harness.events_of(alice) == [sent]
    assert harness.hub.usernames(alice) == ["alice"]
    assert harness.hub.sessions(alice) == [alice]
    assert can_reach(harness, alice, alice)


def test_private_session_excludes_others_at_its_address(harness: Harness) -> None:
    target, neighbour = harness.connect(address=HOME), harness.connect(address=HOME)
    harness.hub.access.block(target, HOME)

    assert not can_reach(harness, neighbour, target)


def test_privacy_rules_apply_to_the_recipient_only(harness: Harness) -> None:
    caller, target = harness.connect(address=AWAY), harness.connect(address=HOME)
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
def test_unreachable_user_looks_like_an_unknown_user(names: list[str], hidden: str) -> None:
    errors = []
    for is_there in (False, True):
        harness = Harness()
        caller = registered(harness, "alice", AWAY)
        witness = registered(harness, "carol", HOME)
        harness.hub.access.allow(witness, HOME)  # so that both servers have privacy rules
        if is_there:
            HIDDEN[hidden](harness.hub.access, bob := registered(harness, "bob", HOME))
        with pytest.raises(UnknownRecipient) as caught:
            harness.hub.message(caller, names, "hi")
        errors.append(seen(caught.value))
        assert [harness.events_of(session) for session in (caller, witness)] == [[], []]
        assert not is_there or harness.events_of(bob) == []

    assert errors[0] == errors[1]


@pytest.mark.parametrize("name", ["#1", "\uff031"])
def test_unreachable_unregistered_session_looks_like_an_unknown_id(name: str) -> None:
    errors = []
    for is_there in (False, True):
        harness = Harness()
        caller = registered(harness, "alice", AWAY)
        target = harness.connect(address=HOME)
        harness.hub.access.set_privacy(target, "private")
        if not is_there:
            harness.hub.disconnect(target)
        with pytest.raises(UnknownRecipient) as caught:
            harness.hub.message(caller, [name], "hi")
        errors.append(seen(caught.value))

    assert errors[0] == errors[1]


def test_unreached_ids_are_returned_in_order_without_duplicates(harness: Harness) -> None:
    caller = harness.connect(address=AWAY)
    private, blocking, open_, listener = (harness.connect(address=HOME) for _ in range(4))
    harness.hub.access.set_privacy(private, "private")
    harness.hub.access.block(blocking, AWAY)
    harness.hub.listen(listener, "attic")

    unreached = harness.hub.message_to_sessions(
        caller, ["99", blocking.id, open_.id, private.id, "", blocking.id, listener.id, open_.id, "99"], "hi"
    )

    assert unreached == ["99", blocking.id, private.id, "", listener.id]
    assert len(harness.events_of(open_)) == 1
    assert [harness.events_of(session) for session in (private, blocking, listener)] == [[], [], []]


def seen(error: HubError) -> tuple[object, ...]:
    unknown = error.unknown if isinstance(error, UnknownRecipient) else None
    return type(error), error.code, str(error), error.args, unknown


# Messages to sessions


def test_bypass_privacy_reaches_all_existing_sessions(harness: Harness) -> None:
    caller, target = harness.connect(address=AWAY), harness.connect(address=HOME)
    harness.hub.access.set_privacy(target, "private")
    harness.hub.access.block(target, AWAY)

    unreached = harness.hub.message_to_sessions(caller, [target.id, "99"], "hi", bypass_privacy=True)

    assert unreached == ["99"]
    assert [event.content for event in harness.events_of(target)] == ["hi"]


def test_bypass_privacy_does_not_reach_listeners(harness: Harness) -> None:
    listener = harness.connect()
    harness.hub.listen(listener, "attic")

    assert harness.hub.message_to_sessions(harness.connect(), [listener.id], "hi", bypass_privacy=True) == [
        "0"
    ]
    assert harness.events_of(listener) == []


def test_message_to_sessions_is_delivered_once_to_exactly_these_sessions(harness: Harness) -> None:
    alice, bob, unregistered = harness.user("alice"), harness.user("bob"), harness.connect()
    third = harness.connect(protocol=harness.other_protocol)
    harness.hub.register(third, "carol", as_nick=True)
    fourth = harness.connect(protocol=harness.other_protocol)
    harness.hub.register(fourth, "Carol", as_nick=True)

    unreached = harness.hub.message_to_sessions(alice, ["2", "3", "1", "2"], "hi")

    assert unreached == []
    assert len(harness.events_of(bob)) == 1
    (event,) = harness.events_of(unregistered)
    assert (event.recipients, event.recipient_ids) == (("#2", "carol", "bob"), ("2", "3", "1"))
    assert (event.sender, event.sender_id, event.content) == ("alice", "0", "hi")
    assert harness.events_of(third) == [event]
    assert harness.events_of(fourth) == harness.events_of(alice) == []


def test_message_to_two_sessions_with_one_nick_names_both(harness: Harness) -> None:
    holders = [harness.connect(), harness.connect()]
    for holder in holders:
        harness.hub.register(holder, "bob", as_nick=True)

    harness.hub.message_to_sessions(harness.connect(), ["0", "1"], "hi")

    (event,) = harness.events_of(holders[0])
    assert (event.recipients, event.recipient_ids) == (("bob", "bob#1"), ("0", "1"))
    assert harness.events_of(holders[1]) == [event]


@pytest.mark.parametrize("ids", [[], ["99"], ["99", "-1", "#0", "00", "0 "]])
def test_message_without_reachable_sessions_is_not_delivered(harness: Harness, ids: list[str]) -> None:
    caller = harness.connect()

    assert harness.hub.message_to_sessions(caller, ids, "hi") == ids
    assert harness.protocol.deliveries == []


def test_ended_session_receives_nothing(harness: Harness) -> None:
    target, caller = harness.connect(), harness.connect()
    harness.hub.message_to_sessions(caller, [target.id], "hi")
    (event,) = harness.events_of(target)
    harness.hub.disconnect(target)
    harness.clear_events()

    harness.hub._delivery.deliver_to_sessions([target.id], event)

    assert harness.protocol.deliveries == []


# Lists


def test_lists_contain_what_the_viewer_can_reach(harness: Harness) -> None:
    viewer, open_ = registered(harness, "alice", AWAY), registered(harness, "bob", HOME)
    private, blocking = registered(harness, "carol", HOME), registered(harness, "dave", HOME)
    allowing = registered(harness, "erin", HOME)
    harness.hub.access.set_privacy(private, "private")
    harness.hub.access.block(blocking, AWAY)
    _let_in_only(harness.hub.access, allowing, "198.51.100.0/24")

    assert harness.hub.usernames(viewer) == ["alice", "bob", "erin"]
    assert harness.hub.sessions(viewer) == [viewer, open_, allowing]


def test_lists_without_a_viewer_are_complete(harness: Harness) -> None:
    alice, bob = harness.user("alice"), harness.user("bob")
    harness.hub.access.set_privacy(bob, "private")

    assert harness.hub.usernames() == ["alice", "bob"]
    assert harness.hub.sessions() == [alice, bob]


def test_lists_are_complete_without_privacy_rules(harness: Harness) -> None:
    alice, bob = harness.user("alice"), harness.user("bob")

    assert harness.hub.usernames(alice) == ["alice", "bob"]
    assert harness.hub.sessions(alice) == [alice, bob]


def test_filtered_list_does_not_change_the_full_list(harness: Harness) -> None:
    viewer, bob = registered(harness, "alice", AWAY), registered(harness, "bob", HOME)
    harness.hub.access.set_privacy(bob, "private")

    assert harness.hub.usernames(viewer) == ["alice"]
    assert harness.hub.usernames() == ["alice", "bob"]
    assert harness.hub.usernames(bob) == ["alice", "bob"]


def test_sessions_are_counted_and_found_by_id(harness: Harness) -> None:
    first, second = harness.connect(), harness.connect()

    harness.hub.disconnect(first)

    assert harness.hub.session_count() == 1
    assert (harness.hub.session("0"), harness.hub.session("1")) == (None, second)


# Nicks with privacy rules


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(("number", "name"), [(0, "bob"), (1, "bob#2")])
def test_rules_of_a_session_with_a_nick_do_not_hide_the_other(
    harness: Harness, hidden: str, number: int, name: str
) -> None:
    viewer = registered(harness, "alice", AWAY)
    holders = [harness.connect(address=HOME) for _ in range(2)]
    for holder in holders:
        harness.hub.register(holder, "bob", as_nick=True)
    HIDDEN[hidden](harness.hub.access, holders[number])
    (other,) = {"bob", "bob#2"} - {name}

    assert harness.hub.usernames(viewer) == ["alice", other]
    with pytest.raises(UnknownRecipient):
        harness.hub.message(viewer, [name], "hi")
    with pytest.raises(UnknownRecipient):
        harness.hub.message(viewer, [other, name.upper()], "hi")
    sent = harness.hub.message(viewer, [other], "hi")
    assert [harness.events_of(holders[number]), harness.events_of(holders[1 - number])] == [[], [sent]]


# Counting rules


def test_privacy_rules_are_counted_once_per_open_session(harness: Harness) -> None:
    sessions = [harness.connect() for _ in range(4)]
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


def test_privacy_rules_last_as_long_as_the_session(harness: Harness) -> None:
    caller, target = harness.connect(address=AWAY), registered(harness, "bob", HOME)
    harness.hub.access.set_privacy(target, "private")

    harness.hub.unregister(target)
    still = can_reach(harness, caller, target)
    harness.hub.disconnect(target)

    assert not still
    assert target.privacy_rules is None
    assert harness.hub.message(caller, [registered(harness, "bob", HOME).name], "hi").recipients == ("bob",)


# Bans


@pytest.mark.parametrize(("rule", "address"), INSIDE)
def test_range_ban_marks_existing_and_new_sessions(harness: Harness, rule: str, address: str) -> None:
    before = harness.connect(address=address)

    harness.hub.access.ban(rule)

    assert before.banned
    assert harness.connect(address=address).banned
    assert harness.hub.access.is_banned(address)


@pytest.mark.parametrize(("rule", "address"), OUTSIDE)
def test_ban_does_not_affect_other_addresses(harness: Harness, rule: str, address: str) -> None:
    before = harness.connect(address=address)

    harness.hub.access.ban(rule)

    assert not before.banned
    assert not harness.connect(address=address).banned
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
def test_unban_accepts_another_notation_of_the_range(
    harness: Harness, banned: str, lifted: str, address: str
) -> None:
    session = harness.connect(address=address)
    harness.hub.access.ban(banned)

    harness.hub.access.unban(lifted)

    assert not session.banned
    assert not harness.connect(address=address).banned


@pytest.mark.parametrize("lifted", [HOME, "192.0.2.0/25", "192.0.0.0/16", "0.0.0.0/0"])
def test_unban_requires_the_exact_range(harness: Harness, lifted: str) -> None:
    session = harness.connect(address=HOME)
    harness.hub.access.ban("192.0.2.0/24")

    harness.hub.access.unban(lifted)

    assert session.banned


def test_overlapping_bans_are_lifted_separately(harness: Harness) -> None:
    session = harness.connect(address=HOME)
    harness.hub.access.ban("192.0.2.0/24")
    harness.hub.access.ban(HOME)

    harness.hub.access.unban("192.0.2.0/24")
    between = session.banned
    harness.hub.access.unban(HOME)

    assert (between, session.banned) == (True, False)


def test_repeated_ban_is_lifted_by_one_unban(harness: Harness) -> None:
    session = harness.connect(address=HOME)
    harness.hub.access.ban(HOME)
    harness.hub.access.ban("::ffff:192.0.2.1")

    harness.hub.access.unban(HOME)

    assert not session.banned


@pytest.mark.parametrize("text", GARBAGE)
@pytest.mark.parametrize("method", ["ban", "unban"])
def test_ban_of_an_invalid_address_is_rejected(harness: Harness, method: str, text: str) -> None:
    session = harness.connect(address=HOME)

    with pytest.raises(InvalidAddress):
        getattr(harness.hub.access, method)(text)

    assert not session.banned


def test_bans_are_listed_in_order_in_short_notation(harness: Harness) -> None:
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


def test_unban_accepts_the_listed_notation(harness: Harness) -> None:
    access = harness.hub.access
    for rule, _ in INSIDE:
        access.ban(rule)

    for shown in access.bans():
        access.unban(shown)

    assert access.bans() == []
