"""A recording as a scenario: it sends the frames that were sent and expects those that were received.

docs/scenarios.md describes the format. The result is a draft for a person to edit.
"""

import base64
import json
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from chateau.client import strict_json
from chateau.client.protocols import CHANNELS, LINES, PROTOCOLS, channel_at, protocol_at, protocol_named
from chateau.client.recordings.dynamic_values import (
    TEXTS,
    Captures,
    escaped,
    expectable,
    expectable_text,
    is_special,
    json_of,
    json_or_text,
    names_sessions,
    sendable,
    value_of,
    values_of,
)
from chateau.client.recordings.recording import HttpMessage, open_event, parse_message, without_auto_replies
from chateau.client.scenarios.values import JSON_TYPE, TEXT_TYPE
from chateau.client.transcript import ABNORMAL, Direction, Entry, Opcode, close_of, utf8
from chateau.client.transports.framing import event_fields

NORMAL_CLOSURE = 1000
CLOSE_CODES = range(1000, 5000)  # that a scenario can name
MAX_NAME = 200
OWN_HEADERS = frozenset({"host", "content-length", "connection", "transfer-encoding"})
"""Headers that the player of a scenario adds itself."""
SESSIONS = "these ids are from the recording; another run has other ids"
LINE_WIDTH, INDENT = 110, 2
SPREAD = frozenset({"clients", "steps"})  # always one item per line
_CLIENT_NAME = re.compile(r"[^\s$/][^$]{0,39}")
_LOGIN = re.compile(r"LOGIN (\S+)")

Value = dict[str, Any]


def scenario_of(entries: Sequence[Entry], name: str) -> Value:
    """Return *entries* as a scenario called *name*."""
    draft = Draft(entries)
    steps = list(draft.steps())
    while steps and steps[-1].keys() == {"close"}:  # the player closes at the end by itself
        steps.pop()
    comment = _comment(_names_in(entries))
    return {
        "name": name[:MAX_NAME] or "A recording",
        **({"//": comment} if comment else {}),
        **({"clients": draft.clients} if draft.clients else {}),
        "steps": steps,
    }


