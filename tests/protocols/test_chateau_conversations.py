"""Successful conversations in the chateau protocol: requests, responses and pushes, in order.

A client that receives nothing at a step is not listed there, but the harness checks it too.
"""

import pytest
from chateau_harness import (
    LIST,
    ROOMS,
    UNREGISTER,
    Harness,
    error_frame,
    history,
    join,
    leave,
    message,
    ok,
    publish,
    register,
    wide,
)
from harness import Step, disconnects, hub_does, hub_taps, sends, stamp, time_passes

NAMES = [
    pytest.param(
        [
            sends("alice", register("alice"), alice=[ok(1)]),
            sends("bob", register("bob"), bob=[ok(1)]),
            sends("alice", LIST, alice=[ok(4, clients=["alice", "bob"])]),
        ],
        id="who registers is in the list",
    ),
    pytest.param(
        [
            sends("1", register("Zoë"), **{"1": [ok(1)]}),
            sends("2", register("bob"), **{"2": [ok(1)]}),
            sends("3", register("Alice"), **{"3": [ok(1)]}),
            sends("4", register("carol the 2nd"), **{"4": [ok(1)]}),
            sends("1", LIST, **{"1": [ok(4, clients=["Alice", "bob", "carol the 2nd", "Zoë"])]}),
        ],
        id="the list shows names as registered, sorted without regard to case",
    ),
    pytest.param(
        [
            sends("alice", register("Alice"), alice=[ok(1)]),
            sends(
                "bob", register("aLICE"), bob=[error_frame(1, "name_taken", 'The username "aLICE" is taken.')]
            ),
            sends(
                "bob",
                register(wide("ALICE")),
                bob=[error_frame(1, "name_taken", f'The username "{wide("ALICE")}" is taken.')],
            ),
            sends("bob", register("alice2"), bob=[ok(1)]),
        ],
        id="a name in another spelling is taken, and another name can be tried at once",
    ),
    pytest.param(
        [
            sends("alice", register("alice"), alice=[ok(1)]),
            sends("alice", UNREGISTER, alice=[ok(2)]),
            sends("bob", register("ALICE"), bob=[ok(1)]),
            sends("alice", register("bob"), alice=[ok(1)]),
            sends("bob", LIST, bob=[ok(4, clients=["ALICE", "bob"])]),
        ],
        id="unregister frees the name, and the session can take another",
    ),
    pytest.param(
        [
            sends("alice", register("alice"), alice=[ok(1)]),
            disconnects("alice"),
            sends("bob", register("alice"), bob=[ok(1)]),
        ],
        id="a connection that disconnects frees its name",
    ),
    pytest.param(
        [
            sends("alice", register(32 * "é"), alice=[ok(1)]),
            sends("alice", LIST, alice=[ok(4, clients=[32 * "é"])]),
        ],
        id="a name has 32 characters, however many bytes",
    ),
    pytest.param(
        [sends("alice", {"username": "alice", "type": 1}, alice=[ok(1)])],
        id="the order of the keys does not matter",
    ),
    pytest.param(
        [sends("alice", ' {\n\t"type" : 1 ,\r\n "username" : "\\u0061lice" } ', alice=[ok(1)])],
        id="neither do white space and escapes",
    ),
    pytest.param(
        [
            sends("alice", '{"type": 1.0, "username": "alice"}', alice=[ok(1)]),
            sends("alice", '{"type": 40e-1}', alice=[ok(4, clients=["alice"])]),
        ],
        id="1.0 and 40e-1 are integers, as JSON Schema has it",
    ),
    pytest.param(
        [
            sends("alice", register("alice"), alice=[ok(1)]),
            sends("bob", register("bob"), bob=[ok(1)]),
            sends(
                "alice",
                LIST | {"protocols": True, "ref": 7},
                alice=[
                    ok(
                        4,
                        clients=["alice", "bob"],
                        protocols={"alice": ["chateau"], "bob": ["chateau"]},
                        ref=7,
                    )
                ],
            ),
            sends("alice", LIST | {"protocols": False}, alice=[ok(4, clients=["alice", "bob"])]),
        ],
        id="the list tells the protocols of each where that is asked for",
    ),
]


