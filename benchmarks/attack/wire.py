"""Bytes that clients send: WebSocket handshakes and frames, requests."""

from __future__ import annotations

import json
from struct import pack
from typing import Any

TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9


def handshake(path: str, *, host: str = "127.0.0.1", headers: str = "") -> bytes:
    """Return the request that opens a WebSocket at *path*."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyBvaw==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    ).encode()


def frame(payload: bytes, opcode: int = TEXT, *, final: bool = True, declared: int | None = None) -> bytes:
    """Return a frame with the mask 0, which leaves *payload* as it is; *declared* is a false length."""
    size = len(payload) if declared is None else declared
    first = opcode | (0x80 if final else 0)
    if size < 126:
        head = pack("!BB", first, 0x80 | size)
    elif size < 65_536:
        head = pack("!BBH", first, 0x80 | 126, size)
    else:
        head = pack("!BBQ", first, 0x80 | 127, size)
    return head + bytes(4) + payload


def json_frame(value: Any) -> bytes:
    """Return *value* as JSON in a text frame."""
    return frame(json.dumps(value, ensure_ascii=False).encode())


def post(path: str, body: bytes, headers: str = "", *, declared: int | None = None) -> bytes:
    """Return a POST of *body* to *path*."""
    size = len(body) if declared is None else declared
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body
    )
