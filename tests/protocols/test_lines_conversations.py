"""Conversations in lines: each line that goes in, and all the lines that everyone gets for it."""

from __future__ import annotations

import pytest
from harness import Step, disconnects, happens, says
from lines_harness import OK, Harness, joined, left, no, result, said

LOGIN_REQUIRED = no("Login required")
NO_ROOM = no("Join a room first")
MISSING = no("Missing required parameter")
PRESENT = no("User with such nickname is already present in the requested room")

A_FIRST_VISIT = [
    says("alice", "LOGIN alice", alice=[result("Username set to alice")]),
    says("alice", "JOIN lobby", alice=[result("Joined room lobby"), joined("alice")]),
    says("bob", "LOGIN bob", bob=[result("Username set to bob")]),
    says("bob", "JOIN lobby", alice=[joined("bob")], bob=[result("Joined room lobby"), joined("bob")]),
    says("alice", "hello, all", alice=[OK, said("alice", "hello, all")], bob=[said("alice", "hello, all")]),
    says("bob", "LEAVE", alice=[left("bob")], bob=[OK, left("bob")]),
    says("alice", "still here?", alice=[OK, said("alice", "still here?")]),
    says("bob", "hello?", bob=[NO_ROOM]),
]


def test_first_commands_get_their_responses() -> None:
    Harness().play(A_FIRST_VISIT)


def test_lines_of_the_seed_are_exact() -> None:
    harness = Harness("bob")
    alice = harness["alice"]
    alice.send("JOIN room")
    alice.send("LOGIN !")
    alice.send("LOGIN nickname")
    alice.send("LEAVE")
    alice.send("JOIN !@#")
    alice.send("JOIN room")
    alice.send("JOIN room")
    alice.send("HISTORY")
    alice.send("text")
    alice.send("LEAVE")

    assert alice.mailbox.payloads == [
        b'{"type":"error","error":"Login required"}',
        b'{"type":"error","error":"Invalid nickname"}',
        b'{"type":"commandResult","result":"Username set to nickname"}',
        b'{"type":"error","error":"Join a room first"}',
        b'{"type":"error","error":"Invalid room name: !@#, please use alphanumericcharacters only"}',
        b'{"type":"commandResult","result":"Joined room room"}',
        b'{"from":"nickname","type":"userJoined","body":"User nickname has joined the room"}',
        b'{"type":"error","error":"User with such nickname is already present in the requested room"}',
        b'{"type":"commandResult","result":"OK","count":1}',
        b'{"body":{"body":"User nickname has joined the room","from":"nickname","room":"room",'
        b'"utctimestamp":"2026-11-20 09:30:03.000000","to":"nickname","type":"userJoined"},'
        b'"type":"history","from":"nickname"}',
        b'{"type":"commandResult","result":"OK"}',
        b'{"from":"nickname","type":"message","body":"text"}',
        b'{"type":"commandResult","result":"OK"}',
        b'{"from":"nickname","type":"userLeft","body":"User nickname has left the room"}',
    ]


COMMANDS_AND_MESSAGES = [
    ("LEAVE it to me", False),
    ("LEAVE ROOM now", False),
    ("LEFT ROOM 7", False),
    ("LEFT behind", False),
    ("WHO am I", False),
    ("ROOMS to let", False),
    ("HELP me", False),
    ("QUIT smoking", False),
    ("LOGINX", False),
    ("LOGINalice", False),
    ("login alice", False),
    ("Join lobby", False),
    ("JOINROOM", False),
    ("LEAVE\N{ZERO WIDTH SPACE}", False),
    ("LEAVEROOM", False),
    ("ROOM", False),
    ("HISTORYof it", False),
    ("MSGbob hi", False),
    ("  two spaces and a tab\t", False),
    ("a\rb\x00c\u2028d", False),
    ("{}", False),
    ("LEAVE", True),
    ("LEAVE ROOM", True),
    ("LEFT ROOM", True),
    ("LEFT", True),
    (" \tLEFT \t ROOM  ", True),
    ("WHO ", True),
    ("\tROOMS", True),
    ("HELP", True),
    ("HISTORY", True),
    ("LOGIN alice", True),
    ("  JOIN   ROOM\tlobby ", True),
    ("MSG nobody hi", True),
]


