"""Telnet: commands and negotiations inside the text of a client (RFC 854 and 855). No I/O.

The server uses no option: it refuses whatever a client asks for or offers. A refusal is never answered, so
that no loop of answers can begin. A request that is repeated is refused again: after Ctrl-C, ``telnet``
discards everything until the answer to its ``DO TIMING-MARK`` (RFC 860).
"""

from __future__ import annotations

import re
from typing import Final

from chateau.net.frames import PROTOCOL_ERROR, Answer, Violation

IAC: Final = b"\xff"
"""Interpret as command: begins every command, and stands twice for the byte 255."""

SUBNEGOTIATION_BYTES: Final = 1_024
"""Maximum size of a sub-negotiation, in bytes. No client needs to send one, as all options are refused."""

TOO_LONG = Violation(
    PROTOCOL_ERROR,
    f"A telnet sub-negotiation has at most {SUBNEGOTIATION_BYTES} bytes, and ends with IAC SE.",
)

_COMMANDS = re.compile(
    rb"(?P<requests>(?:\xff[\xfb\xfd].)++)"  # WILL or DO, and the option
    rb"|(?:\xff(?:[\xfc\xfe].|[\xec-\xf9]))++"  # WONT or DONT; commands without an option, RFC 1184's too
    rb"|(?P<data>(?:\xff\xff)++)"
    rb"|(?P<whole>\xff\xfa(?:[^\xff]|\xff\xff)*+(?:\xff\xf0|(?=\xff[^\xf0\xff])))"  # SB … SE or a command
    rb"|(?P<begun>\xff(?:[\xfb-\xfe]|\xfa(?:[^\xff]|\xff\xff)*+\xff?)?\Z)",
    re.DOTALL,
)
"""Commands of one kind. IAC before any other byte is text, and makes its line invalid UTF-8."""

_REFUSED = bytes.maketrans(b"\xfb\xfd", b"\xfe\xfc")  # WILL: DONT; DO: WONT
_REFUSALS = {
    bytes((0xFF, verb, option)): bytes((0xFF, _REFUSED[verb], option))
    for verb in b"\xfb\xfd"
    for option in range(256)
}

Part = bytes | Answer | Violation


class TelnetFilter:
    """Separates one client's text from its telnet commands."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = b""  # a command that has not ended

    def feed(self, data: bytes) -> list[Part]:
        """Return the text of *data* and answers to its commands; a violation comes last.

        Each answer comes after the lines that end before its command, and before all others.
        """
        data = self._begun + data
        self._begun = b""
        parts = _Parts()
        start = 0
        for commands in _COMMANDS.finditer(data):
            begin, stop = commands.span()
            if begin > start:
                parts.add_text(data[start:begin])
            start = stop
            kind = commands.lastgroup
            if kind == "requests":
                parts.add_answer(_REFUSALS.get(commands[0]) or _refusals(commands[0]))
            elif kind == "data":
                parts.add_text(data[begin : (begin + stop) // 2])
            elif kind is not None and stop - begin > SUBNEGOTIATION_BYTES:
                return [*parts.all(), TOO_LONG]
            elif kind == "begun":
                self._begun = commands[0]
        parts.add_text(data[start:])
        return parts.all()


class _Parts:
    """The parts of one read: complete ones, then answers, then the text behind the last end of a line."""

    __slots__ = ("_answers", "_complete", "_ends_line", "_text")

    def __init__(self) -> None:
        self._complete: list[Part] = []
        self._answers = bytearray()
        self._text: list[bytes] = []
        self._ends_line = False  # a line may end in the text

    def add_text(self, text: bytes) -> None:
        self._text.append(text)
        self._ends_line = self._ends_line or b"\n" in text or b"\0" in text

    def add_answer(self, answer: bytes) -> None:
        if self._ends_line:
            self.all()
            self._answers.clear()
            self._text.clear()
            self._ends_line = False
        self._answers += answer

    def all(self) -> list[Part]:
        """Return all parts, in order."""
        if self._answers:
            self._complete.append(Answer(bytes(self._answers)))
        self._complete.append(b"".join(self._text))
        return self._complete


def _refusals(requests: bytes) -> bytes:
    """Return the refusals of several *requests*."""
    answer = bytearray(requests)
    answer[1::3] = requests[1::3].translate(_REFUSED)
    return bytes(answer)
