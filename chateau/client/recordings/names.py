"""The names that the clients of a recording took, in any of the protocols."""

import re
from collections.abc import Sequence
from typing import Any

from chateau.client import strict_json
from chateau.client.transcript import Direction, Entry, Opcode

_LOGIN = re.compile(r"LOGIN (\S+)")


def names_in(entries: Sequence[Entry]) -> list[str]:
    """Each once, in the order in which they were taken."""
    names: dict[str, None] = {}
    named: set[str] = set()  # clients that opcodes have named, by their first op 1
    for entry in entries:
        if entry.direction is Direction.SENT and entry.opcode in {Opcode.TEXT, Opcode.LINE}:
            name = _name(entry, is_first=entry.client not in named)
            if isinstance(name, str) and name:
                names[name] = None
                named.add(entry.client)
    return list(names)


def _name(entry: Entry, *, is_first: bool) -> Any:
    text = entry.payload.decode("utf-8", "replace")
    if entry.opcode is Opcode.LINE:
        found = _LOGIN.fullmatch(text)
        return found[1] if found else None
    try:
        value = strict_json.decode(text)
    except ValueError:
        return None
    match value:
        case {"type": 1, "username": name}:
            return name
        case {"op": 1, "d": {"content": name}} if is_first:
            return name
        case {"function": "set_custom_variables", "custom_variables": {"name": name}}:
            return name
    return None