@pytest.mark.parametrize("conversation", NAMES)
def test_usernames_are_registered_and_released(conversation: list[Step]) -> None:
    Harness().play(conversation)


HI_BOB = ok(3, sender="alice", clients=["bob"], content="hi", **stamp(0))
HI_ALL = ok(3, sender="alice", clients=["carol", "bob"], content="hi", **stamp(0))
HI_ME_TOO = ok(3, sender="alice", clients=["alice", "bob"], content="hi", **stamp(0))

DIRECT_MESSAGES = [
    pytest.param(
        [sends("alice", message("bob"), alice=[ok(3, **stamp(0))], bob=[HI_BOB])],
        id="reach the one who is named, and nobody else",
    ),
    pytest.param(
        [sends("alice", message("carol", "bob"), alice=[ok(3, **stamp(0))], bob=[HI_ALL], carol=[HI_ALL])],
        id="are the same frame for every recipient, who are named in the sender's order",
    ),
    pytest.param(
        [sends("alice", message("alice", "bob"), alice=[HI_ME_TOO, ok(3, **stamp(0))], bob=[HI_ME_TOO])],
        id="reach a sender that names itself, before its answer",
    ),
    pytest.param(
        [sends("alice", message("bob", "BOB", "bob"), alice=[ok(3, **stamp(0))], bob=[HI_BOB])],
        id="reach a name listed twice once, in whichever spelling",
    ),
    pytest.param(
        [sends("alice", message(wide("Bob")), alice=[ok(3, **stamp(0))], bob=[HI_BOB])],
        id="show the recipient as registered",
    ),
    pytest.param(
        [
            sends("alice", message("bob"), alice=[ok(3, **stamp(0))], bob=[HI_BOB]),
            sends(
                "bob",
                message("alice", content="oh"),
                alice=[ok(3, sender="bob", clients=["alice"], content="oh", **stamp(1))],
                bob=[ok(3, **stamp(1))],
            ),
        ],
        id="have each an id and a time of their own",
    ),
    *(
        pytest.param(
            [
                sends(
                    "alice",
                    message("bob", content=content),
                    alice=[ok(3, **stamp(0))],
                    bob=[HI_BOB | {"content": content}],
                )
            ],
            id=f"carry {what}",
        )
        for what, content in {
            "the empty text": "",
            "every language": "ça va? お元気ですか 👩‍👩‍👧‍👦",
            "JSON": '{"type": 4, "type": 4}',
            "control characters": "a\0b\tc\nd\re\x7f\u2028",
            "quotation marks and backslashes": '"\\"',
            "100,000 characters": 100_000 * "é",
        }.items()
    ),
]


@pytest.mark.parametrize("conversation", DIRECT_MESSAGES)
def test_direct_messages_reach_their_recipients(conversation: list[Step]) -> None:
    Harness("alice", "bob", "carol").play(conversation)


def test_direct_message_reaches_a_thousand_recipients() -> None:
    names = [f"client {number:03d}" for number in range(1000)]
    harness = Harness(*names)

    harness[names[0]].send(message(*names))

    push = ok(3, sender=names[0], clients=names, content="hi", **stamp(0))
    responses = {names[0]: [push, ok(3, **stamp(0))]}
    assert harness.take() == {name: [push] for name in names} | responses


def test_broadcast_is_encoded_once() -> None:
    harness = Harness("alice", "bob", "carol", inside="lobby")

    harness["alice"].send(publish("lobby"))

    pushes = [client.mailbox.payloads[0] for client in harness.clients.values()]
    assert all(push is pushes[0] for push in pushes)


BOB_JOINED = ok(5, event="joined", room="lobby", username="bob")
BOB_LEFT = ok(6, event="left", room="lobby", username="bob")


def room_message(
    number: int, *, seq: int, sender: str = "alice", content: str = "hello, all"
) -> dict[str, object]:
    return {"sender": sender, "room": "lobby", "content": content, "seq": seq} | stamp(number)


