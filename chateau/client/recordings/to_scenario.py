"""A recording as a scenario: what was sent is sent, what was received is expected, in the same order.

The form is docs/scenarios.md. The result is a beginning: a person reads it and edits it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from chateau.client.recordings.clients import client_names, client_of, place_of
from chateau.client.recordings.echoes import Echoes
from chateau.client.recordings.frames import TEXTS, is_special, value_of, values_of
from chateau.client.recordings.layout import laid_out
from chateau.client.recordings.names import names_in
from chateau.client.recordings.opening import opening
from chateau.client.recordings.request import message
from chateau.client.recordings.requests import answered, asked, paired
from chateau.client.recordings.volatile import (
    Captures,
    escaped,
    expectable,
    expectable_text,
    names_sessions,
    sendable,
)
from chateau.client.transcript import ABNORMAL, Direction, Entry, Opcode, close_of
from chateau.client.transports import event_fields

NORMAL_CLOSURE = 1000
CLOSE_CODES = range(1000, 5000)  # that a scenario may name
LONGEST_NAME = 200
SESSIONS = "these ids are those of the recording; in another run they are others"

Value = dict[str, Any]


def scenario_of(entries: Sequence[Entry], name: str) -> Value:
    """The scenario that *entries* are, called *name*."""
    draft = Draft(entries)
    steps = list(draft.steps())
    comment = _comment(names_in(entries))
    return {
        "name": name[:LONGEST_NAME] or "A recording",
        **({"//": comment} if comment else {}),
        **({"clients": draft.clients} if draft.clients else {}),
        "steps": _without_last_goodbyes(steps),
    }


def written(scenario: Value) -> str:
    """*scenario* as the text of a file."""
    return laid_out(scenario)


class Draft:
    """A scenario in the making: a method for each kind of entry, in which None is no step."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries = paired(entries)
        self._names = client_names(entries)
        self._captures = Captures(list(values_of(entries)))
        self._echoes = Echoes()
        self._pings: Counter[tuple[str, bytes]] = Counter()
        self._request: Value = {}  # the step of the last one
        self._left: set[str] = set()  # who said goodbye before the server did
        self.clients: dict[str, Value] = {}
        for entry in entries:
            if entry.opcode is Opcode.OPEN:
                self.clients.setdefault(self._names[entry.client], client_of(opening(entry)))
        for client in self._names.values():
            self.clients.setdefault(client, {"protocol": "http"})

    def steps(self) -> Iterator[Value]:
        for entry in self._entries:
            is_echo = self._echoes.is_echo(entry)
            self._captures.begin_frame()
            if entry.opcode in TEXTS and not _is_text(entry.payload):
                yield {"//": f"{entry.client} {entry.direction} what is not UTF-8: {entry.payload.hex(' ')}"}
                continue
            write = STEPS.get((entry.direction, entry.opcode))
            if write is not None and not is_echo and (step := write(self, entry)) is not None:
                yield step

    def opened(self, entry: Entry) -> Value:
        self._left.discard(entry.client)
        said = opening(entry)
        client, now = self._names[entry.client], client_of(said)
        first = self.clients[client]
        step: Value = {"connect": client}
        if place_of(now) != place_of(first):
            step["path"] = now.get("path") or escaped(urlsplit(said["url"]).path)
        if now.get("headers", first.get("headers")) != first.get("headers"):
            step["headers"] = now["headers"]
        return step

    def sent(self, entry: Entry) -> Value:
        value = value_of(entry)
        if is_special(value):
            value = entry.payload.decode()
        step = self._step(entry, send=sendable(value, self._captures))
        return {**step, "//": SESSIONS} if names_sessions(step["send"]) else step

    def sent_binary(self, entry: Entry) -> Value:
        return self._step(entry, send=entry.payload.hex(), **{"as": "binary"})

    def sent_control(self, entry: Entry) -> Value:
        try:
            text = escaped(entry.payload.decode())
        except UnicodeDecodeError:
            return {"//": f"a {entry.opcode} whose bytes are no text was sent here: {entry.payload.hex()}"}
        if entry.opcode is Opcode.PING:
            self._pings[entry.client, entry.payload] += 1
        return self._step(entry, send=text, **{"as": str(entry.opcode)})

    def sent_raw(self, entry: Entry) -> Value:
        return self._step(entry, send_raw=entry.payload.hex(" "))

    def received(self, entry: Entry) -> Value:
        value, text = value_of(entry), entry.payload.decode()
        if is_special(value) or (isinstance(value, str) and text.lstrip().startswith(("{", "["))):
            return self._step(entry, expect=expectable_text(text, self._captures), **{"as": "text"})
        expected = expectable(value, self._captures)
        return self._step(entry, expect=[expected] if isinstance(expected, list) else expected)

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

    def left(self, entry: Entry) -> Value:
        code, reason = close_of(entry.payload)
        step: Value = {"close": self._names[entry.client]}
        if code == ABNORMAL:
            return {**step, "how": "half" if reason == "half close" else "abort"}
        self._left.add(entry.client)
        if code in CLOSE_CODES and code != NORMAL_CLOSURE:
            step["code"] = code
        return {**step, "reason": escaped(reason)} if reason else step

    def ended(self, entry: Entry) -> Value | None:
        if entry.client in self._left:
            return None  # the answer to our goodbye
        code, reason = close_of(entry.payload)
        step: Value = {"expect_close": self._names[entry.client]}
        if code in CLOSE_CODES:
            step["code"] = code
        return {**step, "reason": escaped(reason)} if reason else step

    def requested(self, entry: Entry) -> Value:
        try:
            said = asked(message(entry.payload), self._captures)
        except ValueError:
            return {"//": "a request that is not HTTP was sent here"}
        self._request = {"client": self._names[entry.client], **said}
        return self._request

    def answered(self, entry: Entry) -> None:
        """Completes the step of the request."""
        try:
            self._request.update(answered(message(entry.payload), self._captures))
        except ValueError:
            self._request["//"] = "its answer is not HTTP"

    def _step(self, entry: Entry, **does: Any) -> Value:
        return {"client": self._names[entry.client], **does}


