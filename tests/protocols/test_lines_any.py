"""Any line gets one response or is ignored, in order, and affects nobody else."""

from __future__ import annotations

from generated import examples
from harness import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from lines_harness import Harness

from chateau.protocols.lines_commands import COMMANDS

WORDS = st.sampled_from(
    [words for command in COMMANDS for words in command.words]
    + ["ROOM", "alice", "carol", "attic", "2026-11-20", "09:30", "2026-11-20T09:30Z", "!@#", "#0", "hi"]
)
SPACES = st.sampled_from([" ", "  ", "\t", "\N{NO-BREAK SPACE}", "\x1f", ""])
ANY_TEXT = st.text(st.characters(exclude_characters="\n"))
WITH_SURROGATES = st.text(st.characters(exclude_categories=[], exclude_characters="\n"), max_size=20)
NEARLY_COMMANDS = st.lists(WORDS | SPACES | ANY_TEXT, max_size=6).map(" ".join) | st.lists(
    WORDS | SPACES, max_size=8
).map("".join)
LINES = ANY_TEXT | WITH_SURROGATES | NEARLY_COMMANDS | st.binary(max_size=20)


def responses(harness: Harness, line: str | bytes) -> int:
    frames = harness["alice"].ask(line)
    return sum(frame["type"] in ("commandResult", "error") for frame in frames)


@settings(max_examples=examples(800), deadline=None)
@given(lines=st.lists(LINES, min_size=1, max_size=5))
def test_any_non_blank_line_gets_exactly_one_response(lines: list[str | bytes]) -> None:
    harness = Harness("alice", "bob")

    for line in lines:
        has_quit = harness["alice"].mailbox.closed is not None
        is_empty = isinstance(line, str) and (not line or line.isspace())
        assert responses(harness, line) == (not is_empty and not has_quit)

    assert all("error" not in frame for frame in harness["bob"].mailbox.take())


@settings(max_examples=examples(300), deadline=None)
@given(lines=st.lists(LINES, max_size=5))
def test_line_of_an_unregistered_client_reaches_nobody(lines: list[str | bytes]) -> None:
    harness = Harness("bob")

    for line in lines:
        if not (isinstance(line, str) and "LOGIN" in line):
            harness["stranger"].send(line)

    assert harness["bob"].mailbox.take() == []


@settings(max_examples=examples(300), deadline=None)
@given(text=st.text().filter(lambda text: text.strip() and text.split()[0] not in FIRST_WORDS))
def test_message_is_delivered_unchanged(text: str) -> None:
    harness = Harness("alice", "bob")

    harness["alice"].send(text)

    (received,) = harness["bob"].mailbox.take()
    assert received["body"] == text


FIRST_WORDS = {words.split()[0] for command in COMMANDS for words in command.words}
MESSAGES = sorted((ROOT / "messages" / "lines").glob("*.txt"))


def test_every_message_file_is_one_accepted_line() -> None:
    for path in MESSAGES:
        (line,) = path.read_text("utf-8").splitlines()
        harness = Harness("carol", "bob")
        if "login" in path.stem:
            harness["bob"].peer.on_close()
            harness["new"].send(line)
            frames = harness["new"].mailbox.take()
        else:
            if "password" in path.stem:
                harness.connect_other("dora", room="attic")
                harness.hub.rooms.lock("attic", "swordfish")
            if path.stem == "join":
                harness["carol"].send("LEAVE")
            frames = harness["carol"].ask(line)
        assert frames[0]["type"] == "commandResult", path.name


def test_every_command_has_a_message_file() -> None:
    lines = [path.read_text("utf-8").split(maxsplit=1)[0] for path in MESSAGES]

    assert {command.words[0] for command in COMMANDS} <= set(lines)