ROOMS_AND_MEMBERS = [
    pytest.param(
        [
            sends("alice", join("lobby"), alice=[ok(5, room="lobby", members=["alice"])]),
            sends(
                "bob",
                join("lobby"),
                alice=[BOB_JOINED],
                bob=[ok(5, room="lobby", members=["alice", "bob"])],
            ),
        ],
        id="a new member receives the members, and the others its join",
    ),
    pytest.param(
        [
            sends("carol", join("lobby"), carol=[ok(5, room="lobby", members=["carol"])]),
            sends(
                "bob",
                join("lobby"),
                bob=[ok(5, room="lobby", members=["bob", "carol"])],
                carol=[BOB_JOINED],
            ),
            sends(
                "alice",
                join("LOBBY"),
                alice=[ok(5, room="lobby", members=["alice", "bob", "carol"])],
                bob=[ok(5, event="joined", room="lobby", username="alice")],
                carol=[ok(5, event="joined", room="lobby", username="alice")],
            ),
        ],
        id="two spellings are one room, shown as it was first written, its members sorted",
    ),
    pytest.param(
        [
            sends("alice", join("lobby"), alice=[ok(5, room="lobby", members=["alice"])]),
            sends(
                "bob",
                join("lobby"),
                alice=[BOB_JOINED],
                bob=[ok(5, room="lobby", members=["alice", "bob"])],
            ),
            sends("bob", leave("Lobby"), alice=[BOB_LEFT], bob=[ok(6, room="lobby")]),
            sends("alice", leave("lobby"), alice=[ok(6, room="lobby")]),
        ],
        id="a leave gets a response, and the others a push",
    ),
    pytest.param(
        [
            sends("alice", join("lobby"), alice=[ok(5, room="lobby", members=["alice"])]),
            sends(
                "bob",
                join("lobby"),
                alice=[BOB_JOINED],
                bob=[ok(5, room="lobby", members=["alice", "bob"])],
            ),
            sends("bob", UNREGISTER, alice=[BOB_LEFT], bob=[ok(2)]),
            sends(
                "alice",
                publish("lobby"),
                alice=[ok(7, **room_message(0, seq=1)), ok(7, room="lobby", seq=1, **stamp(0))],
            ),
        ],
        id="who unregisters leaves the rooms, by the name that goes",
    ),
    pytest.param(
        [
            sends("alice", join("lobby"), alice=[ok(5, room="lobby", members=["alice"])]),
            sends(
                "bob",
                join("lobby"),
                alice=[BOB_JOINED],
                bob=[ok(5, room="lobby", members=["alice", "bob"])],
            ),
            disconnects("bob", alice=[BOB_LEFT]),
        ],
        id="a connection that disconnects leaves the rooms",
    ),
    pytest.param(
        [
            sends("alice", join("lobby"), alice=[ok(5, room="lobby", members=["alice"])]),
            sends("alice", join("attic"), alice=[ok(5, room="attic", members=["alice"])]),
            sends(
                "bob", join("lobby"), alice=[BOB_JOINED], bob=[ok(5, room="lobby", members=["alice", "bob"])]
            ),
            sends(
                "alice",
                ROOMS,
                alice=[
                    ok(
                        9,
                        rooms=[
                            {"room": "attic", "members": 1, "available": True},
                            {"room": "lobby", "members": 2, "available": True},
                        ],
                    )
                ],
            ),
        ],
        id="one can be in two rooms, and the list of rooms is sorted",
    ),
    pytest.param(
        [
            sends("carol", ROOMS, carol=[ok(9, rooms=[])]),
            sends("alice", join("lobby"), alice=[ok(5, room="lobby", members=["alice"])]),
            sends("alice", leave("lobby"), alice=[ok(6, room="lobby")]),
            sends("carol", ROOMS, carol=[ok(9, rooms=[])]),
            sends("alice", join("LOBBY"), alice=[ok(5, room="LOBBY", members=["alice"])]),
            sends(
                "alice",
                publish("lobby"),
                alice=[
                    ok(7, **room_message(0, seq=1) | {"room": "LOBBY"}),
                    ok(7, room="LOBBY", seq=1, **stamp(0)),
                ],
            ),
            sends("alice", leave("lobby"), alice=[ok(6, room="LOBBY")]),
            sends("carol", ROOMS, carol=[ok(9, rooms=[{"room": "LOBBY", "members": 0, "available": True}])]),
        ],
        id="a room is forgotten with its last member, unless something was said in it",
    ),
    pytest.param(
        [
            sends("alice", join(64 * "r"), alice=[ok(5, room=64 * "r", members=["alice"])]),
            sends("alice", leave(64 * "r"), alice=[ok(6, room=64 * "r")]),
        ],
        id="a room's name has up to 64 characters",
    ),
    pytest.param(
        [
            sends(
                "alice",
                join("lobby", password="ignored"),
                alice=[ok(5, room="lobby", members=["alice"])],
            )
        ],
        id="a password that nobody asked for is ignored",
    ),
]


