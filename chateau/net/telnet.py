"""Telnet: commands and negotiations inside the text of a client (RFC 854 and 855). No I/O.

The server uses no option: it replies to DO with WONT, and to WILL with DONT. It replies to nothing else, so
that no loop can begin. A request that is repeated gets another reply: after Ctrl-C, ``telnet`` discards
everything until the reply to its ``DO TIMING-MARK`` (RFC 860).
"""

from __future__ import annotations

import re
from typing import Final

from chateau.net.frames import PROTOCOL_ERROR, Reply, Violation

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
_REPLIES = {
    bytes((0xFF, verb, option)): bytes((0xFF, _REFUSED[verb], option))
    for verb in b"\xfb\xfd"
    for option in range(256)
}

Part = bytes | Reply | Violation


class TelnetFilter:
    """Separates one client's text from its telnet commands."""

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = b""  # a command that has not ended

    @property
    def partial_bytes(self) -> int:
        """Size of the beginning of a command."""
        return len(self._begun)

    def feed(self, data: bytes) -> list[Part]:
        """Return the text of *data* and replies to its commands; a violation comes last.

        Each reply comes after the lines that end before its command, and before all others.
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
                parts.add_reply(_REPLIES.get(commands[0]) or _replies_to(commands[0]))
            elif kind == "data":
                parts.add_text(data[begin : (begin + stop) // 2])
            elif kind is not None and stop - begin > SUBNEGOTIATION_BYTES:
                return [*parts.all(), TOO_LONG]
            elif kind == "begun":
                self._begun = commands[0]
        parts.add_text(data[start:])
        return parts.all()


class _Parts:
    """The parts of one read: complete ones, then replies, then the text behind the last end of a line."""

    __slots__ = ("_complete", "_ends_line", "_replies", "_text")

    def __init__(self) -> None:
        self._complete: list[Part] = []
        self._replies = bytearray()
        self._text: list[bytes] = []
        self._ends_line = False  # a line may end in the text

    def add_text(self, text: bytes) -> None:
        self._text.append(text)
        self._ends_line = self._ends_line or b"\n" in text or b"\0" in text

    def add_reply(self, reply: bytes) -> None:
        if self._ends_line:
            self.all()
            self._replies.clear()
            self._text.clear()
            self._ends_line = False
        self._replies += reply

    def all(self) -> list[Part]:
        """Return all parts, in order."""
        if self._replies:
            self._complete.append(Reply(bytes(self._replies)))
        self._complete.append(b"".join(self._text))
        return self._complete


def _replies_to(requests: bytes) -> bytes:
    """Return WONT and DONT for several *requests*."""
    reply = bytearray(requests)
    reply[1::3] = requests[1::3].translate(_REFUSED)
    return bytes(reply)
