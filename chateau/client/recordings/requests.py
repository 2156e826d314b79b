"""HTTP requests and answers of a recording, as ``http`` steps."""

import base64
from collections import deque
from collections.abc import Sequence
from typing import Any

from chateau.client.recordings.frames import is_special, json_of, json_or_text
from chateau.client.recordings.request import Message
from chateau.client.recordings.volatile import Captures, expectable, sendable
from chateau.client.transcript import Entry, Opcode

# What the player says by itself.
OWN_HEADERS = frozenset({"host", "content-length", "connection", "transfer-encoding"})
JSON_TYPE, TEXT_TYPE = "application/json", "text/plain; charset=utf-8"


def paired(entries: Sequence[Entry]) -> list[Entry]:
    """*entries*, with each answer right behind its request, for a step waits for it."""
    answers: dict[str, deque[Entry]] = {}
    for entry in entries:
        if entry.opcode is Opcode.RESPONSE:
            answers.setdefault(entry.client, deque()).append(entry)
    ordered = []
    for entry in entries:
        if entry.opcode is not Opcode.RESPONSE:
            ordered.append(entry)
        if entry.opcode is Opcode.REQUEST and answers.get(entry.client):
            ordered.append(answers[entry.client].popleft())
    return ordered


def asked(request: Message, captures: Captures) -> dict[str, Any]:
    """What a step says of a request."""
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


def answered(response: Message, captures: Captures) -> dict[str, Any]:
    """What a step says of an answer."""
    status = {"status": int(response.start[1])}
    if not response.body:
        return status
    try:
        response.body.decode()
    except UnicodeDecodeError:
        return {**status, "answer": response.body.hex()}
    value = json_or_text(response.body)
    return {**status, "answer": {"$any": True} if is_special(value) else expectable(value, captures)}


def _body(request: Message, captures: Captures) -> tuple[Any, str | None]:
    """The body as a step has it, and the type that the player gives it then."""
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        return {"$base64": base64.b64encode(request.body).decode()}, None
    value = json_of(text) if "json" in (request.header("content-type") or "") else None
    if isinstance(value, dict | list) and not is_special(value):
        return sendable(value, captures), JSON_TYPE
    return sendable(text, captures), TEXT_TYPE
