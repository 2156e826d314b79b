"""Check that every error response has a code that the reference lists for its request.

The harness of each protocol passes every request and the error that it caused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from chateau.hub.errors import HubError
from chateau.protocols import channels_errors as channels
from chateau.protocols import chateau_errors as chateau
from chateau.protocols import functions_errors as functions
from chateau.protocols import lines
from chateau.protocols import lines_errors as lines_cases
from chateau.protocols import opcodes_errors as opcodes
from chateau.protocols.chateau import REQUESTS, type_of
from chateau.protocols.error_catalog import ANY, ErrorCases, ErrorCatalog
from chateau.protocols.lines_commands import command_in
from chateau.protocols.lines_frames import LinesError
from chateau.protocols.opcodes import REQUESTS as OPS
from chateau.protocols.schemas import SchemaSet

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
OF_ANY_COMMAND = frozenset(("not_registered", "too_large"))

Errors = Mapping[str, list[HubError]]


@cache
def errors_of(protocol: str) -> Errors:
    """Return the errors that the reference lists per request of *protocol*; commands start with ``!``."""
    schemas = SchemaSet(SCHEMAS / protocol, url=f"/schemas/{protocol}")
    tables: dict[str, ErrorCatalog] = {
        "chateau": chateau.ERRORS,
        "functions": functions.ERRORS,
        "lines": lines_cases.ERRORS,
        "opcodes": opcodes.ERRORS | {f"!{name}": cases for name, cases in opcodes.COMMANDS.items()},
        "channels": channels.ERRORS,
    }

    def errors(name: str, cases: ErrorCases) -> list[HubError]:
        example = schemas.schemas.get(name, {}).get("examples", [None])[0]
        return [case.make_error(example if case.sent is None else case.sent, schemas) for case in cases]

    return {name: errors(name, cases) for name, cases in tables[protocol].items()}


def check_code(protocol: str, name: str, code: str) -> None:
    """Check that *code* is listed for the request *name*, which is empty for an unknown one."""
    table = errors_of(protocol)
    codes = {error.code for error in (*table[name], *table[ANY])}
    if name.startswith("!"):
        codes |= OF_ANY_COMMAND
    assert code in codes, f"{protocol}: the reference does not say that {name or 'anything'!r} is {code}"


def read(text: str) -> dict[str, Any]:
    """Return the JSON object in *text*, or an empty one."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def check_chateau(text: str, frame: Mapping[str, Any]) -> None:
    """Check that *frame*, a response to *text*, is listed in the reference if it is an error."""
    if frame.get("status") == 400:
        row = REQUESTS.get(type_of(read(text)) or 0)
        check_code("chateau", row.schema if row else ANY, frame["code"])


def check_functions(text: str, frame: Mapping[str, Any]) -> None:
    """Do the same as :func:`check_chateau` for the functions protocol."""
    if "error" in frame:
        name = f"{read(text).get('function')}-request"
        check_code("functions", name if name in functions.ERRORS else ANY, frame["code"])


def check_opcodes(text: str, frame: Mapping[str, Any], commands: Any) -> None:
    """Do the same for the opcodes protocol; errors of plugin commands are not listed and not checked."""
    if frame["op"] != 5:
        return
    request = read(text)
    op = request.get("op")
    row = OPS.get(op) if isinstance(op, int | float) else None
    name = row.schema if row else ANY
    data = request.get("d")
    content = data.get("content") if isinstance(data, dict) else None
    if name == "message-request" and isinstance(content, str) and commands.covers(content):
        command = content[len(commands.prefix) :].split()[0].lower()
        if command in commands.plugins:
            return
        name = f"!{command}" if command in opcodes.COMMANDS else name
    check_code("opcodes", name, frame["d"]["code"])


@contextmanager
def checked_lines(line: str | bytes) -> Iterator[None]:
    """Check that the error that *line* raises is listed. Lines have no codes, so compare the error texts."""
    refused: list[HubError] = []
    write = lines.error_response

    def noted(error: HubError) -> dict[str, Any]:
        refused.append(error)
        return write(error)

    lines.error_response = noted  # `patch.object` would take longer than the server
    try:
        yield
    finally:
        lines.error_response = write
    found = command_in(line) if isinstance(line, str) else None
    name = found[0].words[0] if found else lines_cases.MESSAGE
    for error in refused:
        check_code("lines", name, error.code)
        if isinstance(error, LinesError):
            own = {start_of(each) for each in (*errors_of("lines")[name], *errors_of("lines")[ANY])}
            assert start_of(error) in own, f"the reference does not say that {name} is refused: {error}"


def start_of(error: HubError) -> str:
    """Return the start of *error* that does not depend on the request."""
    return " ".join(str(error).split()[:2])


@contextmanager
def checked_publish(name: str) -> Iterator[None]:
    """Check that the error that the request *name* raises is listed."""
    try:
        yield
    except HubError as error:
        check_code("channels", name, error.code)
        raise