@pytest.mark.parametrize("conversation", ROOMS_AND_MEMBERS)
def test_joins_and_leaves_reach_the_members_of_a_room(conversation: list[Step]) -> None:
    Harness("alice", "bob", "carol").play(conversation)


FIRST = ok(7, **room_message(0, seq=1))
FIRST_RESPONSE = ok(7, room="lobby", seq=1, **stamp(0))

ROOM_MESSAGES = [
    pytest.param(
        [sends("alice", publish("lobby"), alice=[FIRST, FIRST_RESPONSE], bob=[FIRST])],
        id="reach every member, the sender before its answer, and nobody outside",
    ),
    pytest.param(
        [
            sends("alice", publish("lobby"), alice=[FIRST, FIRST_RESPONSE], bob=[FIRST]),
            sends(
                "bob",
                publish("Lobby", content="hi"),
                alice=[ok(7, **room_message(1, seq=2, sender="bob", content="hi"))],
                bob=[
                    ok(7, **room_message(1, seq=2, sender="bob", content="hi")),
                    ok(7, room="lobby", seq=2, **stamp(1)),
                ],
            ),
        ],
        id="are numbered",
    ),
    pytest.param(
        [
            sends("alice", publish("lobby"), alice=[FIRST, FIRST_RESPONSE], bob=[FIRST]),
            sends("bob", leave("lobby"), alice=[BOB_LEFT], bob=[ok(6, room="lobby")]),
            sends(
                "alice",
                publish("lobby"),
                alice=[ok(7, **room_message(1, seq=2)), ok(7, room="lobby", seq=2, **stamp(1))],
            ),
        ],
        id="do not reach who has left",
    ),
    pytest.param(
        [
            sends("alice", publish("lobby", key="k"), alice=[FIRST, FIRST_RESPONSE], bob=[FIRST]),
            sends("alice", publish("lobby", key="k"), alice=[FIRST_RESPONSE]),
            sends("alice", publish("LOBBY", key="k", content="other"), alice=[FIRST_RESPONSE]),
        ],
        id="with a key that was used before are answered as the first was, and not sent twice",
    ),
    pytest.param(
        [
            sends(
                "alice",
                publish("lobby", key="k", ref=1),
                alice=[FIRST, FIRST_RESPONSE | {"ref": 1}],
                bob=[FIRST],
            ),
            sends("alice", publish("lobby", key="k", ref=2), alice=[FIRST_RESPONSE | {"ref": 2}]),
            sends("alice", publish("lobby", key="k"), alice=[FIRST_RESPONSE]),
        ],
        id="with a key have each the ref of their own request",
    ),
    pytest.param(
        [
            sends("alice", publish("lobby", key="k"), alice=[FIRST, FIRST_RESPONSE], bob=[FIRST]),
            time_passes(299.0),
            sends("alice", publish("lobby", key="k"), alice=[FIRST_RESPONSE]),
            time_passes(1.0),
            sends(
                "alice",
                publish("lobby", key="k"),
                alice=[ok(7, **room_message(1, seq=2)), ok(7, room="lobby", seq=2, **stamp(1))],
                bob=[ok(7, **room_message(1, seq=2))],
            ),
        ],
        id="can use a key again five minutes after its first use",
    ),
    pytest.param(
        [
            sends("alice", publish("lobby", key="k"), alice=[FIRST, FIRST_RESPONSE], bob=[FIRST]),
            sends(
                "bob",
                publish("lobby", key="k"),
                alice=[ok(7, **room_message(1, seq=2, sender="bob"))],
                bob=[ok(7, **room_message(1, seq=2, sender="bob")), ok(7, room="lobby", seq=2, **stamp(1))],
            ),
        ],
        id="of two senders may have the same key",
    ),
]