@pytest.mark.parametrize(("line", "is_command"), COMMANDS_AND_MESSAGES)
def test_line_is_a_command_only_when_written_exactly(line: str, *, is_command: bool) -> None:
    harness = Harness("alice", "bob")

    harness["alice"].send(line)

    assert (said("alice", line) in harness["bob"].mailbox.take()) != is_command


@pytest.mark.parametrize("line", ["", " ", "\t", "\r", "\N{NO-BREAK SPACE} \u2028"])
def test_blank_line_is_ignored(line: str) -> None:
    harness = Harness("alice", "bob")

    harness.play([says("alice", line), says("stranger", line)])


LOGINS = [
    ("LOGIN alice", result("Username set to alice")),
    ("LOGIN   ALICE\t", result("Username set to ALICE")),
    ("LOGIN 123", result("Username set to 123")),
    ("LOGIN " + 16 * "n", result("Username set to " + 16 * "n")),
    ("LOGIN " + 17 * "n", no("Invalid nickname")),
    ("LOGIN al", no("Invalid nickname")),
    ("LOGIN alice bob", no("Invalid nickname")),
    ("LOGIN älice", no("Invalid nickname")),
    ("LOGIN \N{FULLWIDTH LATIN SMALL LETTER A}lice", no("Invalid nickname")),
    ("LOGIN \N{ARABIC-INDIC DIGIT ONE}23", no("Invalid nickname")),
    ("LOGIN alice\x00", no("Invalid nickname")),
    ("LOGIN #17", no("Invalid nickname")),
    ("LOGIN " + 10_000 * "x", no("Invalid nickname")),
    ("LOGIN channel", no("Invalid nickname")),
    ("LOGIN CHANNEL", no("Invalid nickname")),
    ("LOGIN Server", no("Invalid nickname")),
    ("LOGIN", MISSING),
    ("LOGIN   ", MISSING),
    ("LOGIN neighbour", no("Nickname already registered")),
    ("LOGIN NEIGHBOUR", no("Nickname already registered")),
]


@pytest.mark.parametrize(("line", "answer"), LOGINS)
def test_login_registers_a_nick_or_reports_an_error(line: str, answer: dict[str, object]) -> None:
    harness = Harness()
    harness.neighbour("Neighbour")

    assert harness["alice"].ask(line) == [answer]


def test_second_login_is_rejected() -> None:
    again = no("User already logged in with name alice")

    Harness("alice").play(
        [
            says("alice", "LOGIN alice", alice=[again]),
            says("alice", "LOGIN bob", alice=[again]),
            says("alice", "LOGIN !!", alice=[again]),
            says("alice", "LOGIN", alice=[MISSING]),
            says("alice", "WHO", alice=[result(users=["alice"])]),
        ]
    )


WITHOUT_LOGIN = ["JOIN lobby", "JOIN", "JOIN !@#", "LEAVE", "HISTORY", "HISTORY x", "MSG bob hi", "WHO"]


@pytest.mark.parametrize("line", [*WITHOUT_LOGIN, "MSG", "ROOMS", "hello"])
def test_commands_before_login_are_rejected(line: str) -> None:
    assert Harness()["stranger"].ask(line) == [LOGIN_REQUIRED]


@pytest.mark.parametrize("line", ["LEAVE", "LEFT ROOM", "HISTORY", "HISTORY x", "hello"])
def test_room_commands_outside_a_room_are_rejected(line: str) -> None:
    harness = Harness()
    harness["alice"].send("LOGIN alice")

    assert harness["alice"].ask(line) == [NO_ROOM]


