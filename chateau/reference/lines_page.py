"""The page of the lines protocol, whose requests are lines of text from the protocol's own table of
commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.protocols.lines_commands import COMMANDS, Command
from chateau.protocols.lines_errors import MESSAGE
from chateau.reference.components import messages_of
from chateau.reference.markdown import Page, Section, blocks, code, example, slug
from chateau.reference.messages import PUSHES, ErrorEncoder, Sources, grouped, of_kind

if TYPE_CHECKING:
    from chateau.protocols.spec import ProtocolSpec

LINES_PORT = 9090


MESSAGE_TITLE = "Any other line"
MESSAGE_ABOUT = (
    "A line that is not a command is a message to the room that the client is in. Every member receives it, "
    "the sender included, after the response."
)
COMMANDS_ABOUT = "Commands are written in capitals, as shown here. A command without arguments takes none."

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
"""An example of each command, by its first word."""

BEFORE = {"JOIN": 1, "LEAVE": 2, "HISTORY": 2, "MSG": 1, "WHO": 1, "ROOMS": 1, MESSAGE: 2}
"""How many of the lines :data:`FIRST` the example needs before it."""

FIRST = ("LOGIN alice", "JOIN lobby")

RESPONSES = {
    "HISTORY": ("history-response", "entry-response"),
    "WHO": ("who-response",),
    "ROOMS": ("rooms-response",),
    "HELP": ("help-response",),
}
"""The schemas of the responses of commands that do not respond with ``result-response`` alone, in order."""


def lines_page(sources: Sources, spec: ProtocolSpec) -> Page:
    """Return the page."""
    errors = ErrorEncoder.of_protocol(sources, spec)
    commands = [_command(sources, errors, command) for command in COMMANDS]
    commands.append(_section(sources, errors, MESSAGE_TITLE, MESSAGE_ABOUT, MESSAGE))
    names = list(messages_of(sources.schemas, "lines"))
    return Page(
        spec.name,
        spec.title,
        spec.lead,
        (
            Section("Commands", COMMANDS_ABOUT, tuple(commands)),
            *grouped(sources, "lines", "Responses", of_kind(names, "response")),
            *grouped(sources, "lines", PUSHES, of_kind(names, "push")),
            errors.any_request("Any line can cause these."),
        ),
    )


def _command(sources: Sources, errors: ErrorEncoder, command: Command) -> Section:
    about = [command.help]
    if len(command.words) > 1:
        about.append(f"Also written {', '.join(map(code, command.words[1:]))}.")
    if not command.needs_login:
        about.append("Needs no login.")
    return _section(sources, errors, command.usage, " ".join(about), command.words[0], is_code=True)


def _section(
    sources: Sources, errors: ErrorEncoder, title: str, about: str, name: str, *, is_code: bool = False
) -> Section:
    line = EXAMPLES[name]
    titles = [sources.schemas[f"lines/{each}"]["title"] for each in RESPONSES.get(name, ("result-response",))]
    responses = ", then ".join(f"[{title}](page:#{slug(title)})" for title in titles)
    rows = errors.of_request(name, line)
    body = blocks(
        about,
        f"Response: {responses}.",
        example(line, "text"),
        example(command_line(name), "sh"),
        errors.listed(rows),
    )
    return Section(title, body, is_code=is_code, errors=rows)


def command_line(name: str) -> str:
    """Return the shell command that shows the command *name* at work."""
    lines = [*FIRST[: BEFORE.get(name, 0)], EXAMPLES[name]]
    text = "".join(line + r"\n" for line in lines)
    return f"printf '{text}' | nc localhost {LINES_PORT}"
