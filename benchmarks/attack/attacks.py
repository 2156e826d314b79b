"""The attacks: what hostile clients send. The letters and numbers are those of SECURITY.md.

An attack has an opening, which a client sends once, and messages, which it sends again and again, each with a
number of its own, as fast as the server reads them or at a rate.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from wire import PING, frame, handshake, json_frame, post

WIDE = "\ufdfa"
"""One character that compatibility normalization turns into 18."""

ROOM = "history"
"""A room with 10,000 messages of 1 kB."""

Message = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Attack:
    """What one hostile client does."""

    id: str
    title: str
    message: Message
    opening: Callable[[str], bytes] = lambda _name: b""
    """Bytes for the client of that name: its handshake, its registration."""
    port: str = "http"
    rate: float = 0
    """Messages per second; 0 is as many as the server reads."""
    reads: bool = True
    is_one_shot: bool = False
    """Whether a connection sends one message only, and is then held open while new ones are opened."""


def always(message: bytes) -> Message:
    """Return the function that returns *message* for any number."""
    return lambda _number: message


def chateau(name: str, *rooms: str) -> bytes:
    """Open a WebSocket of the chateau protocol, register, join."""
    joins = b"".join(json_frame({"type": 5, "room": room}) for room in rooms)
    return handshake("/ws") + json_frame({"type": 1, "username": name}) + joins


def opcodes(name: str) -> bytes:
    """Open a WebSocket of the opcodes protocol, and log in."""
    return handshake("/opcodes") + json_frame({"op": 1, "d": {"content": name}})


def functions(_name: str) -> bytes:
    """Open a WebSocket of the functions protocol."""
    return handshake("/functions")


def lines(name: str, room: str = ROOM) -> bytes:
    """Log in, and join a room."""
    return f"LOGIN {name}\r\nJOIN {room}\r\n".encode()


def in_history(name: str) -> bytes:
    """Register, and join the room with the long history."""
    return chateau(name, ROOM)


def listening(_name: str) -> bytes:
    """Open a WebSocket without a session's username."""
    return handshake("/ws")


def wide_names(count: int) -> list[str]:
    """Return valid names that are expensive to normalize."""
    return [WIDE * 26 + f"{number:06d}" for number in range(count)]


def json_post(path: str, value: object, headers: str = "") -> bytes:
    """Return a POST of *value* as JSON."""
    return post(path, json.dumps(value, ensure_ascii=False).encode(), headers)


def direct(clients: list[object]) -> bytes:
    """Return a direct message to *clients*."""
    return json_frame({"type": 3, "clients": clients, "content": "x"})


def _keyed(number: int) -> bytes:
    return post("/channel/c/", b"x" * 1_000_000, f"Idempotency-Key: {number}\r\n")


def _rooms(number: int) -> bytes:
    return json_frame({"type": 5, "room": f"room {number}"})


def _in_and_out(number: int) -> bytes:
    return _rooms(number) + json_frame({"type": 6, "room": f"room {number}"})


def _custom(number: int) -> bytes:
    filled = {"function": "set_custom_variables", "custom_variables": {"x": "y" * 15_000, "n": number}}
    return json_frame(filled) + json_frame({"function": "retrieve_clients"})


def _guess(number: int) -> bytes:
    return json_frame({"type": 5, "room": "locked", "password": f"{number:04d}"})


def _key(number: int) -> bytes:
    return json_frame({"function": "ban_ip", "ip": "192.0.2.1", "secret_key": str(number)})


HISTORY = json_frame({"type": 8, "room": ROOM, "limit": 1000})
JSON_ITEMS = b"[" + b",".join([b'{"a":1}'] * 129_000) + b"]"

ATTACKS = (
    Attack(
        "R1",
        "a name of 990 kB",
        always(json_frame({"op": 1, "d": {"content": f"!msg {WIDE * 330_000} x"}})),
        opcodes,
    ),
    Attack("R2", "1,000 recipients with expensive names", always(direct([*wide_names(1_000)])), chateau),
    Attack("R4", "history of 1,000 messages", always(HISTORY), in_history, rate=200),
    Attack("R5", "HISTORY", always(b"HISTORY\r\n"), lines, port="lines", rate=200),
    Attack("R6", "rooms, with 8,000 of them", always(json_frame({"type": 9})), chateau, rate=200),
    Attack(
        "R6-cache", "the cache, with 8,000 rooms", always(json_frame({"op": 4, "d": {}})), opcodes, rate=200
    ),
    Attack("R6-lines", "ROOMS, with 8,000 of them", always(b"ROOMS\r\n"), lines, port="lines", rate=200),
    Attack("R7", "980 recipients, and a number", always(direct([*["mallory"] * 980, 7])), chateau),
    Attack("R8", "POSTs of 1 MB with keys", _keyed),
    Attack("R9", "joins of new rooms", _rooms, chateau),
    Attack("R10", "custom variables, and the list of clients", _custom, functions),
    Attack(
        "R11",
        "a broadcast to 95,000 empty channels",
        always(json_post("/broadcast/", {str(number): [] for number in range(95_000)})),
    ),
    Attack("R12-texts", "empty text frames", always(frame(b"") * 1_000), chateau),
    Attack("R12-pings", "pings", always(frame(b"", PING) * 1_000), chateau),
    Attack(
        "R12-parts",
        "empty fragments",
        always(frame(b"", 0, final=False) * 1_000),
        lambda _: handshake("/ws") + frame(b"", final=False),
    ),
    Attack("R12-lines", "empty lines", always(b"\r\n" * 4_000), lines, port="lines"),
    Attack("R13", "JSON of 1 MB", always(frame(JSON_ITEMS)), chateau),
    Attack("R14", "history that is not read", always(HISTORY), in_history, reads=False),
    Attack("R15", "connections without end", always(b""), listening, is_one_shot=True),
    Attack(
        "R16-body",
        "bodies that never come",
        always(post("/channel/c/", b"x" * 900_000, declared=1_000_000)),
        is_one_shot=True,
    ),
    Attack(
        "R16-frame",
        "frames that never end",
        always(frame(b"x" * 900_000, declared=1_000_000)),
        listening,
        is_one_shot=True,
    ),
    Attack(
        "R17",
        "headers of control characters",
        always(b"GET /ws HTTP/1.1\r\nHost: x\r\nX: " + b"\x01" * 4_000 + b"\r\n\r\n"),
        is_one_shot=True,
    ),
    Attack("R18", "rooms joined and left", _in_and_out, chateau),
    Attack(
        "R19",
        "a broadcast to 5,000 expensive names",
        always(json_post("/broadcast/", {name + WIDE * 27: [{"text": "x"}] for name in wide_names(5_000)})),
    ),
    Attack(
        "A1",
        "HTTP on the line port",
        always(post("/", b"LOGIN x\nJOIN lobby\nspam\n")),
        port="lines",
        is_one_shot=True,
    ),
    Attack("A2", "a foreign host", always(handshake("/ws", host="evil.example")), is_one_shot=True),
    Attack("A8-room", "guesses of a room's password", _guess, chateau),
    Attack("A8-key", "guesses of the secret key", _key, functions),
)
"""All attacks, in the order of SECURITY.md."""
