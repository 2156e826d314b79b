"""Conversations in the lines protocol: each line, and the lines that every client receives."""

from __future__ import annotations

import pytest
from harness import Step, disconnects, happens, sends
from lines_harness import OK, Harness, error_frame, joined, left, message_frame, result

LOGIN_REQUIRED = error_frame("Login required")
NO_ROOM = error_frame("Join a room first")


def missing(usage: str) -> dict[str, object]:
    return error_frame("Missing required parameter", f"Write {usage}.")


def reserved(nick: str) -> dict[str, object]:
    return error_frame("Invalid nickname", f'"{nick}" cannot be a name: it is reserved for the server.')


PRESENT = error_frame("User with such nickname is already present in the requested room")

A_FIRST_VISIT = [
    sends("alice", "LOGIN alice", alice=[result("Username set to alice")]),
    sends("alice", "JOIN lobby", alice=[result("Joined room lobby"), joined("alice")]),
    sends("bob", "LOGIN bob", bob=[result("Username set to bob")]),
    sends("bob", "JOIN lobby", alice=[joined("bob")], bob=[result("Joined room lobby"), joined("bob")]),
    sends(
        "alice",
        "hello, all",
        alice=[OK, message_frame("alice", "hello, all")],
        bob=[message_frame("alice", "hello, all")],
    ),
    sends("bob", "LEAVE", alice=[left("bob")], bob=[OK, left("bob")]),
    sends("alice", "still here?", alice=[OK, message_frame("alice", "still here?")]),
    sends("bob", "hello?", bob=[NO_ROOM]),
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
        b'{"type":"error","error":"Invalid nickname",'
        b'"detail":"A nickname has 3 to 16 characters: letters a to z and A to Z, and digits."}',
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

    assert (message_frame("alice", line) in harness["bob"].mailbox.take()) != is_command


@pytest.mark.parametrize("line", ["", " ", "\t", "\r", "\N{NO-BREAK SPACE} \u2028"])
def test_blank_line_is_ignored(line: str) -> None:
    harness = Harness("alice", "bob")

    harness.play([sends("alice", line), sends("stranger", line)])


LOGINS = [
    ("LOGIN alice", result("Username set to alice")),
    ("LOGIN   ALICE\t", result("Username set to ALICE")),
    ("LOGIN 123", result("Username set to 123")),
    ("LOGIN " + 16 * "n", result("Username set to " + 16 * "n")),
    ("LOGIN " + 17 * "n", error_frame("Invalid nickname")),
    ("LOGIN al", error_frame("Invalid nickname")),
    ("LOGIN alice bob", error_frame("Invalid nickname")),
    ("LOGIN älice", error_frame("Invalid nickname")),
    ("LOGIN \N{FULLWIDTH LATIN SMALL LETTER A}lice", error_frame("Invalid nickname")),
    ("LOGIN \N{ARABIC-INDIC DIGIT ONE}23", error_frame("Invalid nickname")),
    ("LOGIN alice\x00", error_frame("Invalid nickname")),
    ("LOGIN #17", error_frame("Invalid nickname")),
    ("LOGIN " + 10_000 * "x", error_frame("Invalid nickname")),
    ("LOGIN channel", reserved("channel")),
    ("LOGIN CHANNEL", reserved("CHANNEL")),
    ("LOGIN Server", reserved("Server")),
    ("LOGIN", missing("LOGIN nick")),
    ("LOGIN   ", missing("LOGIN nick")),
    ("LOGIN neighbour", error_frame("Nickname already registered")),
    ("LOGIN NEIGHBOUR", error_frame("Nickname already registered")),
]


@pytest.mark.parametrize(("line", "response"), LOGINS)
def test_login_registers_a_nick_or_reports_an_error(line: str, response: dict[str, object]) -> None:
    harness = Harness()
    harness.connect_other("Neighbour")

    assert harness["alice"].ask(line) == [response]


def test_second_login_is_rejected() -> None:
    again = error_frame("User already logged in with name alice")

    Harness("alice").play(
        [
            sends("alice", "LOGIN alice", alice=[again]),
            sends("alice", "LOGIN bob", alice=[again]),
            sends("alice", "LOGIN !!", alice=[again]),
            sends("alice", "LOGIN", alice=[missing("LOGIN nick")]),
            sends("alice", "WHO", alice=[result(users=["alice"])]),
        ]
    )


WITHOUT_LOGIN = [
    "MESSAGE hi",
    "MESSAGE",
    "JOIN lobby",
    "JOIN",
    "JOIN !@#",
    "LEAVE",
    "HISTORY",
    "HISTORY x",
    "MSG bob hi",
    "WHO",
]


@pytest.mark.parametrize("line", [*WITHOUT_LOGIN, "MSG", "ROOMS", "hello"])
def test_commands_before_login_are_rejected(line: str) -> None:
    assert Harness()["stranger"].ask(line) == [LOGIN_REQUIRED]


@pytest.mark.parametrize("line", ["LEAVE", "LEFT ROOM", "HISTORY", "HISTORY x", "MESSAGE hi", "hello"])
def test_room_commands_outside_a_room_are_rejected(line: str) -> None:
    harness = Harness()
    harness["alice"].send("LOGIN alice")

    assert harness["alice"].ask(line) == [NO_ROOM]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("MESSAGE hello", "hello"),
        ("MESSAGE LEAVE", "LEAVE"),
        ("MESSAGE LEFT ROOM", "LEFT ROOM"),
        ("MESSAGE MESSAGE hi", "MESSAGE hi"),
        ("MESSAGE LOGIN !", "LOGIN !"),
        ("  MESSAGE   two  words  ", "two  words"),
        ("MESSAGE \u0421", "\u0421"),
        ("message hello", "message hello"),
        ("MESSAGES hello", "MESSAGES hello"),
    ],
)
def test_message_command_sends_its_text_to_the_room(line: str, text: str) -> None:
    harness = Harness("alice", "bob")

    assert harness["alice"].ask(line) == [OK, message_frame("alice", text)]
    assert harness.take()["bob"] == [message_frame("alice", text)]
    assert harness["bob"].ask("HISTORY")[-1]["body"]["body"] == text


