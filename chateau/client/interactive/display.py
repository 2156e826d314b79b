"""Showing what is sent and what comes back: pretty for people, plain JSON lines for programs.

Where it may come from, and what of it is wrong, is settled before.
"""

import json
import re
import sys
from datetime import UTC, datetime
from typing import Any, Protocol

from rich.highlighter import JSONHighlighter
from rich.text import Text

from chateau.client.interactive.contract import REQUESTS, Fault, word_of
from chateau.client.interactive.frame import Frame
from chateau.client.messages import Message
from chateau.client.terminal import console
from chateau.client.text_safety import in_lines, one_line

_WORD_WIDTH = 10
_STATUS_STYLES = {200: "bold green", 400: "bold red"}


class Display(Protocol):
    """Where a run is shown."""

    def sent(self, message: Message) -> None: ...

    def received(self, frame: Frame, faults: list[Fault]) -> None: ...

    def note(self, sentence: str) -> None:
        """Something worth knowing."""

    def trouble(self, sentence: str) -> None:
        """Something that went wrong."""


class Plain:
    """Exactly one line on stdout for each frame, as it came; all else on stderr."""

    def sent(self, message: Message) -> None:
        pass

    def received(self, frame: Frame, faults: list[Fault]) -> None:
        # Between the tokens of JSON a line break is only white space, and inside strings there is none.
        print(re.sub(r"[\r\n]+", " ", frame.text), flush=True)
        for fault in faults:
            self.trouble(_of(fault))

    def note(self, sentence: str) -> None:
        print(_printable(sentence), file=sys.stderr, flush=True)

    def trouble(self, sentence: str) -> None:
        self.note(f"error: {sentence}")


class Pretty:
    """A header and the JSON for each frame, in colour on a terminal."""

    def __init__(self) -> None:
        self._out = console(sys.stdout)
        self._err = console(sys.stderr)
        self._highlight = JSONHighlighter()

    def sent(self, message: Message) -> None:
        number = message.value.get("type") if isinstance(message.value, dict) else None
        word = REQUESTS.get(number, "?") if isinstance(number, int) else "?"
        self._header("→ sent", datetime.now(UTC).astimezone(), word, (message.name, "dim"))
        self._body(message.value)

    def received(self, frame: Frame, faults: list[Fault]) -> None:
        kind = "← push" if frame.is_push else "← answer"
        self._header(kind, frame.at, word_of(frame) or "?", *_status(frame))
        if frame.flaw:
            self._show(Text(_printable(frame.text)))
        else:
            self._body(frame.value)
        for fault in faults:
            self._show(Text(_of(fault), "bold red"))

    def note(self, sentence: str) -> None:
        self._show(Text(_printable(sentence), "dim"))

    def trouble(self, sentence: str) -> None:
        self._err.print(Text.assemble(("error: ", "bold red"), _printable(sentence)), soft_wrap=True)

    def _header(self, kind: str, at: datetime, word: str, *rest: tuple[str, str]) -> None:
        time = at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03}"
        padded = (f"{kind:<9}", "bold cyan"), (f"{time}  ", "dim"), (f"{word:<{_WORD_WIDTH}} ", "bold")
        self._show(Text.assemble(*padded, *((one_line(text), style) for text, style in rest)))

    def _body(self, value: Any) -> None:
        text = _printable(json.dumps(value, indent=2, ensure_ascii=False))
        self._show(self._highlight(text))

    def _show(self, text: Text) -> None:
        self._out.print(text, soft_wrap=True)


def _status(frame: Frame) -> list[tuple[str, str]]:
    """The status, and of a refusal the code and the sentence."""
    status = frame.fields.get("status", "?")
    style = _STATUS_STYLES.get(status, "yellow") if isinstance(status, int) else "yellow"
    if not frame.is_refusal:
        return [(str(status), style)]
    return [(f"{status} {frame.fields.get('code')}", style), (f": {frame.fields.get('error')}", "red")]


def _of(fault: Fault) -> str:
    path = fault.path or "the top"
    named = f" ({fault.schema})" if fault.schema else ""
    return one_line(f"fault at {path}: {fault.sentence}{named}")


def _printable(text: str) -> str:
    """*text* with what must not drive a terminal written out; line breaks stay."""
    return "\n".join(in_lines(text))
