"""Running plugin commands: concurrency, their caller, and cancellation at the end of the session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from opcodes_harness import Harness, create, entered, error_frame, loop_turns, message_frame, misuse, server

from chateau.hub.errors import AccessDenied, UnknownRoom
from chateau.hub.events import DirectMessage
from chateau.protocols.plugin_commands import AT_ONCE, Command, Server, User

Run = Callable[[Server, User, list[str]], Coroutine[Any, Any, Any]]

FAILED = error_frame("internal", "The command !do failed; the server has logged why.")


def server_with(run: Run, *inside: str, **options: Any) -> Harness:
    command = Command("do", "[WORD]", "Do it.", run)
    return Harness(*(inside or ("alice", "bob")), plugins={"do": command}, **options)


async def frames_of(harness: Harness, content: str = "!do") -> Any:
    """Return the frames that each client receives after alice sends a command."""
    harness["alice"].send(create(content))
    await loop_turns()
    return harness.take()


def test_return_value_is_sent_only_to_the_caller() -> None:
    async def run(server: Server, user: User, words: list[str]) -> str:
        return f"{user.name} of {server.name}: {words}"

    harness = server_with(run)
    frames = asyncio.run(frames_of(harness, '!DO a "b c" don\'t'))

    assert frames == {"alice": [server("""alice of Chateau: ['a', 'b c', "don't"]""")]}


def test_none_as_return_value_sends_nothing() -> None:
    async def run(server: Server, user: User, words: list[str]) -> None:
        pass

    assert asyncio.run(frames_of(server_with(run))) == {}


def test_replies_are_sent_one_by_one_without_blocking_others() -> None:
    go_on = asyncio.Event()

    async def run(server: Server, user: User, words: list[str]) -> str:
        user.reply("one")
        await go_on.wait()
        user.reply("")
        return "three"

    async def conversation(harness: Harness) -> None:
        assert await frames_of(harness) == {"alice": [server("one")]}
        harness["alice"].send(create("hi"))
        assert harness.take() == {
            "alice": [message_frame("alice", "hi")],
            "bob": [message_frame("alice", "hi")],
        }
        go_on.set()
        await loop_turns()
        assert harness.take() == {"alice": [server(""), server("three")]}

    asyncio.run(conversation(server_with(run)))


def test_user_has_name_room_and_role() -> None:
    seen = []

    async def run(server: Server, user: User, words: list[str]) -> None:
        seen.append((user.name, user.room, user.is_admin))

    async def conversation(harness: Harness) -> None:
        await frames_of(harness)
        harness["alice"].send(create('!auth "correct horse"'))
        harness.hub.leave(harness["alice"].peer.session, "general")
        await frames_of(harness)

    asyncio.run(conversation(server_with(run)))

    assert seen == [("alice", "general", False), ("alice", None, True)]


def test_plugin_cannot_change_names_and_rooms() -> None:
    seen: list[list[str]] = []

    async def run(server: Server, user: User, words: list[str]) -> None:
        seen.extend((server.usernames(), server.rooms()))
        server.usernames().clear()
        server.rooms().clear()

    harness = server_with(run)
    harness.connect_other("Zoe", room="attic")
    asyncio.run(frames_of(harness))

    assert seen == [["alice", "bob", "Zoe"], ["attic", "general"]]
    assert list(harness.hub.usernames()) == ["alice", "bob", "Zoe"]


def test_server_sends_messages_under_its_own_name() -> None:
    async def run(server: Server, user: User, words: list[str]) -> None:
        server.message("BOB", "alice thinks of you")
        server.message("zoe", "too")

    harness = server_with(run)
    zoe = harness.connect_other("zoe")

    assert asyncio.run(frames_of(harness)) == {"bob": [server("alice thinks of you")]}
    (message,) = zoe.outbox
    assert isinstance(message, DirectMessage)
    assert message.sender == "Chateau"
    assert message.sender_id.isdigit()  # as the functions protocol shows every sender's
    assert harness.hub.session(message.sender_id) is None


def test_command_error_is_sent_unchanged() -> None:
    async def run(server: Server, user: User, words: list[str]) -> None:
        if words:
            server.message(words[0], "hi")
        raise AccessDenied("x" * 400)

    harness = server_with(run)

    unknown = error_frame("unknown_recipient", 'Nobody is registered as "zed".')
    assert asyncio.run(frames_of(harness, "!do zed")) == {"alice": [unknown]}
    assert asyncio.run(frames_of(harness)) == {"alice": [error_frame("access_denied", "x" * 300)]}


async def raises(server: Server, user: User, words: list[str]) -> None:
    raise KeyError("a bug")


async def exits(server: Server, user: User, words: list[str]) -> None:
    raise SystemExit(3)


async def returns_a_number(server: Server, user: User, words: list[str]) -> int:
    return 7


async def returns_half_a_character(server: Server, user: User, words: list[str]) -> str:
    return "\ud800"


async def replies_nothing(server: Server, user: User, words: list[str]) -> None:
    user.reply(None)  # type: ignore[arg-type]


async def sends_half_a_character(server: Server, user: User, words: list[str]) -> None:
    server.message("bob", "\ud800")


async def raises_half_a_character(server: Server, user: User, words: list[str]) -> None:
    raise UnknownRoom("\ud800")


async def awaits_what_was_cancelled(server: Server, user: User, words: list[str]) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def awaits_a_reply(server: Server, user: User, words: list[str]) -> None:
    await user.reply("one")  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ("run", "first"),
    [
        (raises, []),
        (exits, []),
        (returns_a_number, []),
        (returns_half_a_character, []),
        (replies_nothing, []),
        (sends_half_a_character, []),
        (raises_half_a_character, []),
        (awaits_what_was_cancelled, []),
        (awaits_a_reply, [server("one")]),
    ],
)
def test_exception_in_a_command_is_reported_to_its_caller_and_logged_once(
    run: Run, first: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    harness = server_with(run)

    assert asyncio.run(frames_of(harness)) == {"alice": [*first, FAILED]}

    (record,) = caplog.records
    assert record.getMessage() == f"session {harness['alice'].peer.session.id}: the command !do failed"
    assert record.exc_info is not None
    assert record.levelno == logging.ERROR
    caplog.clear()
    assert harness["alice"].ask(create("hi")) == [message_frame("alice", "hi")]


def test_command_is_cancelled_with_its_session_and_later_replies_are_dropped() -> None:
    happened = []

    async def run(server: Server, user: User, words: list[str]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            happened.append(f"{user.name} in {user.room}")
            user.reply("bye")

    async def conversation(harness: Harness) -> None:
        await frames_of(harness)
        harness["alice"].close()
        await loop_turns()

    harness = server_with(run)
    asyncio.run(conversation(harness))

    assert happened == ["alice in None"]
    assert "alice" not in harness.take()


def test_pending_command_does_not_start_after_its_session_ends() -> None:
    async def run(server: Server, user: User, words: list[str]) -> None:
        raise AssertionError

    async def conversation(harness: Harness) -> None:
        harness["alice"].send(create("!do"))
        harness["alice"].close()
        await loop_turns()

    asyncio.run(conversation(server_with(run)))


def test_next_owner_of_a_name_does_not_get_replies_of_the_previous() -> None:
    go_on = asyncio.Event()

    async def run(server: Server, user: User, words: list[str]) -> str:
        try:
            await go_on.wait()
        except asyncio.CancelledError:
            user.reply("I will not be stopped")
        return "a secret of alice"

    async def conversation(harness: Harness) -> None:
        harness["alice"].send(create("!do"))
        await loop_turns()
        harness["alice"].close()
        harness["second"].send(create("alice"))
        harness.take()
        await loop_turns()
        assert harness.take() == {}

    asyncio.run(conversation(server_with(run)))


def test_running_commands_per_session_are_limited() -> None:
    go_on = asyncio.Event()

    async def run(server: Server, user: User, words: list[str]) -> str:
        await go_on.wait()
        return words[0]

    async def conversation(harness: Harness) -> None:
        for number in range(AT_ONCE):
            harness["alice"].send(create(f"!do {number}"))
        await loop_turns()
        too_many = error_frame("rate_limited", "You have 16 commands running: wait until one of them ends.")
        assert harness["alice"].ask(create("!do x")) == [too_many]
        assert harness["bob"].ask(create("!do bob")) == []
        go_on.set()
        await loop_turns()
        frames = harness.take()
        assert frames["bob"] == [server("bob")]
        assert frames["alice"] == [server(str(number)) for number in range(AT_ONCE)]
        assert await frames_of(harness, "!do again") == {"alice": [server("again")]}

    asyncio.run(conversation(server_with(run)))


def test_plugin_command_is_in_the_help_and_reports_unclosed_quotation_marks() -> None:
    harness = server_with(raises)

    (frame,) = harness["alice"].ask(create("!help"))
    assert frame["d"]["content"].endswith("\n!do [WORD]: Do it.")
    assert harness["alice"].ask(create("!help do")) == [server("!do [WORD]: Do it.")]
    unclosed = "A quotation mark has to be closed at the end of a word: write !do [WORD]"
    assert harness["alice"].ask(create('!do "a')) == [
        misuse(unclosed + "; what has spaces goes in quotation marks.")
    ]


def test_plugin_command_needs_a_registered_user() -> None:
    harness = server_with(raises)

    assert harness["guest"].ask(create("!do")) == [
        error_frame("not_registered", "Register a username first.")
    ]


def test_create_task_function_can_be_replaced() -> None:
    made: list[asyncio.Task[None]] = []

    async def run(server: Server, user: User, words: list[str]) -> str:
        return "done"

    def create_task(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        made.append(asyncio.create_task(coroutine, name="a command"))
        return made[-1]

    frames = asyncio.run(frames_of(server_with(run, create_task=create_task)))

    assert frames == {"alice": [server("done")]}
    assert [task.get_name() for task in made] == ["a command"]


def test_commands_continue_when_the_session_changes_rooms() -> None:
    async def run(server: Server, user: User, words: list[str]) -> str:
        await asyncio.sleep(0)
        return f"in {user.room}"

    async def conversation(harness: Harness) -> None:
        harness["alice"].send(create("!do"))
        harness["alice"].send(create("!join attic"))
        await loop_turns()
        assert harness.take()["alice"] == [
            server("You are now in attic."),
            entered("alice"),
            server("in attic"),
        ]

    asyncio.run(conversation(server_with(run)))