STEPS: dict[tuple[Direction, Opcode], Callable[[Draft, Entry], Value | None]] = {
    (Direction.SENT, Opcode.OPEN): Draft.opened,
    (Direction.SENT, Opcode.TEXT): Draft.sent,
    (Direction.SENT, Opcode.LINE): Draft.sent,
    (Direction.SENT, Opcode.BINARY): Draft.sent_binary,
    (Direction.SENT, Opcode.PING): Draft.sent_control,
    (Direction.SENT, Opcode.PONG): Draft.sent_control,
    (Direction.SENT, Opcode.RAW): Draft.sent_raw,
    (Direction.SENT, Opcode.CLOSE): Draft.left,
    (Direction.SENT, Opcode.REQUEST): Draft.requested,
    (Direction.RECEIVED, Opcode.TEXT): Draft.received,
    (Direction.RECEIVED, Opcode.LINE): Draft.received,
    (Direction.RECEIVED, Opcode.BINARY): Draft.received_binary,
    (Direction.RECEIVED, Opcode.EVENT): Draft.received_event,
    (Direction.RECEIVED, Opcode.PONG): Draft.received_pong,
    (Direction.RECEIVED, Opcode.CLOSE): Draft.ended,
    (Direction.RECEIVED, Opcode.RESPONSE): Draft.answered,
}


def _is_text(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _comment(names: list[str]) -> str | None:
    if not names:
        return None
    shown = ", ".join(names[:20]) + (" and so on" if len(names) > 20 else "")
    return f"the names are those of the recording: {shown}; {names[0]}-${{run}} would be new in every run"


def _without_last_goodbyes(steps: list[Value]) -> list[Value]:
    """The player says goodbye by itself at the end."""
    while steps and steps[-1].keys() == {"close"}:
        steps = steps[:-1]
    return steps
