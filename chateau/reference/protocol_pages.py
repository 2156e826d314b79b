"""The pages of the protocols over sockets: those with JSON text frames over a WebSocket, and the lines
protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.protocols import lines_commands, lines_errors, opcodes_errors
from chateau.protocols.opcodes_commands import ADMIN_COMMANDS, BUILT_INS
from chateau.reference.markdown import Page, Section, Socket, blocks, code, example, slug
from chateau.reference.messages import (
    OTHER_RESPONSES,
    PUSHES,
    ErrorEncoder,
    Sources,
    compact,
    grouped,
    message,
    with_responses,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chateau.protocols.spec import ProtocolSpec

REQUESTS = "Requests and responses"
COMMANDS = "Commands"

ANY_REQUEST_LEAD = (
    "A request with an error response has no effect, and the connection stays open. Any frame can cause "
    "these."
)

COMMANDS_LEAD = (
    "A command is a message that begins with the prefix (`--command-prefix`, default `!`) and a letter or a "
    "digit. The response goes to the caller only, as an op 0 with the server's name as author. Arguments "
    "with spaces go in quotation marks. Before the login, every command gets `not_registered`."
)


def protocol_page(sources: Sources, spec: ProtocolSpec) -> Page:
    """Return the page of one protocol."""
    addresses = [endpoint.address for endpoint in spec.endpoints if endpoint.is_path]
    errors = ErrorEncoder.of_protocol(sources, spec)
    asked = with_responses(sources, spec.name, spec.requests)
    other = [name for name in sources.messages(spec.name, "response") if name not in asked]
    attributes = {"how": "frame", "where": addresses[0]}
    listed = " and at ".join(f"`{address}`" for address in addresses)
    requests = tuple(_message(sources, errors, attributes, f"{spec.name}/{name}") for name in asked)
    sections = [
        Section(REQUESTS, sections=requests),
        *([_commands(errors, attributes)] if spec.page == "opcodes" else []),
        *grouped(sources, spec.name, OTHER_RESPONSES, other),
        *grouped(sources, spec.name, PUSHES, sources.messages(spec.name, "push")),
        errors.any_request(ANY_REQUEST_LEAD),
    ]
    return Page(
        spec.name,
        spec.title,
        blocks(f"A WebSocket at {listed}, after `--url-prefix` if one is set.", spec.lead),
        tuple(sections),
        Socket(addresses[0], spec.opening),
    )


def _message(sources: Sources, errors: ErrorEncoder, attributes: Mapping[str, str], path: str) -> Section:
    if path.rpartition("/")[2] not in errors.catalog:
        return message(sources, path)
    return message(sources, path, attributes=attributes, errors=errors)


def _commands(errors: ErrorEncoder, attributes: Mapping[str, str]) -> Section:
    """Return the section on the commands of the opcodes protocol."""
    return Section(COMMANDS, COMMANDS_LEAD, tuple(_command(errors, attributes, name) for name in BUILT_INS))


def _command(errors: ErrorEncoder, attributes: Mapping[str, str], name: str) -> Section:
    command, frame = BUILT_INS[name], opcodes_errors.said(COMMAND_EXAMPLES[name])
    rows = errors.rows(opcodes_errors.COMMANDS[name], frame)
    body = blocks(
        command.help,
        "For admins: `!auth KEY` first." if name in ADMIN_COMMANDS else "",
        example(compact(frame), attributes=attributes),
        errors.listed(rows),
    )
    return Section(f"{opcodes_errors.PREFIX}{name} {command.usage}".rstrip(), body, is_code=True, errors=rows)


COMMAND_EXAMPLES = {
    "help": "!help",
    "rooms": "!rooms",
    "users": "!users",
    "me": "!me",
    "join": "!join attic",
    "msg": "!msg bob hi, bob",
    "auth": "!auth swordfish",
    "lock": "!lock attic swordfish",
    "unlock": "!unlock attic",
    "close": "!close attic",
    "open": "!open attic",
    "delete": "!delete attic",
    "ban": "!ban bob attic",
    "unban": "!unban bob attic",
    "shutdown": "!shutdown Maintenance",
}


# The lines protocol, whose requests are lines of text from its own table of commands

LINES_PORT = 9090

ANY_LINE = "Any other line"
ANY_LINE_LEAD = (
    "A line that is not a command is a message to the room that the client is in. Every member receives it, "
    "the sender included, after the response."
)
LINE_COMMANDS_LEAD = (
    "Commands are written in capitals, as shown here. A command without arguments takes none."
)

LINE_EXAMPLES = {
    "LOGIN": "LOGIN alice",
    "JOIN": "JOIN lobby",
    "LEAVE": "LEAVE",
    "HISTORY": "HISTORY 2026-11-20T09:30:00Z 2026-11-20T11:00:00+01:00",
    "MESSAGE": "MESSAGE LEAVE is a command",
    "MSG": "MSG bob hi, bob",
    "WHO": "WHO",
    "ROOMS": "ROOMS",
    "HELP": "HELP",
    "QUIT": "QUIT",
    lines_errors.MESSAGE: "hello, all",
}
"""An example of each command, by its first word."""

BEFORE = {
    "JOIN": 1,
    "LEAVE": 2,
    "HISTORY": 2,
    "MESSAGE": 2,
    "MSG": 1,
    "WHO": 1,
    "ROOMS": 1,
    lines_errors.MESSAGE: 2,
}
"""How many of the lines :data:`FIRST` the example needs before it."""

FIRST = ("LOGIN alice", "JOIN lobby")

LINE_RESPONSES = {
    "HISTORY": ("history-response", "entry-response"),
    "WHO": ("who-response",),
    "ROOMS": ("rooms-response",),
    "HELP": ("help-response",),
}
"""The schemas of the responses of commands that do not respond with ``result-response`` alone, in order."""


def lines_page(sources: Sources, spec: ProtocolSpec) -> Page:
    """Return the page of the lines protocol."""
    errors = ErrorEncoder.of_protocol(sources, spec)
    commands = [_line_command(sources, errors, command) for command in lines_commands.COMMANDS]
    commands.append(_line_section(sources, errors, ANY_LINE, ANY_LINE_LEAD, lines_errors.MESSAGE))
    return Page(
        spec.name,
        spec.title,
        spec.lead,
        (
            Section(COMMANDS, LINE_COMMANDS_LEAD, tuple(commands)),
            *grouped(sources, "lines", "Responses", sources.messages("lines", "response")),
            *grouped(sources, "lines", PUSHES, sources.messages("lines", "push")),
            errors.any_request("Any line can cause these."),
        ),
    )


def _line_command(sources: Sources, errors: ErrorEncoder, command: lines_commands.Command) -> Section:
    about = [command.help]
    if len(command.words) > 1:
        about.append(f"Also written {', '.join(map(code, command.words[1:]))}.")
    if not command.needs_login:
        about.append("Needs no login.")
    return _line_section(sources, errors, command.usage, " ".join(about), command.words[0], is_code=True)


def _line_section(
    sources: Sources, errors: ErrorEncoder, title: str, about: str, name: str, *, is_code: bool = False
) -> Section:
    line = LINE_EXAMPLES[name]
    titles = [
        sources.schemas[f"lines/{each}"]["title"] for each in LINE_RESPONSES.get(name, ("result-response",))
    ]
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
    lines = [*FIRST[: BEFORE.get(name, 0)], LINE_EXAMPLES[name]]
    text = "".join(line + r"\n" for line in lines)
    return f"printf '{text}' | nc localhost {LINES_PORT}"