@pytest.mark.parametrize(
    "line", ["JOIN", "JOIN ROOM", " JOIN  ROOM ", "MSG", "MSG bob", "MSG bob  ", "LOGIN"]
)
def test_missing_parameter_is_rejected(line: str) -> None:
    assert Harness("alice")["alice"].ask(line) == [MISSING]


def invalid(room: str) -> dict[str, object]:
    return no(f"Invalid room name: {room}, please use alphanumericcharacters only")


JOINS = [
    ("JOIN attic", [result("Joined room attic"), left("alice"), joined("alice")]),
    ("JOIN ROOM attic", [result("Joined room attic"), left("alice"), joined("alice")]),
    ("JOIN ROOM ROOM", [result("Joined room ROOM"), left("alice"), joined("alice")]),
    ("JOIN ROOMY", [result("Joined room ROOMY"), left("alice"), joined("alice")]),
    ("JOIN " + 64 * "r", [result("Joined room " + 64 * "r"), left("alice"), joined("alice")]),
    ("JOIN GARDEN", [result("Joined room Garden"), left("alice"), joined("alice")]),
    ("JOIN " + 65 * "r", [no(f'"{59 * "r"}…" cannot be a name: it is longer than 64 characters.')]),
    ("JOIN lobby", [PRESENT]),
    ("JOIN LOBBY", [PRESENT]),
    ("JOIN !@#", [invalid("!@#")]),
    ("JOIN a b", [invalid("a b")]),
    ("JOIN a  b", [invalid("a  b")]),
    ("JOIN ROOM a b", [invalid("a b")]),
    ("JOIN lobby secret", [invalid("lobby secret")]),
    ("JOIN Garden secret", [invalid("Garden secret")]),
    ("JOIN räume", [invalid("räume")]),
    ("JOIN attic\x00", [invalid("attic\x00")]),
    ("JOIN " + 61 * "!", [invalid(59 * "!" + "…")]),
    ("JOIN " + 10_000 * "!", [invalid(59 * "!" + "…")]),
]


@pytest.mark.parametrize(("line", "answer"), JOINS)
def test_join_enters_a_room_or_reports_an_error(line: str, answer: list[dict[str, object]]) -> None:
    harness = Harness("alice")
    harness.neighbour("carol", room="Garden")

    assert harness["alice"].ask(line) == answer


def test_joining_a_second_room_leaves_the_first_and_notifies_both() -> None:
    harness = Harness("alice", "bob")
    harness["carol"].send("LOGIN carol")
    harness["carol"].send("JOIN attic")
    harness.take()

    harness.play(
        [
            says(
                "alice",
                "JOIN attic",
                alice=[result("Joined room attic"), left("alice"), joined("alice")],
                bob=[left("alice")],
                carol=[joined("alice")],
            ),
            says("bob", "anyone?", bob=[OK, said("bob", "anyone?")]),
            says("carol", "hi", alice=[said("carol", "hi")], carol=[OK, said("carol", "hi")]),
        ]
    )


def test_rejected_join_keeps_the_current_room() -> None:
    harness = Harness("alice", "bob")
    harness.neighbour("dora", room="attic")
    harness.hub.rooms.close("attic")

    harness.play(
        [
            says("alice", "JOIN attic", alice=[no('The room "attic" is closed.')]),
            says("alice", "JOIN !", alice=[invalid("!")]),
            says("alice", "JOIN lobby", alice=[PRESENT]),
            says("alice", "hi", alice=[OK, said("alice", "hi")], bob=[said("alice", "hi")]),
        ]
    )


LOCKED = no('The room "attic" is locked; its password is needed.')

PASSWORDS = [
    ("JOIN attic", [LOCKED]),
    ("JOIN attic Swordfish", [LOCKED]),
    ("JOIN attic swordfish !", [LOCKED]),
    ("JOIN attic swordfïsh", [LOCKED]),
    ("JOIN attic swordfish", [result("Joined room attic"), joined("alice")]),
    ("JOIN ROOM ATTIC   swordfish ", [result("Joined room attic"), joined("alice")]),
    ("JOIN attic! swordfish", [invalid("attic! swordfish")]),
    ("JOIN cellar swordfish", [invalid("cellar swordfish")]),
]