MISSING = {
    "JOIN": "JOIN room [password]",
    "JOIN ROOM": "JOIN room [password]",
    " JOIN  ROOM ": "JOIN room [password]",
    "MESSAGE": "MESSAGE text",
    "MESSAGE  ": "MESSAGE text",
    "MSG": "MSG nick text",
    "MSG bob": "MSG nick text",
    "MSG bob  ": "MSG nick text",
    "LOGIN": "LOGIN nick",
}


@pytest.mark.parametrize(("line", "usage"), MISSING.items())
def test_missing_parameter_is_rejected(line: str, usage: str) -> None:
    assert Harness("alice")["alice"].ask(line) == [missing(usage)]


def invalid(room: str) -> dict[str, object]:
    return error_frame(f"Invalid room name: {room}, please use alphanumericcharacters only")


JOINS = [
    ("JOIN attic", [result("Joined room attic"), left("alice"), joined("alice")]),
    ("JOIN ROOM attic", [result("Joined room attic"), left("alice"), joined("alice")]),
    ("JOIN ROOM ROOM", [result("Joined room ROOM"), left("alice"), joined("alice")]),
    ("JOIN ROOMY", [result("Joined room ROOMY"), left("alice"), joined("alice")]),
    ("JOIN " + 64 * "r", [result("Joined room " + 64 * "r"), left("alice"), joined("alice")]),
    ("JOIN GARDEN", [result("Joined room Garden"), left("alice"), joined("alice")]),
    ("JOIN " + 65 * "r", [error_frame(f'"{59 * "r"}…" cannot be a name: it is longer than 64 characters.')]),
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


@pytest.mark.parametrize(("line", "response"), JOINS)
def test_join_enters_a_room_or_reports_an_error(line: str, response: list[dict[str, object]]) -> None:
    harness = Harness("alice")
    harness.connect_other("carol", room="Garden")

    assert harness["alice"].ask(line) == response


def test_joining_a_second_room_leaves_the_first_and_notifies_both() -> None:
    harness = Harness("alice", "bob")
    harness["carol"].send("LOGIN carol")
    harness["carol"].send("JOIN attic")
    harness.take()

    harness.play(
        [
            sends(
                "alice",
                "JOIN attic",
                alice=[result("Joined room attic"), left("alice"), joined("alice")],
                bob=[left("alice")],
                carol=[joined("alice")],
            ),
            sends("bob", "anyone?", bob=[OK, message_frame("bob", "anyone?")]),
            sends(
                "carol", "hi", alice=[message_frame("carol", "hi")], carol=[OK, message_frame("carol", "hi")]
            ),
        ]
    )


def test_rejected_join_keeps_the_current_room() -> None:
    harness = Harness("alice", "bob")
    harness.connect_other("dora", room="attic")
    harness.hub.rooms.close("attic")

    harness.play(
        [
            sends("alice", "JOIN attic", alice=[error_frame('The room "attic" is closed.')]),
            sends("alice", "JOIN !", alice=[invalid("!")]),
            sends("alice", "JOIN lobby", alice=[PRESENT]),
            sends(
                "alice", "hi", alice=[OK, message_frame("alice", "hi")], bob=[message_frame("alice", "hi")]
            ),
        ]
    )


LOCKED = error_frame('The room "attic" is locked; its password is needed.')

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


@pytest.mark.parametrize(("line", "response"), PASSWORDS)
def test_password_of_a_locked_room_follows_its_name(line: str, response: list[dict[str, object]]) -> None:
    harness = Harness()
    harness.connect_other("dora", room="attic")
    harness.hub.rooms.lock("attic", "swordfish")
    harness["alice"].send("LOGIN alice")

    assert harness["alice"].ask(line) == response


def test_password_may_have_several_words() -> None:
    harness = Harness()
    harness.connect_other("dora", room="attic")
    harness.hub.rooms.lock("attic", "sword fish")
    harness["alice"].send("LOGIN alice")

    assert harness["alice"].ask("JOIN attic sword fish")[0] == result("Joined room attic")


def direct(sender: str, text: str) -> dict[str, object]:
    return {"from": sender, "type": "directMessage", "body": text}


DIRECT_MESSAGES = [
    [sends("alice", "MSG bob hi, bob", alice=[OK], bob=[direct("alice", "hi, bob")])],
    [sends("alice", "MSG BOB  hi,  bob ", alice=[OK], bob=[direct("alice", "hi,  bob")])],
    [sends("alice", "MSG alice note to self", alice=[OK, direct("alice", "note to self")])],
    [sends("alice", "MSG zed hi", alice=[error_frame('Nobody is registered as "zed".')])],
    [sends("alice", f"MSG {100 * 'z'} hi", alice=[error_frame(f'Nobody is registered as "{59 * "z"}…".')])],
    [
        sends("alice", "LEAVE", alice=[OK, left("alice")], bob=[left("alice")]),
        sends("alice", "MSG bob still there?", alice=[OK], bob=[direct("alice", "still there?")]),
    ],
]


@pytest.mark.parametrize("conversation", DIRECT_MESSAGES)
def test_direct_messages_reach_their_recipients(conversation: list[Step]) -> None:
    Harness("alice", "bob").play(conversation)


def test_unnamed_client_is_reached_by_its_number() -> None:
    harness = Harness("alice", "bob")
    number = harness["stranger"].session.id

    harness.play([sends("alice", f"MSG #{number} hi", alice=[OK], stranger=[direct("alice", "hi")])])


def test_who_lists_the_room_or_outside_rooms_the_server() -> None:
    harness = Harness("bob", "alice")
    harness.connect_other("Zoe")
    harness.connect_other("Carl Ö", room="lobby")
    harness["dave"].send("LOGIN dave")
    harness.take()

    harness.play(
        [
            sends("alice", "WHO", alice=[result(users=["alice", "bob", "Carl Ö"])]),
            sends("dave", "WHO", dave=[result(users=["alice", "bob", "Carl Ö", "dave", "Zoe"])]),
        ]
    )


def test_rooms_lists_all_rooms() -> None:
    harness = Harness("alice", "bob")
    harness.connect_other("Zoe", room="the attic")
    harness.hub.rooms.close("the attic")
    rooms = [
        {"room": "lobby", "members": 2, "available": True},
        {"room": "the attic", "members": 1, "available": False},
    ]

    harness.play([sends("alice", "ROOMS", alice=[result(rooms=rooms)])])


def test_help_needs_no_login() -> None:
    (response,) = Harness()["stranger"].ask("HELP")

    assert [entry["command"] for entry in response["commands"]] == [
        "LOGIN nick",
        "JOIN room [password]",
        "LEAVE",
        "HISTORY [from [to]]",
        "MESSAGE text",
        "MSG nick text",
        "WHO",
        "ROOMS",
        "HELP",
        "QUIT",
    ]


@pytest.mark.parametrize("who", ["alice", "stranger"])
def test_quit_gets_a_response_and_then_the_connection_ends(who: str) -> None:
    harness = Harness("alice", "bob")
    bob_receives = {"bob": [left("alice")]} if who == "alice" else {}

    harness.play(
        [sends(who, "QUIT", **{who: [OK]}, **bob_receives), sends(who, "hello?"), sends(who, b"\xff")]
    )

    assert harness[who].mailbox.closed == (1000, "")
    assert harness["bob"].ask("WHO")[0]["users"].count("alice") == (who != "alice")


def test_lost_connection_sends_user_left_to_the_others() -> None:
    Harness("alice", "bob").play(
        [
            disconnects("alice", bob=[left("alice")]),
            disconnects("alice"),
            sends("bob", "MSG alice hi", bob=[error_frame('Nobody is registered as "alice".')]),
        ]
    )


SERVER_EVENTS = [
    happens(
        "the room is closed",
        lambda harness: harness.hub.rooms.close("lobby"),
        alice=[{"type": "roomState", "room": "lobby", "available": False, "reason": "The room was closed."}],
    ),
    sends("alice", "hi", alice=[error_frame('The room "lobby" is closed.')]),
    happens(
        "the room is opened",
        lambda harness: harness.hub.rooms.open("lobby"),
        alice=[{"type": "roomState", "room": "lobby", "available": True, "reason": None}],
    ),
    happens(
        "a package is published",
        lambda harness: harness.hub.publish_to_channel("lobby", "bytes", b"\xff\x00"),
        alice=[message_frame("channel", "/wA=")],
    ),
    happens(
        "another protocol's client comes, speaks and goes",
        lambda harness: join_and_leave(harness),
        alice=[joined("Carl Ö"), message_frame("Carl Ö", "grüß\ngott"), left("Carl Ö")],
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
    sends("alice", "hi", alice=[NO_ROOM]),
    sends("alice", "JOIN lobby", alice=[error_frame('You are banned from the room "lobby".')]),
    sends("alice", "JOIN attic", alice=[result("Joined room attic"), joined("alice")]),
    happens(
        "the room is deleted",
        lambda harness: harness.hub.rooms.delete("attic"),
        alice=[{"type": "roomState", "room": "attic", "available": False, "reason": "The room was deleted."}],
    ),
    sends("alice", "hi", alice=[NO_ROOM]),
    happens(
        "the server shuts down",
        lambda harness: harness.hub.shut_down("maintenance"),
        alice=[{"type": "shutdown", "reason": "maintenance"}],
    ),
]


def join_and_leave(harness: Harness) -> None:
    session = harness.connect_other("Carl Ö", room="lobby")
    harness.hub.publish(session, "lobby", "grüß\ngott")
    harness.hub.leave(session, "lobby")


def test_server_events_are_pushed() -> None:
    Harness("alice").play(SERVER_EVENTS)


def test_joins_above_the_presence_limit_reach_only_the_user_and_others_get_a_count() -> None:
    three = {"type": "memberCount", "room": "lobby", "count": 3}
    harness = Harness("alice", "bob", presence_limit=2)
    harness["carol"].send("LOGIN carol")
    harness.take()

    harness.play(
        [
            sends(
                "carol",
                "JOIN lobby",
                alice=[three],
                bob=[three],
                carol=[result("Joined room lobby"), joined("carol"), three],
            ),
            sends(
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
    assert all(harness[name].mailbox.take() == [message_frame("alice", "hi")] for name in names)
