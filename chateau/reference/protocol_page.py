"""The pages of the protocols with JSON text frames over a WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.protocols import opcodes_errors
from chateau.protocols.opcodes_commands import ADMIN_COMMANDS, BUILT_INS
from chateau.reference.markdown import Page, Section, Socket, blocks, example
from chateau.reference.messages import (
    OTHER_RESPONSES,
    PUSHES,
    ErrorEncoder,
    Sources,
    compact,
    grouped,
    message,
    paired,
)

if TYPE_CHECKING:
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
    asked, other, pushes = paired(sources, spec.name, spec.requests)
    listed = " and at ".join(f"`{address}`" for address in addresses)
    requests = tuple(_message(sources, errors, spec.name, name, addresses[0]) for name in asked)
    sections = [
        Section(REQUESTS, sections=requests),
        *([_commands(errors, addresses[0])] if spec.page == "opcodes" else []),
        *grouped(sources, spec.name, OTHER_RESPONSES, other),
        *grouped(sources, spec.name, PUSHES, pushes),
        errors.any_request(ANY_REQUEST_LEAD),
    ]
    return Page(
        spec.name,
        spec.title,
        blocks(f"A WebSocket at {listed}, after `--url-prefix` if one is set.", spec.lead),
        tuple(sections),
        Socket(addresses[0], spec.opening),
    )


def _message(sources: Sources, errors: ErrorEncoder, protocol: str, name: str, address: str) -> Section:
    path = f"{protocol}/{name}"
    if name not in errors.catalog:
        return message(sources, path)
    return message(sources, path, attributes=_frame_to(address), errors=errors)


def _frame_to(address: str) -> dict[str, str]:
    return {"how": "frame", "where": address}


def _commands(errors: ErrorEncoder, address: str) -> Section:
    """Return the section on the commands of the opcodes protocol."""
    return Section(COMMANDS, COMMANDS_LEAD, tuple(_command(errors, name, address) for name in BUILT_INS))


def _command(errors: ErrorEncoder, name: str, address: str) -> Section:
    command, frame = BUILT_INS[name], opcodes_errors.said(COMMAND_EXAMPLES[name])
    rows = errors.rows(opcodes_errors.COMMANDS[name], frame)
    body = blocks(
        command.help,
        "For admins: `!auth KEY` first." if name in ADMIN_COMMANDS else "",
        example(compact(frame), attributes=_frame_to(address)),
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