@pytest.mark.parametrize("conversation", ROOM_MESSAGES)
def test_room_messages_reach_the_members(conversation: list[Step]) -> None:
    harness = Harness("alice", "bob", inside="lobby")
    harness["carol"].send(register("carol"))
    harness.take()

    harness.play(conversation)


SHUTDOWN = {"type": 0, "status": 503, "event": "shutdown", "reason": None}
CLOSED = ok(9, event="state", room="lobby", available=False, reason="The room was closed.")
LOCKED = ok(9, event="state", room="lobby", available=False, reason="The room was locked.")
OPENED = ok(9, event="state", room="lobby", available=True, reason=None)
CLOSED_ERROR = 'The room "lobby" is closed.'
LOCKED_ERROR = 'The room "lobby" is locked; its password is needed.'

STATES = [
    pytest.param(
        [
            hub_does("rooms.close", "lobby", alice=[CLOSED]),
            sends("bob", ROOMS, bob=[ok(9, rooms=[{"room": "lobby", "members": 1, "available": False}])]),
            sends("bob", join("lobby"), bob=[error_frame(5, "access_denied", CLOSED_ERROR)]),
            sends("alice", publish("lobby"), alice=[error_frame(7, "access_denied", CLOSED_ERROR)]),
            hub_does("rooms.open", "lobby", alice=[OPENED]),
            sends(
                "bob", join("lobby"), alice=[BOB_JOINED], bob=[ok(5, room="lobby", members=["alice", "bob"])]
            ),
        ],
        id="a closed room lets nobody in and nobody speak until it is opened; its members hear of both",
    ),
    pytest.param(
        [
            hub_does("rooms.lock", "lobby", "swordfish", alice=[LOCKED]),
            sends("bob", join("lobby"), bob=[error_frame(5, "access_denied", LOCKED_ERROR)]),
            sends(
                "bob",
                join("lobby", password="Swordfish"),
                bob=[error_frame(5, "access_denied", LOCKED_ERROR)],
            ),
            sends("alice", publish("lobby"), alice=[FIRST, FIRST_RESPONSE]),
            sends(
                "bob",
                join("lobby", password="swordfish"),
                alice=[BOB_JOINED],
                bob=[ok(5, room="lobby", members=["alice", "bob"])],
            ),
        ],
        id="a locked room asks for its password, and its members go on speaking",
    ),
    pytest.param(
        [
            hub_does("rooms.lock", "lobby", "pässwort", alice=[LOCKED]),
            sends(
                "bob",
                join("lobby", password="pässwort"),
                alice=[BOB_JOINED],
                bob=[ok(5, room="lobby", members=["alice", "bob"])],
            ),
        ],
        id="a password may have any characters",
    ),
    pytest.param(
        [
            hub_does(
                "publish_to_channel",
                "lobby",
                "bytes",
                b"\x00\xff",
                alice=[ok(7, sender="channel", room="lobby", content="AP8=", seq=1, **stamp(0))],
            ),
        ],
        id="a package that is published to a room is a message from the channel",
    ),
    pytest.param(
        [
            hub_does(
                "shut_down",
                "maintenance",
                alice=[SHUTDOWN | {"reason": "maintenance"}],
                bob=[SHUTDOWN | {"reason": "maintenance"}],
                stranger=[SHUTDOWN | {"reason": "maintenance"}],
            ),
        ],
        id="everyone receives the shutdown, registered or not",
    ),
    pytest.param(
        [
            hub_does(
                "shut_down",
                alice=[SHUTDOWN],
                bob=[SHUTDOWN],
                stranger=[SHUTDOWN],
            ),
        ],
        id="a shutdown needs no reason",
    ),
    pytest.param(
        [
            hub_taps("stranger", active=True, stranger=[ok(0, event="tapped", active=True)]),
            hub_taps("stranger", active=False, stranger=[ok(0, event="tapped", active=False)]),
        ],
        id="only the tapped session is notified, registered or not",
    ),
]


