"""How a connection begins: what is spoken, told by the client's first bytes, and the WebSocket handshake.

Only bytes are looked at here; who reads and writes them is :mod:`chateau.client.proxy.connection`.
"""

import re
from dataclasses import dataclass

from chateau.client.proxy.frame import Speech

LONGEST_HEAD = 64 * 1024
HEAD_END = b"\r\n\r\n"

_REQUEST_LINE = re.compile(rb"[A-Z]{1,20} [^ \r\n]{1,16384} HTTP/1\.[01]\r?\n")
_REQUEST_LINE_SO_FAR = re.compile(
    rb"[A-Z]{1,20}(?: (?:[^ \r\n]{1,16384}(?: (?:H(?:T(?:T(?:P(?:/(?:1(?:\.(?:[01]\r?)?)?)?)?)?)?)?)?)?)?)?"
)
_EXTENSIONS = re.compile(
    rb"^sec-websocket-extensions[ \t]*:.*\r?\n(?:[ \t].*\r?\n)*", re.IGNORECASE | re.MULTILINE
)
_UPGRADE = re.compile(rb"^upgrade[ \t]*:[^\r\n]*\bwebsocket\b", re.IGNORECASE | re.MULTILINE)


def speech_of(first: bytes) -> Speech | None:
    """What a client speaks that begins with *first*; None where more has to come."""
    if first[:1] == b"\x16":  # a TLS record with a handshake; its version begins with 3
        return None if len(first) == 1 else Speech.BYTES if first[1] == 3 else Speech.LINES
    if _REQUEST_LINE.match(first):
        return Speech.HTTP
    return None if not first or _REQUEST_LINE_SO_FAR.fullmatch(first) else Speech.LINES


@dataclass(frozen=True, slots=True)
class Handshake:
    """A request to speak WebSocket: its head without the offer to compress, and its path."""

    head: bytes
    path: str


def handshake_in(head: bytes) -> Handshake | None:
    """The handshake that *head* is; None where it is another request.

    Extensions are taken out of it, so that frames stay readable.
    """
    if not _UPGRADE.search(head):
        return None
    path = head.split(b" ", 2)[1].decode("ascii", "backslashreplace")
    return Handshake(_EXTENSIONS.sub(b"", head), path)


def is_switching(head: bytes) -> bool:
    """Whether the head of an answer says 101."""
    return re.match(rb"HTTP/1\.1 101\b", head) is not None


def refusal(sentence: str) -> bytes:
    """The answer to a request whose server is not there."""
    body = f"{sentence}\n".encode()
    head = (
        "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
