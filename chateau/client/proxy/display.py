"""Showing what passes: a line for people, in colours on a terminal, or a line of JSON for programs.

Frames go to stdout; what is worth knowing besides goes to stderr.
"""

import base64
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from chateau.client.proxy.frame import Kind, Way
from chateau.client.proxy.witness import Sight
from chateau.client.terminal import console
from chateau.client.text_safety import one_line
from chateau.client.transcript import Opcode, close_of

LONGEST_TEXT = 100

_ARROWS = {Way.TO_SERVER: "→ server", Way.TO_CLIENT: "← server"}
_STYLES = {Way.TO_SERVER: "cyan", Way.TO_CLIENT: "green"}


class Quiet:
    """Nothing but troubles."""

    def __init__(self) -> None:
        self._err = console(sys.stderr)

    def sight(self, sight: Sight) -> None:
        pass

    def trouble(self, sentence: str) -> None:
        self.note(sentence, "bold red")

    def note(self, sentence: str, style: str = "dim") -> None:
        try:
            self._err.print(Text(one_line(sentence), style), soft_wrap=True)
        except OSError:  # nobody reads it
            return


class Shown(Quiet):
    """Writes a line for each sight; *on_gone* is called once nobody reads them any more."""

    def __init__(self, on_gone: Callable[[], None]) -> None:
        super().__init__()
        self._on_gone = on_gone

    def sight(self, sight: Sight) -> None:
        try:
            self.write(sight)
        except OSError:
            self._on_gone()

    def write(self, sight: Sight) -> None:
        raise NotImplementedError


class Lines(Shown):
    """One line each, for people."""

    def __init__(self, on_gone: Callable[[], None]) -> None:
        super().__init__(on_gone)
        self._out = console(sys.stdout)

    def write(self, sight: Sight) -> None:
        line = Text.assemble(
            (f"{_time(sight.at)} ", "dim"),
            (f"#{sight.connection:<3} ", "bold"),
            (f"{_ARROWS[sight.way]} ", _STYLES[sight.way]),
            (f"{sight.opcode:<12} ", "bold"),
            (_shortened(sight), ""),
            (f"  [{', '.join(sight.done)}]" if sight.done else "", "bold yellow"),
        )
        if self._out.is_terminal:
            self._out.print(line, soft_wrap=True)
        else:
            print(line.plain.rstrip(), flush=True)


class Json(Shown):
    """One JSON object a line, with the whole payload."""

    def write(self, sight: Sight) -> None:
        value = {
            "time": datetime.fromtimestamp(sight.at, UTC)
            .isoformat(timespec="microseconds")
            .replace("+00:00", "Z"),
            "connection": sight.connection,
            "direction": sight.way,
            "opcode": sight.opcode,
            **_payload(sight),
            "done": list(sight.done),
        }
        print(json.dumps(value, ensure_ascii=False), flush=True)


def _payload(sight: Sight) -> dict[str, Any]:
    """As a recording has it: text where it is UTF-8, and the code of a close beside its reason."""
    payload, code = sight.payload, {}
    if sight.opcode == Kind.CLOSE:
        code, payload = {"code": close_of(payload)[0]}, payload[2:]
    try:
        return {"payload": payload.decode(), **code}
    except UnicodeDecodeError:
        return {"payload": base64.b64encode(payload).decode(), "base64": True, **code}


def _shortened(sight: Sight) -> str:
    """The payload on one line, or how it begins."""
    beginning = sight.payload[: 4 * LONGEST_TEXT]
    text = _text(sight.opcode, beginning)
    length = f" ({len(sight.payload)} bytes)" if sight.payload else ""
    match sight.opcode:
        case Kind.BYTES:
            return length.strip(" ()")
        case _ if len(text) > LONGEST_TEXT or len(beginning) < len(sight.payload):
            return f"{text[: LONGEST_TEXT - 1]}…{length}"
    return text


def _text(opcode: str, payload: bytes) -> str:
    match opcode:
        case Kind.CLOSE:
            code, reason = close_of(payload)
            return " ".join(filter(None, [str(code) if code else "", one_line(reason)]))
        case Kind.BINARY:
            return payload.hex(" ")
    text = payload.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    if opcode in {Opcode.REQUEST, Opcode.RESPONSE}:
        head, _, body = text.partition("\n\n")
        text = "  ".join([*head.splitlines()[:1], body])
    return one_line(text)


def _time(at: float) -> str:
    local = datetime.fromtimestamp(at, UTC).astimezone()
    return local.strftime("%H:%M:%S.") + f"{local.microsecond // 1000:03}"
