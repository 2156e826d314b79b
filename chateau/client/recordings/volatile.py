"""What changes from run to run: ids, times, sequence numbers, ports. A scenario must not ask for the same.

A value that a client sent before is none of these, however it looks: it comes back as it was sent. One that a
client sends later was learnt from the server, and so is captured where it first came.
"""

import re
from collections.abc import Iterator
from typing import Any

ID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"  # a ULID
TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?"
SEQ = r'"seq": ?\d+'  # in JSON inside a text
_VOLATILE = re.compile(rf"(?P<id>\b{ID}\b)|(?P<time>\b{TIME})|(?P<seq>{SEQ})")
_PATTERNS = {"id": ID, "time": TIME, "seq": SEQ}
_SESSION_NAME = re.compile(r"#\d+")

COUNTS = frozenset({"seq", "port", "users"})  # keys of numbers that depend on what else the server did
SINCE = frozenset({"since", "seq"})  # keys of requests that name a sequence number
PEER = {"id", "ip", "port", "custom"}  # a client, as the functions protocol shows it

A_STRING = {"$type": "string"}
AN_INTEGER = {"$type": "integer"}
AN_OBJECT = {"$type": "object"}

Token = tuple[str, str]  # what it is, and its text


def tokens(value: Any, key: str = "") -> Iterator[Token]:
    """The volatile values in *value*, a frame that came in or one that goes out."""
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
            yield from ((found.lastgroup or "", found[0]) for found in _VOLATILE.finditer(value))


class Captures:
    """Which volatile values are captured, and under which names."""

    def __init__(self, frames: list[tuple[bool, Any]]) -> None:
        """*frames* are the values of a recording, in order; with each, whether it was sent."""
        self._own: set[Token] = set()  # what a client sent first
        self._shared: set[Token] = set()  # what came, and came or went again
        self._names: dict[Token, str] = {}
        self._just_captured: set[Token] = set()  # in the frame at hand
        came: set[Token] = set()
        for was_sent, value in frames:
            found = set(tokens(value))
            self._shared |= {token for token in found & came if was_sent or token[0] == "id"}
            if was_sent:
                self._own |= found - came
            else:
                came |= found - self._own

    def begin_frame(self) -> None:
        """What is captured in a frame has a value from the next one on."""
        self._just_captured.clear()

    def is_own(self, token: Token) -> bool:
        return token in self._own

    def reference(self, token: Token) -> str | None:
        """``${…}`` for what was captured in an earlier frame."""
        if token not in self._names or token in self._just_captured:
            return None
        return f"${{{self._names[token]}}}"

    def capture(self, token: Token) -> dict[str, str] | None:
        """The operator that captures *token*, if it is wanted later."""
        if token not in self._shared or token in self._names:
            return None
        self._just_captured.add(token)
        taken = sum(kind == token[0] for kind, _ in self._names)
        self._names[token] = token[0] if not taken else f"{token[0]}_{taken + 1}"
        return {"$capture": self._names[token]}


def escaped(text: str) -> str:
    """*text* as a scenario has it, where ``${`` begins a variable."""
    return text.replace("${", "$${")


def sendable(value: Any, captures: Captures, key: str = "") -> Any:
    """*value*, which was sent, with what was captured before in its place."""
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
            return _with_references(value, captures)
    return value


def names_sessions(value: Any) -> bool:
    """Whether *value*, which is to be sent, has ids of sessions that were not captured."""
    ids = value.get("recipient_ids") if isinstance(value, dict) else None
    return isinstance(ids, list) and any(str(one).isdigit() for one in ids)


def expectable(value: Any, captures: Captures, key: str = "") -> Any:
    """What to expect in place of *value*, which was received."""
    match value:
        case dict() if value.keys() >= PEER:
            return {**_expectable_items(value, captures), **_peer(value, captures)}
        case dict() if value and all(map(_is_peer_of, value.items())):
            return AN_OBJECT  # sessions, by their ids
        case dict():
            return _expectable_items(value, captures)
        case list():
            return [expectable(item, captures, key) for item in value]
        case bool() | None:
            return value
        case int() if key in COUNTS:
            return _volatile(("seq", str(value)), captures, AN_INTEGER) if key == "seq" else AN_INTEGER
        case str():
            return expectable_text(value, captures)
    return value


def _expectable_items(value: dict[str, Any], captures: Captures) -> dict[str, Any]:
    items = {escaped(name): expectable(item, captures, name) for name, item in value.items()}
    return {**items, "host": A_STRING} if "command_prefix" in value and "host" in value else items


def _is_peer_of(item: tuple[str, Any]) -> bool:
    """Whether *item* is a client under its id."""
    match item:
        case str(name), {"id": str(identity), "ip": _, "port": _, "custom": _}:
            return name == identity
    return False


def _peer(value: dict[str, Any], captures: Captures) -> dict[str, Any]:
    return {
        "id": _volatile(("session", str(value["id"])), captures, A_STRING),
        "ip": A_STRING,
        "port": AN_INTEGER,
    }


def expectable_text(text: str, captures: Captures) -> Any:
    """The same for a text."""
    found = [
        match for match in _VOLATILE.finditer(text) if not captures.is_own((match.lastgroup or "", match[0]))
    ]
    if not found:
        return {"$regex": "^#[0-9]+$"} if _SESSION_NAME.fullmatch(text) else escaped(text)
    if found[0][0] == text:
        return _volatile((found[0].lastgroup or "", text), captures, A_STRING)
    pattern, end = "", 0
    for match in found:
        pattern += _escaped_pattern(text[end : match.start()]) + _PATTERNS[match.lastgroup or ""]
        end = match.end()
    return {"$regex": f"^{pattern}{_escaped_pattern(text[end:])}$"}


def _escaped_pattern(text: str) -> str:
    """As :func:`re.escape`, but leaving alone what people would."""
    return escaped(re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", text))


def _volatile(token: Token, captures: Captures, operator: dict[str, str]) -> Any:
    if captures.is_own(token):
        return int(token[1]) if operator is AN_INTEGER else token[1]
    return captures.reference(token) or captures.capture(token) or operator


def _with_references(text: str, captures: Captures) -> str:
    parts, end = [], 0
    for match in _VOLATILE.finditer(text):
        if reference := captures.reference((match.lastgroup or "", match[0])):
            parts += [escaped(text[end : match.start()]), reference]
            end = match.end()
    return "".join([*parts, escaped(text[end:])])
