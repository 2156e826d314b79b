"""HTTP requests and answers in a recording: reading them, and sending the former to another server."""

from dataclasses import dataclass
from typing import Any

from chateau.client.transports.target import address_of

HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer; ``start`` is its first line, in three parts."""

    start: tuple[str, str, str]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


def message(payload: bytes) -> Message:
    """The message that *payload* is. Raises :class:`ValueError`."""
    head, _, body = payload.partition(HEAD_END)
    first, *lines = _text(head).split("\r\n")
    words = [*first.split(" ", 2), "", ""]
    if not words[1]:
        raise ValueError(f"the recording has a request or an answer that is not HTTP: {first[:60]!r}")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return Message((words[0], words[1], words[2]), headers, body)


def requested(payload: bytes) -> dict[str, Any]:
    """What a request went to, as an opening has it. Raises :class:`ValueError`."""
    request = message(payload)
    return {"protocol": "http", "url": f"http://{request.header('host') or 'localhost'}{request.start[1]}"}


def retargeted(payload: bytes, url: str) -> bytes:
    """The same request, but to the server of *url*: only its Host is another."""
    head, end, body = payload.partition(HEAD_END)
    lines = [
        b"Host: " + address_of(url).authority.encode() if line.lower().startswith(b"host:") else line
        for line in head.split(b"\r\n")
    ]
    return b"\r\n".join(lines) + end + body


def _text(head: bytes) -> str:
    try:
        return head.decode()
    except UnicodeDecodeError:
        return head.decode("latin-1")
