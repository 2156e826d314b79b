"""The pages of the protocols with JSON text frames over a WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chateau.protocols import chateau, functions, opcodes
from chateau.protocols.commands import BUILT_INS, OWNERS
from chateau.reference.asyncapi import DOORS
from chateau.reference.cases import chateau as chateau_cases
from chateau.reference.cases import functions as functions_cases
from chateau.reference.cases import opcodes as opcodes_cases
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
    from chateau.hub.errors import HubError
    from chateau.reference.cases.case import Requests

REQUESTS = "Requests and responses"
COMMANDS = "Commands"

READER = "reader-NNN"
"""The username of a page's own connection; three digits replace the letters."""

ANY_REQUEST_LEAD = (
    "A request with an error response has no effect, and the connection stays open. Any frame can cause "
    "these."
)

COMMANDS_LEAD = (
    "A command is a message that begins with the prefix (`--command-prefix`, default `!`) and a letter or a "
    "digit. The response goes to the caller only, as an op 0 with the server's name as author. Arguments "
    "with spaces go in quotation marks. Before the login, every command gets `not_registered`."
)


@dataclass(frozen=True, slots=True)
class ProtocolPage:
    """A protocol: its requests in the order of the page, its errors, and the first frame of its examples."""

    name: str
    lead: str
    requests: tuple[str, ...]
    cases: Requests
    refuse: Callable[[HubError, Any], Any]
    opening: str = ""


def _as_request(request: Any) -> dict[str, Any]:
    return request if isinstance(request, dict) else {}


PROTOCOL_PAGES = (
    ProtocolPage(
        "chateau",
        "JSON in text frames, each an object with an integer `type`. A request gets one answer, in the order "
        "of the requests, with the same `type` and, if it had one, the same `ref`; its `status` is 200, or "
        "400 where it was refused. What comes unasked has a `sender` or an `event`, an answer never has.",
        tuple(row.schema for row in chateau.REQUESTS.values()),
        chateau_cases.CASES,
        lambda error, request: chateau.refusal(error, _as_request(request)),
        compact({"type": 1, "username": READER}),
    ),
    ProtocolPage(
        "functions",
        "JSON in text frames, each a call of a `function`. A call gets one answer, in the order of the "
        "calls, with the call's `callback`, the empty string where there was none. What comes unasked has no "
        "`callback`. Keys that a call does not need are let pass.",
        tuple(row.schema for row in functions.FUNCTIONS.values()),
        functions_cases.CASES,
        lambda error, request: functions.refusal(error, _as_request(request)),
    ),
    ProtocolPage(
        "opcodes",
        'JSON in text frames, each `{"op": …, "d": {…}}`: `op` says what it is, `d` what it holds. The first '
        "op 1 is the login; those that follow are messages, or commands where they begin with the prefix. "
        "With `--opcodes-port` it is spoken at any path of that port, too.",
        tuple(row.schema for row in opcodes.REQUESTS.values()),
        opcodes_cases.CASES,
        lambda error, _: opcodes.refusal(error),
        compact(opcodes_cases.said(READER)),
    ),
)


def protocol_page(sources: Sources, protocol: ProtocolPage) -> Page:
    """Return the page of one protocol."""
    endpoints = [endpoint for endpoint in DOORS if endpoint.protocol == protocol.name]
    address = endpoints[0].address
    errors = error_encoder(sources, protocol)
    asked, other, pushes = paired(sources, protocol.name, protocol.requests)
    addresses = " and at ".join(f"`{endpoint.address}`" for endpoint in endpoints)
    sections = [
        Section(
            REQUESTS,
            sections=tuple(_message(sources, errors, protocol.name, name, address) for name in asked),
        ),
        *([_commands(errors, address)] if protocol.name == "opcodes" else []),
        *grouped(sources, protocol.name, OTHER_RESPONSES, other),
        *grouped(sources, protocol.name, PUSHES, pushes),
        errors.any_request(ANY_REQUEST_LEAD),
    ]
    return Page(
        protocol.name,
        endpoints[0].title,
        blocks(f"A WebSocket at {addresses}, after `--url-prefix` if one is set.", protocol.lead),
        tuple(sections),
        Socket(address, protocol.opening),
        guide=f"protocols/{protocol.name}.md",
    )


def error_encoder(sources: Sources, protocol: ProtocolPage) -> ErrorEncoder:
    """Return the encoder of the errors of one protocol."""
    return ErrorEncoder(
        sources.schema_sets[protocol.name],
        lambda error, request: compact(protocol.refuse(error, request)),
        protocol.cases,
    )


def _message(sources: Sources, errors: ErrorEncoder, protocol: str, name: str, address: str) -> Section:
    path = f"{protocol}/{name}"
    if name not in errors.catalogue:
        return message(sources, path)
    return message(sources, path, attributes=_frame_to(address), errors=errors)


def _frame_to(address: str) -> dict[str, str]:
    return {"how": "frame", "where": address}


def _commands(errors: ErrorEncoder, address: str) -> Section:
    """Return the section on the commands of the opcodes protocol."""
    return Section(COMMANDS, COMMANDS_LEAD, tuple(_command(errors, name, address) for name in BUILT_INS))


def _command(errors: ErrorEncoder, name: str, address: str) -> Section:
    command, frame = BUILT_INS[name], opcodes_cases.said(COMMAND_EXAMPLES[name])
    rows = errors.rows(opcodes_cases.COMMANDS[name], frame)
    body = blocks(
        command.help,
        "For admins: `!auth KEY` first." if name in OWNERS else "",
        example(compact(frame), attributes=_frame_to(address)),
        errors.listed(rows),
    )
    return Section(f"{opcodes_cases.PREFIX}{name} {command.usage}".rstrip(), body, is_code=True, errors=rows)


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
