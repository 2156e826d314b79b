"""Dynamic values: ids, times, sequence numbers and ports, which differ from run to run.

A scenario must not expect the recorded ones. A value that a client sent first is not dynamic, whatever it
looks like: it comes back as it was sent. A value that a client sends later was received from the server
before, and so is captured where it was first received.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from chateau.client import strict_json
from chateau.client.transcript import Direction, Entry, Opcode
from chateau.client.transports.framing import event_fields

TEXTS = frozenset({Opcode.TEXT, Opcode.LINE})
ID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"  # a ULID
TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?"
SEQ = r'"seq": ?\d+'  # in JSON inside a text
_DYNAMIC = re.compile(rf"(?P<id>\b{ID}\b)|(?P<time>\b{TIME})|(?P<seq>{SEQ})")
_PATTERNS = {"id": ID, "time": TIME, "seq": SEQ}
_SESSION_NAME = re.compile(r"#\d+")

COUNTS = frozenset({"seq", "port", "users"})  # keys of numbers that depend on the state of the server
SINCE = frozenset({"since", "seq"})  # keys of requests that name a sequence number
PEER = {"id", "ip", "port", "custom"}  # a client, as the functions protocol shows it

A_STRING = {"$type": "string"}
AN_INTEGER = {"$type": "integer"}
AN_OBJECT = {"$type": "object"}

Token = tuple[str, str]  # its kind, and its text


def tokens(value: Any, key: str = "") -> Iterator[Token]:
    """Yield the dynamic values in *value*, a frame that was received or is sent."""
    match value:
        case dict():
            if value.keys() >= PEER:
                yield "session", str(value["id"])
            for name, item in value.items():
                yield from tokens(item, name)
        case list():
            for item in value:
                yield from tokens(item, key)
        case str() | int() if key == "recipient_ids":
            yield "session", str(value)
        case int() if key in SINCE:
            yield "seq", str(value)
        case str():
            yield from map(_token, _DYNAMIC.finditer(value))


def _token(found: re.Match[str]) -> Token:
    return found.lastgroup or "", found[0]


class Captures:
    """The dynamic values that are captured, and their names."""

    def __init__(self, frames: list[tuple[bool, Any]]) -> None:
        """Find them in *frames*, the values of a recording in order, each with whether it was sent."""
        self._own: set[Token] = set()  # sent by a client first
        self._shared: set[Token] = set()  # received, and later received again or sent
        self._names: dict[Token, str] = {}
        self._just_captured: set[Token] = set()  # in the current frame
        came: set[Token] = set()
        for was_sent, value in frames:
            found = set(tokens(value))
            self._shared |= {token for token in found & came if was_sent or token[0] == "id"}
            if was_sent:
                self._own |= found - came
            else:
                came |= found - self._own

    def begin_frame(self) -> None:
        """Start a frame: a capture in a frame has a value from the next one on."""
        self._just_captured.clear()

    def is_own(self, token: Token) -> bool:
        return token in self._own

    def reference(self, token: Token) -> str | None:
        """Return ``${…}`` if *token* was captured in an earlier frame."""
        if token not in self._names or token in self._just_captured:
            return None
        return f"${{{self._names[token]}}}"

    def capture(self, token: Token) -> dict[str, str] | None:
        """Return the operator that captures *token*, if it is used later."""
        if token not in self._shared or token in self._names:
            return None
        self._just_captured.add(token)
        taken = sum(kind == token[0] for kind, _ in self._names)
        self._names[token] = token[0] if not taken else f"{token[0]}_{taken + 1}"
        return {"$capture": self._names[token]}


def escaped(text: str) -> str:
    """Escape *text* for a scenario, where ``${`` begins a variable."""
    return text.replace("${", "$${")


def sendable(value: Any, captures: Captures, key: str = "") -> Any:
    """Return *value*, which was sent, with references to captured values."""
    match value:
        case dict():
            return {escaped(name): sendable(item, captures, name) for name, item in value.items()}
        case list():
            return [sendable(item, captures, key) for item in value]
        case bool() | None:
            return value
        case str() | int() if key == "recipient_ids":
            return captures.reference(("session", str(value))) or value
        case int() if key in SINCE:
            return captures.reference(("seq", str(value))) or value
        case str():
            return _DYNAMIC.sub(lambda found: captures.reference(_token(found)) or found[0], escaped(value))
    return value


def names_sessions(value: Any) -> bool:
    """Return whether *value*, which is sent, has ids of sessions that were not captured."""
    ids = value.get("recipient_ids") if isinstance(value, dict) else None
    return isinstance(ids, list) and any(str(one).isdigit() for one in ids)


def expectable(value: Any, captures: Captures, key: str = "") -> Any:
    """Return the expectation for *value*, which was received."""
    match value:
        case dict() if value.keys() >= PEER:
            return {**_expectable_items(value, captures), **_peer(value, captures)}
        case dict() if value and all(map(_is_peer_of, value.items())):
            return AN_OBJECT  # sessions, by their ids
        case dict():
            return _expectable_items(value, captures)
        case list():
            return [expectable(item, captures, key) for item in value]
        case int() if key in COUNTS and not isinstance(value, bool):
            return _dynamic(("seq", str(value)), captures, AN_INTEGER) if key == "seq" else AN_INTEGER
        case str():
            return expectable_text(value, captures)
    return value


def _expectable_items(value: dict[str, Any], captures: Captures) -> dict[str, Any]:
    items = {escaped(name): expectable(item, captures, name) for name, item in value.items()}
    return {**items, "host": A_STRING} if "command_prefix" in value and "host" in value else items


def _is_peer_of(item: tuple[str, Any]) -> bool:
    """Return whether *item* is a client under its id."""
    match item:
        case str(name), {"id": str(identity), "ip": _, "port": _, "custom": _}:
            return name == identity
    return False


def _peer(value: dict[str, Any], captures: Captures) -> dict[str, Any]:
    identity = _dynamic(("session", str(value["id"])), captures, A_STRING)
    return {"id": identity, "ip": A_STRING, "port": AN_INTEGER}


def expectable_text(text: str, captures: Captures) -> Any:
    """Return the expectation for a text."""
    found = [match for match in _DYNAMIC.finditer(text) if not captures.is_own(_token(match))]
    if not found:
        return {"$regex": "^#[0-9]+$"} if _SESSION_NAME.fullmatch(text) else escaped(text)
    if found[0][0] == text:
        return _dynamic(_token(found[0]), captures, A_STRING)
    pattern, end = "", 0
    for match in found:
        pattern += _escaped_pattern(text[end : match.start()]) + _PATTERNS[match.lastgroup or ""]
        end = match.end()
    return {"$regex": f"^{pattern}{_escaped_pattern(text[end:])}$"}


def _escaped_pattern(text: str) -> str:
    """Escape *text* for a regular expression; unlike :func:`re.escape`, only where needed."""
    return escaped(re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", text))


def _dynamic(token: Token, captures: Captures, operator: dict[str, str]) -> Any:
    if captures.is_own(token):
        return int(token[1]) if operator is AN_INTEGER else token[1]
    return captures.reference(token) or captures.capture(token) or operator


# The values of entries


def values_of(entries: Sequence[Entry]) -> Iterator[tuple[bool, Any]]:
    """Yield whether an entry was sent, and its value, for :class:`Captures`."""
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
    """Return the value of a text frame: an object or an array, else a text; a sent line is a text."""
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
    """Return the value of *text*; None if it is not JSON, or would change when it is written again."""
    try:
        value = strict_json.decode(text)
        json.loads(text, object_pairs_hook=_unique)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value


def is_special(value: Any) -> bool:
    """Return whether *value* has a key that a scenario reads as an operator or a comment."""
    match value:
        case dict():
            return any(key.startswith(("$", "//")) or is_special(item) for key, item in value.items())
        case list():
            return any(map(is_special, value))
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a duplicate key")
    return dict(pairs)
