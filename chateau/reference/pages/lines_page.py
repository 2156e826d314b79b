"""The page of the lines protocol: its requests are lines of text, and stand in the protocol's own table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chateau.protocols.lines_commands import COMMANDS, Command
from chateau.protocols.lines_errors import ERRORS, MESSAGE
from chateau.protocols.lines_frames import error_response
from chateau.reference.pages.messages import (
    UNASKED,
    Refusing,
    Sources,
    any_request,
    compact,
    grouped,
    wrong,
)
from chateau.reference.pages.model import (
    Code,
    Example,
    Link,
    Page,
    Paragraph,
    Section,
    Text,
    joined,
    prose,
    slug,
)
from chateau.reference.specifications.components import kind_of, messages_of

if TYPE_CHECKING:
    from chateau.hub.errors import HubError

LINES_PORT = 9090

LEAD = (
    "Lines of text over TCP, at the port of `--lines-port`, 9090 where nothing else is set. A line is UTF-8, "
    "ends with `\\n` or `\\r\\n`, and has 16 KiB at most. What comes back is JSON, one object a line, "
    "ended by `\\r\\n`. A browser has no TCP: try these in a terminal, "
    "`nc localhost 9090` or `telnet localhost 9090`."
)

MESSAGE_TITLE = "Any other line"
MESSAGE_SAYS = (
    "A line that is no command is a message to the room that one is in. Everybody there hears it, the sender "
    "too, behind the answer."
)

EXAMPLES = {
    "LOGIN": "LOGIN alice",
    "JOIN": "JOIN lobby",
    "LEAVE": "LEAVE",
    "HISTORY": "HISTORY 2026-11-20T09:30:00Z 2026-11-20T11:00:00+01:00",
    "MSG": "MSG bob hi, bob",
    "WHO": "WHO",
    "ROOMS": "ROOMS",
    "HELP": "HELP",
    "QUIT": "QUIT",
    MESSAGE: "hello, all",
}
"""One line for each command, by its first word."""

BEFORE = {"JOIN": 1, "LEAVE": 2, "HISTORY": 2, "MSG": 1, "WHO": 1, "ROOMS": 1, MESSAGE: 2}
"""How many of the lines :data:`FIRST` have to come before."""

FIRST = ("LOGIN alice", "JOIN lobby")

ANSWERS = {
    "HISTORY": ("history-response", "entry-response"),
    "WHO": ("who-response",),
    "ROOMS": ("rooms-response",),
    "HELP": ("help-response",),
}
"""The schemas of the answers that are not a plain ``result-response``, in their order."""


def lines_page(sources: Sources) -> Page:
    """The page."""
    refusing = refusing_of(sources)
    sections = [_command(sources, refusing, command) for command in COMMANDS]
    sections.append(_section(sources, refusing, MESSAGE_TITLE, (Paragraph(MESSAGE_SAYS),), MESSAGE))
    names = messages_of(sources.schemas, "lines")
    return Page(
        "lines",
        "The lines protocol",
        (Paragraph(prose(LEAD)),),
        (
            Section("Commands", (Paragraph(prose(_WORDS)),), tuple(sections)),
            *grouped(sources, "lines", "Answers", [name for name in names if kind_of(name) == "response"]),
            *grouped(sources, "lines", UNASKED, [name for name in names if kind_of(name) == "push"]),
            any_request(refusing, ERRORS, "These can come to any line, whatever it asks."),
        ),
        by_hand="protocols/lines.md",
    )


_WORDS = "A command is written in capitals, as it stands here; where it takes nothing, nothing may follow it."


def refusing_of(sources: Sources) -> Refusing:
    """What writes the refusals of this protocol."""
    return Refusing(sources.schema_sets["lines"], _refused)


def _refused(error: HubError, _request: Any) -> str:
    return compact(error_response(error))


def _command(sources: Sources, refusing: Refusing, command: Command) -> Section:
    says: list[Text] = [command.help]
    if len(command.words) > 1:
        others = joined([(Code(words),) for words in command.words[1:]], ", ")
        says.append(("It may be written ", *others, ", too."))
    if not command.needs_login:
        says.append("It needs no nickname.")
    return _section(
        sources, refusing, command.usage, (Paragraph(joined(says, " ")),), command.words[0], is_code=True
    )


def _section(
    sources: Sources,
    refusing: Refusing,
    title: str,
    about: tuple[Paragraph, ...],
    name: str,
    *,
    is_code: bool = False,
) -> Section:
    line = EXAMPLES[name]
    answers = joined(
        [_answer(sources, answer) for answer in ANSWERS.get(name, ("result-response",))], ", then "
    )
    return Section(
        title,
        (
            *about,
            Paragraph(("Answered by ", *answers, ".")),
            Example(line, "text"),
            Example(command_line(name), "sh"),
            wrong(refusing, ERRORS, name, line),
        ),
        is_code=is_code,
    )


def command_line(name: str) -> str:
    """What to type in a terminal to see the command *name* at work."""
    lines = [*FIRST[: BEFORE.get(name, 0)], EXAMPLES[name]]
    said = "".join(line + r"\n" for line in lines)
    return f"printf '{said}' | nc localhost {LINES_PORT}"


def _answer(sources: Sources, name: str) -> Text:
    title = sources.schemas[f"lines/{name}"]["title"]
    return (Link(title, "page", "", slug(title)),)
