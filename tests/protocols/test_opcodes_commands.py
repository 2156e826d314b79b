"""Commands: their responses, their effect on others, and their errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Step, time_passes
from opcodes_harness import (
    KEY,
    Harness,
    create,
    entered,
    error_frame,
    happens,
    left,
    message_frame,
    misuse,
    sends,
    server,
    state,
)

from chateau.hub.events import DirectMessage
from chateau.protocols.argsplit import LENGTH_LIMIT, WORDS_LIMIT, split, word
from chateau.protocols.opcodes_commands import ADMIN_COMMANDS, BUILT_INS

AUTH = server("You may give the owner's commands now.")
WRONG_KEY = error_frame("access_denied", "The secret key is wrong.")
IN_NO_ROOM = error_frame("not_in_room", "You are in no room: say !join ROOM first.")
QUOTES = "; what has spaces goes in quotation marks."
UNCLOSED = "A quotation mark has to be closed at the end of a word"
LOCKED = error_frame("access_denied", 'The room "the attic" is locked; its password is needed.')
NOT_THE_OWNER = error_frame("access_denied", "!close is the owner's: say !auth KEY first.")
WRONG_PASSWORD_SIZE = misuse(f"A password has 1 to 1024 characters: write !lock ROOM PASSWORD{QUOTES}")


def auth(who: str = "alice") -> Step:
    return sends(who, f'!auth "{KEY}"', **{who: [AUTH]})


def alice_leaves() -> Step:
    """Let alice leave her room."""
    return happens(
        lambda harness: harness.hub.leave(harness["alice"].peer.session, "general"), bob=[left("alice")]
    )


def one_by_one(*steps: Step) -> list[Step]:
    return list(steps)


USER_COMMANDS = [
    pytest.param(
        one_by_one(
            sends("alice", "!me", alice=[server("You are alice, in general.")]),
            alice_leaves(),
            sends("alice", "!me", alice=[server("You are alice, in no room.")]),
            auth(),
            sends("alice", "!ME", alice=[server("You are alice, in no room, and the owner.")]),
        ),
        id="!me tells who and where one is, also in capitals",
    ),
    pytest.param(
        one_by_one(
            sends("alice", "!users", alice=[server("In general: alice, bob")]),
            alice_leaves(),
            sends("alice", "!users", alice=[IN_NO_ROOM]),
        ),
        id="!users tells who is in the room",
    ),
    pytest.param(
        one_by_one(
            sends("alice", "!rooms", alice=[server("general: 2 users")]),
            happens(lambda harness: harness.connect_other(room="Attic")),
            happens(lambda harness: harness.hub.rooms.lock("attic", "pw")),
            sends("alice", "!rooms", alice=[server("Attic: 1 user, not available\ngeneral: 2 users")]),
        ),
        id="!rooms tells which rooms there are",
    ),
    pytest.param(
        one_by_one(
            sends("alice", "!join", alice=[misuse("Write !join ROOM [PASSWORD]" + QUOTES)]),
            sends("alice", "!join the old attic", alice=[misuse("Write !join ROOM [PASSWORD]" + QUOTES)]),
            sends(
                "alice",
                '!join "the attic',
                alice=[misuse(f"{UNCLOSED}: write !join ROOM [PASSWORD]" + QUOTES)],
            ),
            sends(
                "alice",
                "!join GENERAL",
                alice=[error_frame("already_in_room", 'You are already in the room "general".')],
            ),
            sends(
                "alice",
                '!join " attic"',
                alice=[
                    error_frame("invalid_name", '" attic" cannot be a name: it begins or ends with a space.')
                ],
            ),
            sends(
                "alice",
                "!join " + "a" * 65,
                alice=[
                    error_frame(
                        "invalid_name", f'"{"a" * 59}…" cannot be a name: it is longer than 64 characters.'
                    )
                ],
            ),
            sends(
                "alice",
                '!join  "the attic" ',
                alice=[server("You are now in the attic."), entered("alice")],
                bob=[left("alice")],
            ),
            happens(
                lambda harness: harness.hub.rooms.lock("the attic", 'open "sesame" \\'),
                alice=[state(available=False, room="the attic")],
            ),
            sends("bob", '!join "the attic"', bob=[LOCKED]),
            sends("bob", '!join "the attic" sesame', bob=[LOCKED]),
            sends("bob", "still here", bob=[message_frame("bob", "still here")]),
            sends(
                "bob",
                '!join "the attic" "open \\"sesame\\" \\\\"',
                bob=[server("You are now in the attic."), entered("bob")],
                alice=[entered("bob")],
            ),
        ),
        id="!join goes to a room, with a password where it is locked, or leaves everything as it is",
    ),
    pytest.param(
        one_by_one(
            sends(
                "alice",
                '!msg bob don\'t "panic"  now ',
                alice=[server("Sent to bob.")],
                bob=[message_frame("alice", 'don\'t "panic"  now')],
            ),
            sends(
                "alice", '!msg "BOB" hi', alice=[server("Sent to bob.")], bob=[message_frame("alice", "hi")]
            ),
            sends("alice", "!msg alice hi", alice=[message_frame("alice", "hi"), server("Sent to alice.")]),
            sends(
                "alice",
                "!msg zed hi",
                alice=[error_frame("unknown_recipient", 'Nobody is registered as "zed".')],
            ),
            sends("alice", "!msg bob", alice=[misuse("Write !msg USER TEXT" + QUOTES)]),
            sends("alice", "!msg bob  \n ", alice=[misuse("Write !msg USER TEXT" + QUOTES)]),
            sends(
                "alice", "!msg\nbob\nhi", alice=[server("Sent to bob.")], bob=[message_frame("alice", "hi")]
            ),
        ),
        id="!msg says all behind the name to one user alone, as it stands",
    ),
    pytest.param(
        one_by_one(
            sends("alice", "!hlep", alice=[error_frame("unknown_type", '"!hlep" is no command; say !help.')]),
            sends("alice", "!3", alice=[error_frame("unknown_type", '"!3" is no command; say !help.')]),
            sends("alice", "!été", alice=[error_frame("unknown_type", '"!été" is no command; say !help.')]),
            sends(
                "alice",
                "!" + "x" * 99 + " y",
                alice=[error_frame("unknown_type", f'"!{"x" * 58}…" is no command; say !help.')],
            ),
            sends(
                "alice",
                "!help hlep",
                alice=[error_frame("unknown_type", '"!hlep" is no command; say !help.')],
            ),
            sends("alice", "!help !JOIN", alice=[server(f"!join ROOM [PASSWORD]: {BUILT_INS['join'].help}")]),
            sends(
                "alice",
                "!help lock",
                alice=[server(f"!lock ROOM PASSWORD: {BUILT_INS['lock'].help} (after !auth)")],
            ),
            sends("alice", "!help me please", alice=[misuse("Write !help [COMMAND]" + QUOTES)]),
            sends("alice", "!rooms please", alice=[misuse("Write !rooms" + QUOTES)]),
        ),
        id="an unknown command, and help",
    ),
]


@pytest.mark.parametrize("conversation", USER_COMMANDS)
def test_user_commands_get_their_responses(conversation: list[Step]) -> None:
    Harness("alice", "bob").play(conversation)


def test_help_lists_every_command() -> None:
    (frame,) = Harness("alice")["alice"].ask(create("!help"))

    lines = frame["d"]["content"].split("\n")
    assert [line.partition(" ")[0].rstrip(":") for line in lines] == [f"!{name}" for name in BUILT_INS]


def test_rooms_command_reports_when_there_are_none() -> None:
    harness = Harness("alice")
    harness.hub.rooms.delete("general")
    harness.take()

    assert harness["alice"].ask(create("!rooms")) == [server("There are no rooms.")]


OWNERS_DO = [
    pytest.param(
        one_by_one(
            sends("alice", "!auth horse", alice=[WRONG_KEY]),
            sends("alice", "!close", alice=[NOT_THE_OWNER]),
            sends("alice", f"!auth {KEY}", alice=[misuse("Write !auth KEY" + QUOTES)]),
            *(sends("alice", "!auth horse", alice=[WRONG_KEY]) for _ in range(4)),
            sends("alice", f'!auth "{KEY}"'),  # it waits for its turn
            time_passes(1.0, alice=[server("You may give the owner's commands now.")]),
            sends("bob", "!close", bob=[NOT_THE_OWNER]),
            sends(
                "alice",
                "!close",
                alice=[state(available=False), server("general is closed.")],
                bob=[state(available=False)],
            ),
        ),
        id="the key is shown first, by each session for itself, and guessing is slow",
    ),
    pytest.param(
        one_by_one(
            auth(),
            sends(
                "alice",
                "!lock general pw",
                alice=[state(available=False), server("general is locked.")],
                bob=[state(available=False)],
            ),
            sends("alice", "!lock pw", alice=[misuse("Write !lock ROOM PASSWORD" + QUOTES)]),
            sends("alice", '!lock general ""', alice=[WRONG_PASSWORD_SIZE]),
            sends("alice", "!lock general " + "p" * 1025, alice=[WRONG_PASSWORD_SIZE]),
            sends(
                "alice",
                "!unlock",
                alice=[state(available=True), server("general is unlocked.")],
                bob=[state(available=True)],
            ),
            sends(
                "alice",
                "!close general",
                alice=[state(available=False), server("general is closed.")],
                bob=[state(available=False)],
            ),
            sends(
                "alice",
                "!unlock GENERAL",
                alice=[state(available=False), server("general is unlocked.")],
                bob=[state(available=False)],
            ),
            sends(
                "alice",
                "!open",
                alice=[state(available=True), server("general is open.")],
                bob=[state(available=True)],
            ),
            sends("alice", "!open cellar", alice=[error_frame("unknown_room", 'There is no room "cellar".')]),
        ),
        id="lock, unlock, close and open",
    ),
    pytest.param(
        one_by_one(
            auth(),
            sends(
                "alice",
                "!delete",
                alice=[state(available=False), server("general is deleted.")],
                bob=[state(available=False)],
            ),
            *(
                sends("alice", command, alice=[IN_NO_ROOM])
                for command in ("!delete", "!close", "!open", "!unlock", "!ban bob", "!unban bob")
            ),
            sends("alice", "!join general", alice=[server("You are now in general."), entered("alice")]),
        ),
        id="a deleted room's name can be used again",
    ),
    pytest.param(
        one_by_one(
            auth(),
            sends(
                "alice",
                "!ban BOB",
                alice=[left("bob"), server("bob is banned from general.")],
                bob=[state(available=False)],
            ),
            sends(
                "bob",
                "!join general",
                bob=[error_frame("access_denied", 'You are banned from the room "general".')],
            ),
            sends(
                "alice",
                "!ban zed",
                alice=[error_frame("unknown_recipient", 'Nobody is registered as "zed".')],
            ),
            sends(
                "alice", "!ban bob cellar", alice=[error_frame("unknown_room", 'There is no room "cellar".')]
            ),
            sends("alice", "!unban bob general", alice=[server("bob is not banned from general.")]),
            sends(
                "bob",
                "!join general",
                bob=[server("You are now in general."), entered("bob")],
                alice=[entered("bob")],
            ),
            sends(
                "bob",
                "!join attic",
                bob=[server("You are now in attic."), entered("bob")],
                alice=[left("bob")],
            ),
            sends(
                "alice",
                "!ban bob attic",
                alice=[server("bob is banned from attic.")],
                bob=[state(available=False, room="attic")],
            ),
            sends(
                "alice", "!ban alice", alice=[state(available=False), server("alice is banned from general.")]
            ),
        ),
        id="ban and unban",
    ),
    pytest.param(
        one_by_one(
            auth(),
            *(
                sends(
                    "alice",
                    f"!{name} a b c",
                    alice=[misuse(f"Write !{name} {BUILT_INS[name].usage}" + QUOTES)],
                )
                for name in ADMIN_COMMANDS
                if name != "shutdown"
            ),
        ),
        id="too many words",
    ),
]


@pytest.mark.parametrize("conversation", OWNERS_DO)
def test_owner_commands_get_their_responses(conversation: list[Step]) -> None:
    Harness("alice", "bob").play(conversation)


@pytest.mark.parametrize("name", ADMIN_COMMANDS)
def test_owner_commands_of_other_users_are_rejected_before_parsing(name: str) -> None:
    harness = Harness("alice")

    for words in ("", " general", " alice general", ' "'):
        assert harness["alice"].ask(create(f"!{name}{words}")) == [
            error_frame("access_denied", f"!{name} is the owner's: say !auth KEY first.")
        ]
    assert harness.stops == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("!shutdown", None),
        ("!shutdown  ", None),
        ("!shutdown Maintenance", "Maintenance"),
        ('!shutdown we\'re off, "all" of us ', 'we\'re off, "all" of us'),
    ],
)
def test_shutdown_stops_the_server_with_the_given_reason(content: str, reason: str | None) -> None:
    harness = Harness("alice")
    harness.play([auth(), sends("alice", content)])

    assert harness.stops == [reason]


def test_server_without_a_secret_key_has_no_owner() -> None:
    harness = Harness("alice", secret_key=None)

    harness.play(
        [sends("alice", "!auth x", alice=[WRONG_KEY]), sends("alice", '!auth ""', alice=[WRONG_KEY])]
    )


def test_error_does_not_contain_the_key() -> None:
    harness = Harness("alice")

    for content in (f"!auth {KEY}", f'!auth "{KEY}', f"!lock general {KEY} x", f'!join "{KEY}'):
        (frame,) = harness["alice"].ask(create(content))
        assert KEY not in frame["d"]["error"]


def test_direct_message_reaches_other_protocols_with_its_sender() -> None:
    harness = Harness("alice")
    zoe = harness.connect_other("zoe")

    assert harness["alice"].ask(create(f"!msg {zoe.name} hi")) == [server("Sent to zoe.")]
    (message,) = zoe.outbox
    assert isinstance(message, DirectMessage)
    assert message.sender_id == harness["alice"].peer.session.id


PREFIXES = [
    pytest.param(
        "/",
        one_by_one(
            sends("alice", "/me", alice=[server("You are alice, in general.")]),
            sends("alice", "!me", alice=[message_frame("alice", "!me")]),
        ),
        id="slash",
    ),
    pytest.param(
        "bot, ",
        one_by_one(
            sends("alice", "bot, me", alice=[server("You are alice, in general.")]),
            sends("alice", "bot,", alice=[message_frame("alice", "bot,")]),
        ),
        id="a long one",
    ),
    pytest.param(
        "/",
        one_by_one(
            sends(
                "alice",
                "/close",
                alice=[error_frame("access_denied", "/close is the owner's: say /auth KEY first.")],
            ),
            sends(
                "alice",
                "/help open",
                alice=[server("/open [ROOM]: Neither closed nor locked any more. (after /auth)")],
            ),
        ),
        id="it is in the response",
    ),
    pytest.param(
        "",
        one_by_one(
            sends("alice", "me", alice=[message_frame("alice", "me")]),
            sends("alice", "!me", alice=[message_frame("alice", "!me")]),
        ),
        id="none",
    ),
]


@pytest.mark.parametrize(("prefix", "conversation"), PREFIXES)
def test_command_prefix_can_be_changed_or_empty(prefix: str, conversation: list[Step]) -> None:
    Harness("alice", command_prefix=prefix).play(conversation)


LINES = [
    pytest.param("", [], id="nothing"),
    pytest.param(" \t\n ", [], id="white space"),
    pytest.param("a b\tc\nd", ["a", "b", "c", "d"], id="words"),
    pytest.param('"a b" c', ["a b", "c"], id="quotation marks"),
    pytest.param("'a b' c", ["a b", "c"], id="single ones"),
    pytest.param('""', [""], id="an empty word"),
    pytest.param("''", [""], id="an empty word in single marks"),
    pytest.param(r'"a\"b" "\\" "\n"', ['a"b', "\\", r"\n"], id="backslashes in quotation marks"),
    pytest.param(r"'\' \a", ["\\", r"\a"], id="backslashes elsewhere"),
    pytest.param("don't say \"it's\"", ["don't", "say", "it's"], id="apostrophes"),
    pytest.param('a"b c"d', ['a"b', 'c"d'], id="marks inside a word"),
    pytest.param("'\"' \"'\"", ['"', "'"], id="one kind inside the other"),
]


@pytest.mark.parametrize(("line", "words"), LINES)
def test_command_line_is_split_into_words(line: str, words: list[str]) -> None:
    assert split(line) == words
    assert split(f"  {line}  ") == words


@pytest.mark.parametrize("line", ['"', "'", '"a', "a 'b", '"a"b', '"a\\"', "'a\\''", '"a""b"', "'tis"])
def test_unclosed_quotation_mark_is_reported(line: str) -> None:
    with pytest.raises(ValueError, match="has to be closed"):
        split(line)


@pytest.mark.parametrize(
    ("line", "words", "parts"),
    [
        (" a  b c ", 1, ["a", "b c"]),
        (" a  b c ", 0, ["a  b c"]),
        (" a ", 1, ["a"]),
        ("", 0, []),
        ("'a b' 'c", 1, ["a b", "'c"]),
        ("a b", 7, ["a", "b"]),
    ],
)
def test_rest_after_the_last_word_is_one_text(line: str, words: int, parts: list[str]) -> None:
    assert split(line, words) == parts


@pytest.mark.parametrize("piece", ["a ", '"', "'", "\\", '"a" ', '"\\', " ", "\n", "'a' ", "x", '\\"'])
def test_splitting_a_long_line_is_fast(piece: str) -> None:
    harness = Harness("alice")

    for content in (f"!join {piece * 300_000}", f"!msg bob {piece * 300_000}", f"!{piece * 300_000}"):
        harness["alice"].send(create(content))


ESCAPES = '"' + '\\"' * ((LENGTH_LIMIT - 2) // 2) + '"'
TOO_LONG = f"The words of a command have at most {LENGTH_LIMIT} characters"

LONGEST = [
    pytest.param("x" * LENGTH_LIMIT, id="a word"),
    pytest.param("\ufdfa" * LENGTH_LIMIT, id="a word of letters that are long when normalized"),
    pytest.param("'" + "x" * (LENGTH_LIMIT - 2) + "'", id="in quotation marks"),
    pytest.param(ESCAPES, id="in quotation marks, with backslashes"),
    pytest.param("x" + " " * (LENGTH_LIMIT - 2) + "x", id="spaces"),
]


@pytest.mark.parametrize("line", LONGEST)
def test_words_may_have_16384_characters(line: str) -> None:
    assert len(line) == LENGTH_LIMIT
    assert split(f" {line} ")
    assert len(split(f"{line} text", 1)) == 2
    for longer in (f"x{line}", f"{line}x", f"{line} x", f"{line[:-1]} {line[-1]}"):
        with pytest.raises(ValueError, match=TOO_LONG):
            split(longer)


@pytest.mark.parametrize(
    "line", ["x" * 990_000, '"' + '\\"' * 490_000 + '"', '"' + "x" * 990_000, "'" + "x" * 990_000]
)
def test_long_word_before_a_text_is_rejected(line: str) -> None:
    for rest in ("", " text", '" text'):
        with pytest.raises(ValueError, match=TOO_LONG):
            split(line + rest, 1)


def test_text_after_the_words_may_be_longer() -> None:
    text = "x y " * LENGTH_LIMIT

    assert split(f"bob   {text}", 1) == ["bob", text.strip()]
    assert split(text, 0) == [text.strip()]


@pytest.mark.parametrize(
    "name", ["x" * 990_000, "\ufdfa" * 160_000, "İ" * 160_000], ids=["x", "U+FDFA", "U+0130"]
)
def test_long_name_of_a_command_is_unknown(name: str) -> None:
    harness = Harness("alice")

    for content in (f"!{name} x", f"!{name}"):
        (frame,) = harness["alice"].ask_all(create(content))
        assert frame["d"]["code"] == "unknown_type"
        assert frame["d"]["error"].startswith(f'"!{name[:1].lower()}')
        assert len(frame["d"]["error"]) < 100


def test_words_above_the_limit_are_rejected() -> None:
    assert len(split("a " * WORDS_LIMIT)) == WORDS_LIMIT
    assert len(split("a " * WORDS_LIMIT + "b c", WORDS_LIMIT)) == WORDS_LIMIT + 1
    with pytest.raises(ValueError, match="at most 1000 words"):
        split("a " * (WORDS_LIMIT + 1))


def test_every_command_is_documented() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "protocols" / "opcodes.md").read_text("utf-8")

    for name, row in BUILT_INS.items():
        assert f"| `{f'!{name} {row.usage}'.rstrip()}` |" in page


@pytest.mark.parametrize(
    "text", ["bob", "a b", '"', "\\", 'a "b" \\', "'a'", "don't", "a\nb", " ", '"a"', '\\"']
)
def test_any_text_can_be_quoted_as_one_word(text: str) -> None:
    assert split(f"{word(text)} {word(text)}") == [text, text]


def test_simple_word_is_not_quoted() -> None:
    assert [word("bob"), word("don't"), word("a b")] == ["bob", "don't", '"a b"']