class Draft:
    """Builds a scenario, with a method per direction and opcode, such as ``sent_text`` or ``received_pong``.

    An entry without a method adds no step, nor does one whose method returns None.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries = pair_responses(list(without_auto_replies(entries)))
        self._names = _client_names(entries)
        self._captures = Captures(list(values_of(entries)))
        self._pings: Counter[tuple[str, bytes]] = Counter()
        self._request: Value = {}  # the step of the last one
        self._closed: set[str] = set()  # clients that closed before the server
        self.clients: dict[str, Value] = {}
        for entry in entries:
            if entry.opcode is Opcode.OPEN:
                self.clients.setdefault(self._names[entry.client], _client_of(open_event(entry)))
        for client in self._names.values():
            self.clients.setdefault(client, {"protocol": "http"})

    def steps(self) -> Iterator[Value]:
        for entry in self._entries:
            self._captures.begin_frame()
            if entry.opcode in TEXTS and utf8(entry.payload) is None:
                content = entry.payload.hex(" ")
                yield {"//": f"{entry.client} {entry.direction} a text that is not UTF-8: {content}"}
                continue
            write = getattr(self, f"{entry.direction}_{entry.opcode}", None)
            if write is not None and (step := write(entry)) is not None:
                yield step

    def sent_open(self, entry: Entry) -> Value:
        self._closed.discard(entry.client)
        fields = open_event(entry)
        client, now = self._names[entry.client], _client_of(fields)
        first = self.clients[client]
        step: Value = {"connect": client}
        if _location(now) != _location(first):
            step["path"] = now.get("path") or escaped(urlsplit(fields["url"]).path)
        if now.get("headers", first.get("headers")) != first.get("headers"):
            step["headers"] = now["headers"]
        return step

    def sent_text(self, entry: Entry) -> Value:
        value = value_of(entry)
        if is_special(value):
            value = entry.payload.decode()
        step = self._step(entry, send=sendable(value, self._captures))
        return {**step, "//": SESSIONS} if names_sessions(step["send"]) else step

    sent_line = sent_text

    def sent_binary(self, entry: Entry) -> Value:
        return self._step(entry, send=entry.payload.hex(), **{"as": "binary"})

    def sent_ping(self, entry: Entry) -> Value:
        text = utf8(entry.payload)
        if text is None:
            return {
                "//": f"a {entry.opcode} with bytes that are not UTF-8 was sent here: {entry.payload.hex()}"
            }
        if entry.opcode is Opcode.PING:
            self._pings[entry.client, entry.payload] += 1
        return self._step(entry, send=escaped(text), **{"as": str(entry.opcode)})

    sent_pong = sent_ping

    def sent_raw(self, entry: Entry) -> Value:
        return self._step(entry, send_raw=entry.payload.hex(" "))

    def received_text(self, entry: Entry) -> Value:
        value, text = value_of(entry), entry.payload.decode()
        if is_special(value) or (isinstance(value, str) and text.lstrip().startswith(("{", "["))):
            return self._step(entry, expect=expectable_text(text, self._captures), **{"as": "text"})
        expected = expectable(value, self._captures)
        return self._step(entry, expect=[expected] if isinstance(expected, list) else expected)

    received_line = received_text

    def received_binary(self, entry: Entry) -> Value:
        return self._step(entry, expect=entry.payload.hex(), **{"as": "binary"})

    def received_event(self, entry: Entry) -> Value:
        fields = expectable(event_fields(entry.payload), self._captures)
        return self._step(entry, expect={**fields, "id": {"$type": "string"}} if "id" in fields else fields)

    def received_pong(self, entry: Entry) -> Value | None:
        ping = (entry.client, entry.payload)
        if not self._pings[ping]:
            return None
        self._pings[ping] -= 1
        return self._step(entry, expect=escaped(entry.payload.decode()), **{"as": "pong"})

    def sent_close(self, entry: Entry) -> Value:
        code, reason = close_of(entry.payload)
        step: Value = {"close": self._names[entry.client]}
        if code == ABNORMAL:
            return {**step, "how": "half" if reason == "half close" else "abort"}
        self._closed.add(entry.client)
        return step | _close_fields(None if code == NORMAL_CLOSURE else code, reason)

    def received_close(self, entry: Entry) -> Value | None:
        if entry.client in self._closed:
            return None  # it confirms the close of the client
        return {"expect_close": self._names[entry.client], **_close_fields(*close_of(entry.payload))}

    def sent_request(self, entry: Entry) -> Value:
        try:
            step = request_step(parse_message(entry.payload), self._captures)
        except ValueError:
            return {"//": "a request that is not HTTP was sent here"}
        self._request = {"client": self._names[entry.client], **step}
        return self._request

    def received_response(self, entry: Entry) -> None:
        """Add the response to the step of the request."""
        try:
            self._request.update(response_step(parse_message(entry.payload), self._captures))
        except ValueError:
            self._request["//"] = "its response is not HTTP"

    def _step(self, entry: Entry, **does: Any) -> Value:
        return {"client": self._names[entry.client], **does}


def _close_fields(code: int | None, reason: str) -> Value:
    fields = {"code": code if code in CLOSE_CODES else None, "reason": escaped(reason)}
    return {key: value for key, value in fields.items() if value}


def _comment(names: list[str]) -> str | None:
    if not names:
        return None
    shown = ", ".join(names[:20]) + (" and so on" if len(names) > 20 else "")
    return f"the names are from the recording: {shown}; {names[0]}-${{run}} would be new in every run"


# Clients


def _client_names(entries: Sequence[Entry]) -> dict[str, str]:
    """Return a name for each client: the recorded one if a scenario can have it."""
    names: dict[str, str] = {}
    for entry in entries:
        if entry.client not in names:
            is_valid = _CLIENT_NAME.fullmatch(entry.client)
            names[entry.client] = entry.client if is_valid else f"client-{len(names) + 1}"
    return names


def _client_of(fields: Value) -> Value:
    """Return a client of the scenario, from the fields of its ``open`` entry."""
    url = urlsplit(fields.get("url", ""))
    path = url.path + (f"?{url.query}" if url.query else "")
    protocol = fields.get("protocol", "")
    if protocol not in PROTOCOLS:
        protocol = protocol_at(fields.get("url", ""))
    client: Value = {"protocol": protocol}
    channel = channel_at(path) if path.startswith("/channel/") else None
    if protocol == CHANNELS and channel is not None:
        client["channel"] = escaped(channel)
    elif protocol != LINES and (not path or path != protocol_named(protocol).path):
        client["path"] = escaped(path or "/")
    if fields.get("headers"):
        client["headers"] = {name: escaped(value) for name, value in fields["headers"]}
    if fields.get("from"):
        client["from"] = fields["from"]
    return client


def _location(client: Value) -> Any:
    return client.get("path"), client.get("channel")


def _names_in(entries: Sequence[Entry]) -> list[str]:
    """Return the names that clients registered, in any protocol, each once and in order."""
    names: dict[str, None] = {}
    named: set[str] = set()  # clients of the opcode protocol are named by their first op 1
    for entry in entries:
        if entry.direction is Direction.SENT and entry.opcode in {Opcode.TEXT, Opcode.LINE}:
            name = _name(entry, is_first=entry.client not in named)
            if isinstance(name, str) and name:
                names[name] = None
                named.add(entry.client)
    return list(names)


def _name(entry: Entry, *, is_first: bool) -> Any:
    text = entry.payload.decode("utf-8", "replace")
    if entry.opcode is Opcode.LINE:
        found = _LOGIN.fullmatch(text)
        return found[1] if found else None
    try:
        value = strict_json.decode(text)
    except ValueError:
        return None
    match value:
        case {"type": 1, "username": name}:
            return name
        case {"op": 1, "d": {"content": name}} if is_first:
            return name
        case {"function": "set_custom_variables", "custom_variables": {"name": name}}:
            return name
    return None


# HTTP


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
    body, own_type = _request_body(request, captures)
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


def _request_body(request: HttpMessage, captures: Captures) -> tuple[Any, str | None]:
    """Return the body for a step, and the content type that the player sends with it by default."""
    text = utf8(request.body)
    if text is None:
        return {"$base64": base64.b64encode(request.body).decode()}, None
    value = json_of(text) if "json" in (request.header("content-type") or "") else None
    if isinstance(value, dict | list) and not is_special(value):
        return sendable(value, captures), JSON_TYPE
    return sendable(text, captures), TEXT_TYPE


# The text of the file


def format_scenario(scenario: dict[str, Any]) -> str:
    """Return the text of a scenario file: each client and step on a line of its own, if it fits."""
    return _format(scenario, 0, 0, is_spread=True) + "\n"


def _format(value: Any, indent: int, used: int, *, is_spread: bool) -> str:
    """Format *value* behind *used* characters: on one line if it fits, unless it *is_spread*."""
    line = json.dumps(value, ensure_ascii=False)
    is_short = used + len(line) <= LINE_WIDTH and not is_spread
    if is_short or not value or not isinstance(value, dict | list):
        return line
    items = []
    for name, item in value.items() if isinstance(value, dict) else ((None, item) for item in value):
        key = "" if name is None else f"{json.dumps(name, ensure_ascii=False)}: "
        begin = " " * (indent + INDENT) + key
        is_spread = indent == 0 and name in SPREAD
        items.append(begin + _format(item, indent + INDENT, len(begin) + 1, is_spread=is_spread))
    first, last = "{}" if isinstance(value, dict) else "[]"
    return "\n".join([first, ",\n".join(items), " " * indent + last])
