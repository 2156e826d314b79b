"""A frame that came in: its text, and what can be read from it.

Whether it is what it should be is the matter of :mod:`chateau.client.interactive.contract`.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chateau.client import strict_json
from chateau.client.transcript import Entry, Opcode


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it came, at its time; ``flaw`` says why there is no ``value``, where there is none."""

    text: str
    value: Any
    flaw: str | None
    at: datetime

    @property
    def is_push(self) -> bool:
        """Whether it came unasked. A push always has a sender or an event, an answer never does."""
        return "sender" in self.fields or "event" in self.fields

    @property
    def is_refusal(self) -> bool:
        return not self.is_push and self.fields.get("status") == 400

    @property
    def fields(self) -> dict[str, Any]:
        return self.value if isinstance(self.value, dict) else {}


def decode(entry: Entry) -> Frame:
    """The frame that *entry* is; never fails, since the worst frames are the ones to show."""
    at = datetime.fromtimestamp(entry.at, UTC).astimezone()
    text = entry.payload.decode("utf-8", "backslashreplace")
    if entry.opcode is Opcode.BINARY:
        return Frame(text, None, "a binary frame", at)
    try:
        return Frame(text, strict_json.decode(text), None, at)
    except json.JSONDecodeError as exc:
        return Frame(text, None, f"not JSON: {exc}", at)
