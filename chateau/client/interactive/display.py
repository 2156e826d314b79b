"""Display: frames pretty-printed for people, or as plain JSON lines for programs."""

import json
import re
import sys
from datetime import UTC, datetime
from typing import Any

from chateau.client.interactive.contract import Fault, Frame, word_of
from chateau.client.messages import Message
from chateau.client.protocols import vocabulary
from chateau.client.terminal import in_lines, one_line

_WORD_WIDTH = 10
_STATUS_STYLES = {200: "bold green", 400: "bold red"}


class PlainDisplay:
    """Prints each frame as received, on one line of stdout; everything else goes to stderr."""

    def sent(self, message: Message) -> None:
        pass

    def received(self, frame: Frame, faults: list[Fault]) -> None:
        # Between the tokens of JSON a line break is white space; strings have none.
        print(re.sub(r"[\r\n]+", " ", frame.text), flush=True)
        for fault in faults:
            self.error(_fault_line(fault))

    def note(self, sentence: str) -> None:
        print(_printable(sentence), file=sys.stderr, flush=True)

    def error(self, sentence: str) -> None:
        self.note(f"error: {sentence}")


class PrettyDisplay:
    """Prints a header and the JSON of each frame, in colour on a terminal."""

    def __init__(self) -> None:
        from rich.highlighter import JSONHighlighter
        from rich.text import Text

        from chateau.client.terminal import console

        self._out = console(sys.stdout)
        self._err = console(sys.stderr)
        self._highlight = JSONHighlighter()
        self._text = Text

    def sent(self, message: Message) -> None:
        number = message.value.get("type") if isinstance(message.value, dict) else None
        word = vocabulary().requests.get(number, "?") if isinstance(number, int) else "?"
        self._header("→ sent", datetime.now(UTC).astimezone(), word, (message.name, "dim"))
        self._body(message.value)

    def received(self, frame: Frame, faults: list[Fault]) -> None:
        kind = "← push" if frame.is_push else "← response"
        self._header(kind, frame.at, word_of(frame) or "?", *_status(frame))
        if frame.decode_error:
            self._print(_printable(frame.text))
        else:
            self._body(frame.value)
        for fault in faults:
            self._print(_fault_line(fault), "bold red")

    def note(self, sentence: str) -> None:
        self._print(_printable(sentence), "dim")

    def error(self, sentence: str) -> None:
        text = self._text.assemble(("error: ", "bold red"), _printable(sentence))
        self._err.print(text, soft_wrap=True)

    def _header(self, kind: str, at: datetime, word: str, *rest: tuple[str, str]) -> None:
        time = at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03}"
        padded = (f"{kind:<11}", "bold cyan"), (f"{time}  ", "dim"), (f"{word:<{_WORD_WIDTH}} ", "bold")
        line = self._text.assemble(*padded, *((one_line(text), style) for text, style in rest))
        self._out.print(line, soft_wrap=True)

    def _body(self, value: Any) -> None:
        text = _printable(json.dumps(value, indent=2, ensure_ascii=False))
        self._out.print(self._highlight(text), soft_wrap=True)

    def _print(self, text: str, style: str = "") -> None:
        self._out.print(self._text(text, style), soft_wrap=True)


Display = PlainDisplay | PrettyDisplay


def _status(frame: Frame) -> list[tuple[str, str]]:
    """Return the status, and the code and the text of an error response."""
    status = frame.fields.get("status", "?")
    style = _STATUS_STYLES.get(status, "yellow") if isinstance(status, int) else "yellow"
    if not frame.is_error_response:
        return [(str(status), style)]
    return [(f"{status} {frame.fields.get('code')}", style), (f": {frame.fields.get('error')}", "red")]


def _fault_line(fault: Fault) -> str:
    schema = f" ({fault.schema})" if fault.schema else ""
    return one_line(f"fault at {fault.path or 'the top'}: {fault.sentence}{schema}")


def _printable(text: str) -> str:
    """Escape the characters in *text* that could control a terminal, except line breaks."""
    return "\n".join(in_lines(text))
