"""Successful conversations in the functions protocol: calls, responses and pushes, in order.

A client that receives nothing at a step is not listed there, but the harness checks it too.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from functions_harness import KEY, RETRIEVE, Harness, at, call, custom, done, error_frame, send
from harness import Frame, Step, sends

from chateau.hub.events import (
    DirectMessage,
    Joined,
    Left,
    MemberCount,
    Publication,
    RoomMessage,
    RoomState,
    Shutdown,
    TapChanged,
)
from chateau.protocols.functions import pushes

SENT = "send_message"
SET = "set_custom_variables"


def received(sender: Frame, message: str = "hi") -> Frame:
    """Return the push of a direct message."""
    return {"function": SENT, "sender": sender, "message": message}


def sent(sender: Frame, message: str = "hi", **rest: Any) -> Frame:
    """Return the response to the sender."""
    return done(SENT, sender=sender, message=message, **rest)


MESSAGES = [
    pytest.param(
        [sends("a", send("1"), a=[sent(at(0))], b=[received(at(0))])],
        id="a message reaches its recipient with the sender's card, and the sender is answered",
    ),
    pytest.param(
        [sends("a", send("2", "1"), a=[sent(at(0))], b=[received(at(0))], c=[received(at(0))])],
        id="several recipients get the same frame",
    ),
    pytest.param(
        [sends("a", send("0", "1"), a=[received(at(0)), sent(at(0))], b=[received(at(0))])],
        id="a sender that names itself gets the message too",
    ),
    pytest.param(
        [sends("a", send(), a=[sent(at(0))])], id="without recipients nobody receives it, and it is fine"
    ),
    pytest.param(
        [sends("a", send("1", "1", 1, 1.0), a=[sent(at(0))], b=[received(at(0))])],
        id="one who is named twice receives it once, and an id may be a number",
    ),
    pytest.param(
        [
            sends(
                "a",
                send("9", "1", "9", 8, "", "01", "#1", "1 ", "\u0661", "x" * 99),
                a=[sent(at(0), undelivered=["9", "8", "", "01", "#1", "1 ", "\u0661", "x" * 99])],
                b=[received(at(0))],
            )
        ],
        id="ids of nobody come back, each once, and the others are reached",
    ),
    pytest.param(
        [
            sends(
                "a",
                send("1", message="", callback="é\n"),
                a=[sent(at(0), "", callback="é\n")],
                b=[received(at(0), "")],
            )
        ],
        id="the callback comes back to the sender alone",
    ),
    pytest.param(
        [
            sends(
                "a",
                send("1", message=text, secret_key="", odd=[[{}]], callback=""),
                a=[sent(at(0), text)],
                b=[received(at(0), text)],
            )
            for text in ('"\\\0\x7f\u2028\U0001f600', "{}", " ")
        ],
        id="any text goes through as it is, and other keys are let pass",
    ),
    pytest.param(
        [
            sends(
                "a", custom(name="Ann", n=None), a=[done(SET, custom_variables={"name": "Ann", "n": None})]
            ),
            sends(
                "a", send("1"), a=[sent(at(0, name="Ann", n=None))], b=[received(at(0, name="Ann", n=None))]
            ),
        ],
        id="the sender's card has its custom variables",
    ),
]

GUARDS = [
    pytest.param(
        [
            sends("b", call("set_privacy", privacy="private"), b=[done("set_privacy", privacy="private")]),
            sends("a", send("1", "7"), a=[sent(at(0), undelivered=["1", "7"])]),
            sends("b", send("1"), b=[received(at(1)), sent(at(1))]),
            sends("b", send("0"), b=[sent(at(1))], a=[received(at(1))]),
            sends("b", call("allow_ip", ip="192.0.2.1"), b=[done("allow_ip", ip="192.0.2.1")]),
            sends("a", send("1"), a=[sent(at(0))], b=[received(at(0))]),
            sends("c", send("1"), c=[sent(at(2), undelivered=["1"])]),
            sends("b", call("set_privacy", privacy="public"), b=[done("set_privacy", privacy="public")]),
            sends("c", send("1"), c=[sent(at(2))], b=[received(at(2))]),
        ],
        id="a private client is reached by itself and allowed clients, and unknown to others",
    ),
    pytest.param(
        [
            sends("b", call("block_ip", ip="192.0.2.0/24"), b=[done("block_ip", ip="192.0.2.0/24")]),
            sends("b", call("allow_ip", ip="192.0.2.1"), b=[done("allow_ip", ip="192.0.2.1")]),
            sends("a", send("1"), a=[sent(at(0), undelivered=["1"])]),
            sends("a", RETRIEVE, a=[done("retrieve_clients", clients={"0": at(0), "2": at(2)})]),
            sends("b", send("1"), b=[received(at(1)), sent(at(1))]),
        ],
        id="a block, of a range too, wins over an allow, and lets one reach oneself",
    ),
    pytest.param(
        [
            sends("b", call("set_privacy", privacy="private"), b=[done("set_privacy", privacy="private")]),
            sends("b", call("block_ip", ip="0.0.0.0/0"), b=[done("block_ip", ip="0.0.0.0/0")]),
            sends("a", send("1", secret_key=KEY), a=[sent(at(0))], b=[received(at(0))]),
            sends(
                "a",
                RETRIEVE | {"secret_key": KEY, "callback": "f"},
                a=[done("retrieve_clients", "f", clients={"0": at(0), "1": at(1), "2": at(2)})],
            ),
        ],
        id="with the secret key privacy and blocks do not count",
    ),
    pytest.param(
        [
            sends("b", call("set_privacy", privacy="private"), b=[done("set_privacy", privacy="private")]),
            sends("a", RETRIEVE, a=[done("retrieve_clients", clients={"0": at(0), "2": at(2)})]),
            sends(
                "b",
                RETRIEVE | {"secret_key": ""},
                b=[done("retrieve_clients", clients={"0": at(0), "1": at(1), "2": at(2)})],
            ),
            sends("b", call("allow_ip", ip="::ffff:192.0.2.1"), b=[done("allow_ip", ip="::ffff:192.0.2.1")]),
            sends("a", RETRIEVE, a=[done("retrieve_clients", clients={"0": at(0), "1": at(1), "2": at(2)})]),
        ],
        id="who cannot reach a private client does not see it either",
    ),
]

VARIABLES = [
    pytest.param(
        [
            sends("a", custom(x=1, y=[{}]), a=[done(SET, custom_variables={"x": 1, "y": [{}]})]),
            sends("a", custom(), a=[done(SET, custom_variables={"x": 1, "y": [{}]})]),
            sends(
                "a", custom(x=None, z=0.5), a=[done(SET, custom_variables={"x": None, "y": [{}], "z": 0.5})]
            ),
            sends("b", custom(), b=[done(SET, custom_variables={})]),
        ],
        id="variables are merged, null is a value, and each client has its own",
    ),
    pytest.param(
        [
            sends("a", custom(name=name), a=[done(SET, custom_variables={"name": name})])
            for name in ("Bob", None, 17, "", " x ", "x" * 33, "#17", "Bob", ["x"])
        ],
        id="a name may be anything",
    ),
]


@pytest.mark.parametrize("conversation", [*MESSAGES, *GUARDS, *VARIABLES])
def test_calls_get_their_responses_and_pushes(conversation: list[Step]) -> None:
    Harness("a", "b", "c").play(conversation)


def comment_free(text: str) -> str:
    """Return a request of the seed without its comments and trailing comma."""
    return re.sub(r",(\s*)}", r"\1}", re.sub(r"#\w+", "", text))


SEED = """
{
    "function": "send_message",         #required
    "recipient_ids": [],                #required
    "message": "message",               #required
    "secret_key": "",                   #optional
    "callback": "",                     #optional
}
{
    "function": "retrieve_clients",     #required
    "secret_key": "",                   #optional
    "callback": "",                     #optional
}
{
    "function": "set_custom_variables", #required
    "custom_variables": {"name":"Bob"}, #required
    "callback": "",                     #optional
}
{
    "function": "set_privacy",          #required
    "privacy": "public",                #required
    "callback": "",                     #optional
}
{
    "function": "allow_ip",             #required
    "ip": "127.0.0.1",                  #required
    "callback": "",                     #optional
}
{
    "function": "block_ip",             #required
    "ip": "127.0.0.1",                  #required
    "callback": "",                     #optional
}
{
    "function": "ban_ip",               #required
    "ip": "127.0.0.1",                  #required
    "secret_key": "",                   #required
    "callback": "",                     #optional
}
"""
SEED_RESPONSES = [
    sent(at(0), "message"),
    done("retrieve_clients", clients={"0": at(0), "1": at(1)}),
    done(SET, custom_variables={"name": "Bob"}),
    done("set_privacy", privacy="public"),
    done("allow_ip", ip="127.0.0.1"),
    done("block_ip", ip="127.0.0.1"),
    error_frame("ban_ip", "access_denied", "The secret key is wrong."),
]


def test_requests_of_the_original_protocol_get_their_responses() -> None:
    requests = [comment_free(text) for text in re.findall(r"^{.*?^}", SEED, re.DOTALL | re.MULTILINE)]

    Harness("a", "b").play(
        sends("a", text, a=[response]) for text, response in zip(requests, SEED_RESPONSES, strict=True)
    )


def test_message_to_many_is_encoded_once() -> None:
    harness = Harness("a", "b", "c", "d")

    harness["a"].send(send("0", "1", "2", "3"))

    pushes = {id(client.mailbox.payloads[0]) for client in harness.clients.values()}
    assert len(pushes) == 1
    assert len(harness.broadcasts) == 1


def test_every_call_of_a_banned_address_is_rejected_until_unbanned() -> None:
    refused = "This address is banned."
    Harness("a", "b").play(
        [
            sends("a", call("ban_ip", ip="192.0.2.2", secret_key=KEY), a=[done("ban_ip", ip="192.0.2.2")]),
            sends("b", send("0", callback="x"), b=[error_frame(SENT, "banned", refused, "x")]),
            sends("b", call("nonsense", callback=1), b=[error_frame("nonsense", "banned", refused)]),
            sends("b", "{", b=[error_frame(None, "banned", refused)]),
            sends("b", b"{}", b=[error_frame(None, "banned", refused)]),
            sends("a", send("1"), a=[sent(at(0))], b=[received(at(0))]),
            sends(
                "a", call("unban_ip", ip="192.0.2.2", secret_key=KEY), a=[done("unban_ip", ip="192.0.2.2")]
            ),
            sends("b", send("0"), b=[sent(at(1))], a=[received(at(1))]),
            sends(
                "a", call("unban_ip", ip="192.0.2.2", secret_key=KEY), a=[done("unban_ip", ip="192.0.2.2")]
            ),
        ]
    )


def test_client_that_bans_itself_gets_a_response_then_errors() -> None:
    ban = call("ban_ip", ip="0.0.0.0/0", secret_key=KEY)
    Harness("a").play(
        [
            sends("a", ban, a=[done("ban_ip", ip="0.0.0.0/0")]),
            sends("a", ban, a=[error_frame("ban_ip", "banned", "This address is banned.")]),
        ]
    )


def test_ban_applies_to_clients_of_the_chateau_protocol() -> None:
    harness = Harness("a")
    alice = harness.chateau_user("alice")

    harness["a"].send(call("ban_ip", ip="198.51.100.0/24", secret_key=KEY))

    assert alice.ask({"type": 4})["code"] == "banned"


def test_default_privacy_applies_only_to_clients_of_this_protocol() -> None:
    harness = Harness("a", "b", default_privacy="private")
    harness.chateau_user("alice")

    response = harness["a"].ask(send("1", "2"))

    assert response["undelivered"] == ["1"]
    assert set(harness["a"].ask(RETRIEVE)["clients"]) == {"0", "2"}
    harness["b"].ask(call("set_privacy", privacy="public"))
    assert set(harness["a"].ask(RETRIEVE)["clients"]) == {"0", "1", "2"}


def test_disconnected_client_is_unknown() -> None:
    harness = Harness("a", "b")
    harness["b"].peer.on_close()

    assert harness["a"].ask(send("1")) == sent(at(0), undelivered=["1"])
    assert harness["a"].ask(RETRIEVE) == done("retrieve_clients", clients={"0": at(0)})


# The other protocols


def test_message_to_a_chateau_client_is_a_chateau_frame() -> None:
    harness = Harness("a")
    alice = harness.chateau_user("alice")

    harness["a"].send(send("1"))

    (push,) = alice.mailbox.take()
    assert (push["sender"], push["clients"], push["content"]) == ("#0", ["alice"], "hi")


def test_message_from_a_chateau_client_has_its_username_in_the_card() -> None:
    harness = Harness("a")
    alice = harness.chateau_user("alice")

    alice.send({"type": 3, "clients": ["#0"], "content": "hi"})

    card = {"id": "1", "ip": "198.51.100.1", "port": 50_000, "custom": {"name": "alice"}}
    assert harness["a"].mailbox.take() == [received(card)]
    assert harness["a"].ask(RETRIEVE)["clients"] == {"0": at(0), "1": card}


def test_client_with_a_free_name_is_reachable_from_chateau() -> None:
    harness = Harness("a")
    alice = harness.chateau_user("alice")

    harness["a"].ask(custom(name="Bob"))
    alice.send({"type": 3, "clients": ["bob"], "content": "hi"})

    assert [frame["message"] for frame in harness["a"].mailbox.take()] == ["hi"]


RENAMED = [
    pytest.param(["Bob", "Rob"], ["alice", "Rob"], "Rob", id="a new name: the old one is free again"),
    pytest.param(["Bob", "Bob"], ["alice", "Bob"], "Bob", id="the same name again"),
    pytest.param(
        ["Bob", "BOB"], ["alice", "BOB"], "BOB", id="the same name in other letters is shown as written last"
    ),
    pytest.param(["Alice"], ["alice"], "Alice", id="a taken name is a variable and no username"),
    pytest.param(["Bob", "alice"], ["alice", "Bob"], "alice", id="a taken name: the old one stays"),
    pytest.param(["Bob", " x"], ["alice", "Bob"], " x", id="an invalid name: the old one stays"),
    pytest.param(["Bob", "x" * 33], ["alice", "Bob"], "x" * 33, id="a long name: the old one stays"),
    pytest.param(
        ["Bob", "#0"], ["alice", "Bob"], "#0", id="the sign of a nameless client: the old one stays"
    ),
    pytest.param(["Bob", "channel"], ["alice", "Bob"], "channel", id="a reserved name: the old one stays"),
    pytest.param(["Bob", "alice", "Bob"], ["alice", "Bob"], "Bob", id="back to the name that it has still"),
    pytest.param(["Bob", None], ["alice", "Bob"], None, id="null: the old one stays"),
    pytest.param(["Bob", 5], ["alice", "Bob"], 5, id="a number: the old one stays"),
    pytest.param([None, "Bob"], ["alice", "Bob"], "Bob", id="null and then a name"),
    pytest.param(["#0", "Bob"], ["alice", "Bob"], "Bob", id="an invalid name and then a good one"),
]


@pytest.mark.parametrize(("names", "usernames", "shown"), RENAMED)
def test_custom_name_becomes_the_username_when_free(
    names: list[Any], usernames: list[str], shown: Any
) -> None:
    harness = Harness("a")
    harness.chateau_user("alice")

    for name in names:
        assert harness["a"].ask(custom(name=name)) == done(SET, custom_variables={"name": name})

    assert harness.hub.usernames() == usernames
    assert harness["a"].ask(RETRIEVE)["clients"]["0"] == at(0, name=shown)


def test_name_of_a_disconnected_client_is_free() -> None:
    harness = Harness("a", "b")
    harness["a"].ask(custom(name="Bob"))
    harness["a"].peer.on_close()

    harness["b"].ask(custom(name="bob"))

    assert harness.hub.usernames() == ["bob"]


def test_setting_a_name_again_registers_it_once_it_is_free() -> None:
    harness = Harness("a", "b")
    harness["a"].ask(custom(name="Bob"))
    harness["b"].ask(custom(name="bob"))
    harness["a"].peer.on_close()

    harness["b"].ask(custom(name="bob"))

    assert harness["b"].peer.session.username == "bob"


# Events


def test_all_clients_receive_the_shutdown() -> None:
    harness = Harness("a", "b")

    harness.hub.shut_down("maintenance")
    harness.hub.shut_down()

    expected = [{"function": "shutdown", "reason": "maintenance"}, {"function": "shutdown", "reason": None}]
    assert harness.take() == {"a": expected, "b": expected}


def test_only_the_tapped_client_is_notified() -> None:
    harness = Harness("a", "b")

    harness.hub.notify_tap(harness["a"].peer.session, active=True)
    harness.hub.notify_tap(harness["a"].peer.session, active=False)

    expected = [{"function": "tapped", "active": True}, {"function": "tapped", "active": False}]
    assert harness.take() == {"a": expected}


@pytest.mark.parametrize(
    ("sender", "custom_"),
    [pytest.param("alice", {"name": "alice"}, id="named"), pytest.param("#99", {}, id="nameless")],
)
def test_card_of_a_sender_that_left_has_its_id_and_name(sender: str, custom_: Frame) -> None:
    harness = Harness("a")
    event = DirectMessage(sender, ("#0",), "hi", "id", "time", "99")

    harness.protocol.deliver(event, [harness["a"].peer.session])

    card = {"id": "99", "ip": "", "port": 0, "custom": custom_}
    assert harness.take() == {"a": [received(card)]}


ROOM_EVENTS = [
    RoomMessage("alice", "lobby", "hi", 1, "id", "time"),
    Publication("lobby", "bytes", b"\xff", 1, "id", "time"),
    Joined("lobby", "alice", "1"),
    Left("lobby", "alice", "1"),
    MemberCount("lobby", 2),
    RoomState("lobby", available=False, reason=None),
    RoomState("lobby", available=False, reason=None, username="Bob"),
]


@pytest.mark.parametrize("event", ROOM_EVENTS, ids=lambda event: type(event).__name__)
def test_room_events_are_not_pushed(event: Any) -> None:
    harness = Harness("a", "b")

    harness.protocol.deliver(event, [client.peer.session for client in harness.clients.values()])

    assert harness.take() == {}


def test_only_events_without_a_room_have_pushes() -> None:
    assert pushes(Harness().hub).keys() == {DirectMessage, Shutdown, TapChanged}
