"""The pages of the three protocols of JSON frames over a WebSocket: chateau, functions and opcodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chateau.protocols import chateau, functions, opcodes
from chateau.protocols import chateau_errors as chateau_cases
from chateau.protocols import functions_errors as functions_cases
from chateau.protocols import opcodes_errors as opcodes_cases
from chateau.protocols.opcodes_commands import ADMIN_COMMANDS, BUILT_INS
from chateau.reference.pages.messages import (
    OTHER_ANSWERS,
    UNASKED,
    Refusing,
    Sources,
    all_wrong,
    any_request,
    compact,
    grouped,
    message,
    paired,
    wrong,
)
from chateau.reference.pages.model import (
    Block,
    Errand,
    Example,
    Page,
    Paragraph,
    Section,
    Talk,
    Text,
    prose,
)
from chateau.reference.specifications.asyncapi import DOORS

if TYPE_CHECKING:
    from chateau.hub.errors import HubError
    from chateau.protocols.error_catalog import ErrorCatalog

REQUESTS_AND_ANSWERS = "Requests and their answers"
COMMANDS = "Commands"

READER = "reader-NNN"
"""The name that a page's own connection takes, with three digits in place of the letters."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One protocol: its requests in the order in which they are told, what can go wrong, what comes first."""

    name: str
    lead: str
    requests: tuple[str, ...]
    cases: ErrorCatalog
    refuse: Callable[[HubError, Any], Any]
    opening: str = ""


def _readable(request: Any) -> dict[str, Any]:
    return request if isinstance(request, dict) else {}


SPOKEN = (
    Spoken(
        "chateau",
        "JSON in text frames, each an object with an integer `type`. A request gets one answer, in the order "
        "of the requests, with the same `type` and, if it had one, the same `ref`; its `status` is 200, or "
        "400 where it was refused. What comes unasked has a `sender` or an `event`, an answer never has.",
        tuple(row.schema for row in chateau.REQUESTS.values()),
        chateau_cases.ERRORS,
        lambda error, request: chateau.error_response(error, _readable(request)),
        compact({"type": 1, "username": READER}),
    ),
    Spoken(
        "functions",
        "JSON in text frames, each a call of a `function`. A call gets one answer, in the order of the "
        "calls, with the call's `callback`, the empty string where there was none. What comes unasked has no "
        "`callback`. Keys that a call does not need are let pass.",
        tuple(row.schema for row in functions.FUNCTIONS.values()),
        functions_cases.ERRORS,
        lambda error, request: functions.error_response(error, _readable(request)),
    ),
    Spoken(
        "opcodes",
        'JSON in text frames, each `{"op": …, "d": {…}}`: `op` says what it is, `d` what it holds. The first '
        "op 1 is the login; those that follow are messages, or commands where they begin with the prefix. "
        "With `--opcodes-port` it is spoken at any path of that port, too.",
        tuple(row.schema for row in opcodes.REQUESTS.values()),
        opcodes_cases.ERRORS,
        lambda error, _: opcodes.error_response(error),
        compact(opcodes_cases.said(READER)),
    ),
)

BEFORE_REFUSALS = (
    "A refused request has done nothing, and the connection stays open. These can come to any frame, "
    "whatever it asks."
)


def spoken_page(sources: Sources, spoken: Spoken) -> Page:
    """The page of one protocol."""
    endpoint = next(endpoint for endpoint in DOORS if endpoint.protocol == spoken.name)
    refusing = refusing_of(sources, spoken)
    asked, other, unasked = paired(sources, spoken.name, spoken.requests)
    requests = [
        _message(sources, spoken, refusing, name, Errand("frame", endpoint.address)) for name in asked
    ]
    sections = [
        Section(REQUESTS_AND_ANSWERS, sections=tuple(requests)),
        *([commands(refusing, endpoint.address)] if spoken.name == "opcodes" else []),
        *grouped(sources, spoken.name, OTHER_ANSWERS, other),
        *grouped(sources, spoken.name, UNASKED, unasked),
        any_request(refusing, spoken.cases, BEFORE_REFUSALS),
    ]
    return Page(
        spoken.name,
        endpoint.title,
        (Paragraph(_addresses(spoken.name)), Paragraph(prose(spoken.lead))),
        tuple(sections),
        Talk(endpoint.address, spoken.opening),
        by_hand=f"protocols/{spoken.name}.md",
    )


def refusing_of(sources: Sources, spoken: Spoken) -> Refusing:
    """What writes the refusals of one protocol."""
    return Refusing(
        sources.schema_sets[spoken.name], lambda error, request: compact(spoken.refuse(error, request))
    )


def _message(sources: Sources, spoken: Spoken, refusing: Refusing, name: str, errand: Errand) -> Section:
    path = f"{spoken.name}/{name}"
    if name not in spoken.cases:
        return message(sources, path)
    example = sources.examples(path)[0]
    return message(sources, path, errand=errand, wrong=wrong(refusing, spoken.cases, name, example))


def _addresses(protocol: str) -> Text:
    """Where a protocol is spoken."""
    endpoints = [f"`{endpoint.address}`" for endpoint in DOORS if endpoint.protocol == protocol]
    return prose(f"A WebSocket at {' and at '.join(endpoints)}, behind `--url-prefix` where one is set.")


def commands(refusing: Refusing, address: str) -> Section:
    """What stands behind the prefix, and what each command does."""
    about = (
        "A command is a message that begins with the prefix (`--command-prefix`, `!` where nothing else is "
        "set) and a letter or a digit. Its answer comes to the caller alone, as an op 0 by the server's "
        "name. What has spaces in it goes in quotation marks. Any command before the login is refused with "
        "`not_registered`."
    )
    sections = tuple(_command(refusing, name, Errand("frame", address)) for name in BUILT_INS)
    return Section(COMMANDS, (Paragraph(prose(about)),), sections)


def _command(refusing: Refusing, name: str, errand: Errand) -> Section:
    row = BUILT_INS[name]
    content = EXAMPLES[name]
    example = opcodes_cases.said(content)
    blocks: list[Block] = [Paragraph(row.help)]
    if name in ADMIN_COMMANDS:
        blocks.append(Paragraph(prose("The owner's: it needs `!auth KEY` first.")))
    blocks.append(Example(compact(example), errand=errand))
    blocks.append(all_wrong(refusing, opcodes_cases.ERRORS, opcodes_cases.COMMANDS[name], example))
    return Section(f"{opcodes_cases.PREFIX}{name} {row.usage}".rstrip(), tuple(blocks), is_code=True)


EXAMPLES = {
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
"""One way to give each command."""