@pytest.mark.parametrize("conversation", STATES)
def test_server_events_are_pushed(conversation: list[Step]) -> None:
    harness = Harness("alice", inside="lobby")
    harness["bob"].send(register("bob"))
    harness["stranger"].send(LIST)
    harness.take()

    harness.play(conversation)


def test_member_count_is_sent_once_per_second_above_the_presence_limit() -> None:
    two, three, four = (ok(9, event="members", room="lobby", count=count) for count in (2, 3, 4))

    Harness("alice", "bob", inside="lobby", presence_limit=2).play(
        [
            sends("carol", register("carol"), carol=[ok(1)]),
            sends("dave", register("dave"), dave=[ok(1)]),
            sends(
                "carol",
                join("lobby"),
                alice=[three],
                bob=[three],
                carol=[three, ok(5, room="lobby", members=["alice", "bob", "carol"])],
            ),
            sends(
                "dave", join("lobby"), dave=[ok(5, room="lobby", members=["alice", "bob", "carol", "dave"])]
            ),
            time_passes(0.5),
            time_passes(0.5, alice=[four], bob=[four], carol=[four], dave=[four]),
            sends("dave", leave("lobby"), dave=[ok(6, room="lobby")]),
            sends(
                "carol",
                leave("lobby"),
                alice=[left("carol")],
                bob=[left("carol")],
                carol=[ok(6, room="lobby")],
            ),
            time_passes(1.0, alice=[two], bob=[two]),
        ]
    )


def left(name: str) -> dict[str, object]:
    return ok(6, event="left", room="lobby", username=name)


def test_responses_of_the_seed_are_exact() -> None:
    harness = Harness()

    harness["alice"].send('{"type": 1, "username": "alice"}')
    harness["alice"].send('{"type": 4}')

    assert harness["alice"].mailbox.payloads == [
        b'{"type":1,"status":200}',
        b'{"type":4,"status":200,"clients":["alice"]}',
    ]


REFS = [
    pytest.param("a-1", id="a word"),
    pytest.param("", id="the empty string"),
    pytest.param(64 * "é", id="64 characters, however many bytes"),
    pytest.param('"\\\n\0', id="characters that JSON escapes"),
    pytest.param(7, id="an integer"),
    pytest.param(0, id="zero"),
    pytest.param(-1, id="a negative integer"),
    pytest.param(2**53 - 1, id="the highest integer that all JSON readers agree on"),
    pytest.param(1 - 2**53, id="the lowest integer that all JSON readers agree on"),
    pytest.param(3.0, id="an integer that is written 3.0"),
]

GOOD_REQUESTS = [
    pytest.param(request, id=f"type {request['type']}")
    for request in (
        register("carol"),
        UNREGISTER,
        message("bob"),
        LIST,
        join("attic"),
        leave("lobby"),
        publish("lobby"),
        history("lobby"),
        ROOMS,
    )
]


@pytest.mark.parametrize("ref", REFS)
def test_response_has_the_ref_of_its_request(ref: object) -> None:
    harness = Harness("alice")

    response = harness["alice"].ask(LIST | {"ref": ref})

    assert response == ok(4, clients=["alice"], ref=ref)
    assert type(response["ref"]) is type(ref)


@pytest.mark.parametrize("request_", GOOD_REQUESTS)
def test_every_request_accepts_a_ref(request_: dict[str, object]) -> None:
    harness = Harness("alice", "bob", inside="lobby")
    who = "carol" if request_["type"] == 1 else "alice"

    harness[who].send(request_ | {"ref": "r"})

    frames = harness.take()
    response = frames.pop(who)[-1]
    assert response["ref"] == "r"
    assert response["status"] == 200
    assert not any("ref" in frame for others in frames.values() for frame in others), "a push has no ref"


@pytest.mark.parametrize("request_", GOOD_REQUESTS)
def test_response_to_a_request_without_a_ref_has_none(request_: dict[str, object]) -> None:
    harness = Harness("alice", "bob", inside="lobby")
    who = "carol" if request_["type"] == 1 else "alice"

    harness[who].send(request_)

    response = harness.take()[who][-1]
    assert response["status"] == 200
    assert "ref" not in response