@pytest.mark.parametrize(("line", "answer"), PASSWORDS)
def test_password_of_a_locked_room_follows_its_name(line: str, answer: list[dict[str, object]]) -> None:
    harness = Harness()
    harness.neighbour("dora", room="attic")
    harness.hub.rooms.lock("attic", "swordfish")
    harness["alice"].send("LOGIN alice")

    assert harness["alice"].ask(line) == answer


def test_password_may_have_several_words() -> None:
    harness = Harness()
    harness.neighbour("dora", room="attic")
    harness.hub.rooms.lock("attic", "sword fish")
    harness["alice"].send("LOGIN alice")

    assert harness["alice"].ask("JOIN attic sword fish")[0] == result("Joined room attic")


def direct(sender: str, text: str) -> dict[str, object]:
    return {"from": sender, "type": "directMessage", "body": text}


DIRECT_MESSAGES = [
    [says("alice", "MSG bob hi, bob", alice=[OK], bob=[direct("alice", "hi, bob")])],
    [says("alice", "MSG BOB  hi,  bob ", alice=[OK], bob=[direct("alice", "hi,  bob")])],
    [says("alice", "MSG alice note to self", alice=[OK, direct("alice", "note to self")])],
    [says("alice", "MSG zed hi", alice=[no('Nobody is registered as "zed".')])],
    [says("alice", f"MSG {100 * 'z'} hi", alice=[no(f'Nobody is registered as "{59 * "z"}…".')])],
    [
        says("alice", "LEAVE", alice=[OK, left("alice")], bob=[left("alice")]),
        says("alice", "MSG bob still there?", alice=[OK], bob=[direct("alice", "still there?")]),
    ],
]


@pytest.mark.parametrize("conversation", DIRECT_MESSAGES)
def test_direct_messages_reach_their_recipients(conversation: list[Step]) -> None:
    Harness("alice", "bob").play(conversation)


def test_unnamed_client_is_reached_by_its_number() -> None:
    harness = Harness("alice", "bob")
    number = harness["stranger"].session.id

    harness.play([says("alice", f"MSG #{number} hi", alice=[OK], stranger=[direct("alice", "hi")])])


def test_who_lists_the_room_or_outside_rooms_the_server() -> None:
    harness = Harness("bob", "alice")
    harness.neighbour("Zoe")
    harness.neighbour("Carl Ö", room="lobby")
    harness["dave"].send("LOGIN dave")
    harness.take()

    harness.play(
        [
            says("alice", "WHO", alice=[result(users=["alice", "bob", "Carl Ö"])]),
            says("dave", "WHO", dave=[result(users=["alice", "bob", "Carl Ö", "dave", "Zoe"])]),
        ]
    )


def test_rooms_lists_all_rooms() -> None:
    harness = Harness("alice", "bob")
    harness.neighbour("Zoe", room="the attic")
    harness.hub.rooms.close("the attic")
    rooms = [
        {"room": "lobby", "members": 2, "available": True},
        {"room": "the attic", "members": 1, "available": False},
    ]

    harness.play([says("alice", "ROOMS", alice=[result(rooms=rooms)])])


def test_help_needs_no_login() -> None:
    (answer,) = Harness()["stranger"].ask("HELP")

    assert [entry["command"] for entry in answer["commands"]] == [
        "LOGIN nick",
        "JOIN room [password]",
        "LEAVE",
        "HISTORY [from [to]]",
        "MSG nick text",
        "WHO",
        "ROOMS",
        "HELP",
        "QUIT",
    ]


