"""What the frames of a recording say, for the steps that send and expect them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from chateau.client import strict_json
from chateau.client.transcript import Direction, Entry, Opcode
from chateau.client.transports import event_fields

TEXTS = frozenset({Opcode.TEXT, Opcode.LINE})


def values_of(entries: Sequence[Entry]) -> Iterator[tuple[bool, Any]]:
    """What went over the wires, and whether it was sent: what the captures are found in."""
    for entry in entries:
        was_sent = entry.direction is Direction.SENT
        if entry.opcode in TEXTS:
            yield was_sent, value_of(entry)
        elif entry.opcode is Opcode.EVENT:
            yield was_sent, event_fields(entry.payload)
        elif entry.opcode in {Opcode.REQUEST, Opcode.RESPONSE}:
            head, _, body = entry.payload.partition(b"\r\n\r\n")
            if was_sent:
                yield was_sent, head.decode("latin-1")
            yield was_sent, json_or_text(body)


def value_of(entry: Entry) -> Any:
    """What a frame of text says: JSON where it is an object or an array, and a line only where it came in."""
    text = entry.payload.decode("utf-8", "replace")
    if entry.opcode is Opcode.LINE and entry.direction is Direction.SENT:
        return text
    value = json_of(text)
    return value if isinstance(value, dict | list) else text


def json_or_text(body: bytes) -> Any:
    text = body.decode("utf-8", "replace")
    value = json_of(text)
    return text if value is None else value


def json_of(text: str) -> Any:
    """The value of *text*; None where it is not JSON, or would not be the same when it is written again."""
    try:
        value = strict_json.decode(text)
        json.loads(text, object_pairs_hook=_once)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value


def is_special(value: Any) -> bool:
    """Whether *value* has a key that a scenario reads as an operator or a comment."""
    match value:
        case dict():
            return any(key.startswith(("$", "//")) or is_special(item) for key, item in value.items())
        case list():
            return any(map(is_special, value))
    return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)
