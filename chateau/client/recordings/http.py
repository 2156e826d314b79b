"""HTTP requests and responses of a recording: parsing them, sending them again, and as ``http`` steps."""

import base64
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chateau.client.recordings.dynamic_values import (
    Captures,
    expectable,
    is_special,
    json_of,
    json_or_text,
    sendable,
)
from chateau.client.transcript import Entry, Opcode, utf8
from chateau.client.transports.target import address_of

HEAD_END = b"\r\n\r\n"
OWN_HEADERS = frozenset({"host", "content-length", "connection", "transfer-encoding"})
"""Headers that the player of a scenario adds itself."""
JSON_TYPE, TEXT_TYPE = "application/json", "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """A request or a response; ``start`` is its first line, in three parts."""

    start: tuple[str, str, str]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


def parse_message(payload: bytes) -> HttpMessage:
    """Parse a request or a response. Raises :class:`ValueError`."""
    head, _, body = payload.partition(HEAD_END)
    text = utf8(head)
    first, *lines = (head.decode("latin-1") if text is None else text).split("\r\n")
    method, target, version, *_ = [*first.split(" ", 2), "", ""]
    if not target:
        raise ValueError(f"the recording has a request or a response that is not HTTP: {first[:60]!r}")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return HttpMessage((method, target, version), headers, body)


def request_target(payload: bytes) -> dict[str, Any]:
    """Return the target of a request, as an ``open`` entry has it. Raises :class:`ValueError`."""
    request = parse_message(payload)
    return {"protocol": "http", "url": f"http://{request.header('host') or 'localhost'}{request.start[1]}"}


def retarget(payload: bytes, url: str) -> bytes:
    """Return the request with the Host of *url*, otherwise unchanged."""
    head, end, body = payload.partition(HEAD_END)
    lines = [
        b"Host: " + address_of(url).authority.encode() if line.lower().startswith(b"host:") else line
        for line in head.split(b"\r\n")
    ]
    return b"\r\n".join(lines) + end + body


def pair_responses(entries: Sequence[Entry]) -> list[Entry]:
    """Return *entries* with each response directly behind its request, because a step waits for it."""
    responses: dict[str, deque[Entry]] = {}
    for entry in entries:
        if entry.opcode is Opcode.RESPONSE:
            responses.setdefault(entry.client, deque()).append(entry)
    ordered = []
    for entry in entries:
        if entry.opcode is not Opcode.RESPONSE:
            ordered.append(entry)
        if entry.opcode is Opcode.REQUEST and responses.get(entry.client):
            ordered.append(responses[entry.client].popleft())
    return ordered


def request_step(request: HttpMessage, captures: Captures) -> dict[str, Any]:
    """Return the keys of a step for a request."""
    method, target, _ = request.start
    body, own_type = _body(request, captures)
    headers = {
        name: sendable(value, captures)
        for name, value in request.headers
        if name.lower() not in OWN_HEADERS and (name.lower(), value.lower()) != ("content-type", own_type)
    }
    return {
        "http": f"{method} {sendable(target, captures)}",
        **({"headers": headers} if headers else {}),
        **({"body": body} if request.body else {}),
    }


def response_step(response: HttpMessage, captures: Captures) -> dict[str, Any]:
    """Return the keys of a step for a response."""
    status = {"status": int(response.start[1])}
    if not response.body:
        return status
    if utf8(response.body) is None:
        return {**status, "answer": response.body.hex()}
    value = json_or_text(response.body)
    return {**status, "answer": {"$any": True} if is_special(value) else expectable(value, captures)}


def _body(request: HttpMessage, captures: Captures) -> tuple[Any, str | None]:
    """Return the body for a step, and the content type that the player sends with it by default."""
    text = utf8(request.body)
    if text is None:
        return {"$base64": base64.b64encode(request.body).decode()}, None
    value = json_of(text) if "json" in (request.header("content-type") or "") else None
    if isinstance(value, dict | list) and not is_special(value):
        return sendable(value, captures), JSON_TYPE
    return sendable(text, captures), TEXT_TYPE