@pytest.mark.parametrize("who", ["alice", "stranger"])
def test_quit_gets_a_response_and_then_the_connection_ends(who: str) -> None:
    harness = Harness("alice", "bob")
    bob_hears = {"bob": [left("alice")]} if who == "alice" else {}

    harness.play([says(who, "QUIT", **{who: [OK]}, **bob_hears), says(who, "hello?"), says(who, b"\xff")])

    assert harness[who].mailbox.closed == (1000, "")
    assert harness["bob"].ask("WHO")[0]["users"].count("alice") == (who != "alice")


def test_lost_connection_sends_user_left_to_the_others() -> None:
    Harness("alice", "bob").play(
        [
            disconnects("alice", bob=[left("alice")]),
            disconnects("alice"),
            says("bob", "MSG alice hi", bob=[no('Nobody is registered as "alice".')]),
        ]
    )


WHAT_THE_HOUSE_DOES = [
    happens(
        "the room is closed",
        lambda harness: harness.hub.rooms.close("lobby"),
        alice=[{"type": "roomState", "room": "lobby", "available": False, "reason": "The room was closed."}],
    ),
    says("alice", "hi", alice=[no('The room "lobby" is closed.')]),
    happens(
        "the room is opened",
        lambda harness: harness.hub.rooms.open("lobby"),
        alice=[{"type": "roomState", "room": "lobby", "available": True, "reason": None}],
    ),
    happens(
        "a package is published",
        lambda harness: harness.hub.publish_to_channel("lobby", "bytes", b"\xff\x00"),
        alice=[said("channel", "/wA=")],
    ),
    happens(
        "another protocol's client comes, speaks and goes",
        lambda harness: visit(harness),
        alice=[joined("Carl Ö"), said("Carl Ö", "grüß\ngott"), left("Carl Ö")],
    ),
    happens(
        "alice is banned from the room",
        lambda harness: harness.hub.rooms.ban("lobby", "ALICE"),
        alice=[
            {
                "type": "roomState",
                "room": "lobby",
                "available": False,
                "reason": "You were banned from the room.",
            }
        ],
    ),
    says("alice", "hi", alice=[NO_ROOM]),
    says("alice", "JOIN lobby", alice=[no('You are banned from the room "lobby".')]),
    says("alice", "JOIN attic", alice=[result("Joined room attic"), joined("alice")]),
    happens(
        "the room is deleted",
        lambda harness: harness.hub.rooms.delete("attic"),
        alice=[{"type": "roomState", "room": "attic", "available": False, "reason": "The room was deleted."}],
    ),
    says("alice", "hi", alice=[NO_ROOM]),
    happens(
        "the house shuts down",
        lambda harness: harness.hub.shut_down("maintenance"),
        alice=[{"type": "shutdown", "reason": "maintenance"}],
    ),
]


def visit(harness: Harness) -> None:
    session = harness.neighbour("Carl Ö", room="lobby")
    harness.hub.publish(session, "lobby", "grüß\ngott")
    harness.hub.leave(session, "lobby")


def test_server_events_are_pushed() -> None:
    Harness("alice").play(WHAT_THE_HOUSE_DOES)


def test_joins_above_the_presence_limit_reach_only_the_user_and_others_get_a_count() -> None:
    three = {"type": "memberCount", "room": "lobby", "count": 3}
    harness = Harness("alice", "bob", presence_limit=2)
    harness["carol"].send("LOGIN carol")
    harness.take()

    harness.play(
        [
            says(
                "carol",
                "JOIN lobby",
                alice=[three],
                bob=[three],
                carol=[result("Joined room lobby"), joined("carol"), three],
            ),
            says(
                "carol",
                "JOIN attic",
                carol=[result("Joined room attic"), left("carol"), joined("carol")],
                alice=[left("carol")],
                bob=[left("carol")],
            ),
        ]
    )


def test_event_is_encoded_once_for_all_recipients() -> None:
    names = [f"user{number}" for number in range(50)]
    harness = Harness("alice", *names)
    harness.broadcast_sizes.clear()

    harness["alice"].send("hi")

    assert harness.broadcast_sizes == [50]
    assert all(harness[name].mailbox.take() == [said("alice", "hi")] for name in names)
