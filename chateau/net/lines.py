"""Lines of text as bytes: decoding a client's. No I/O.

A line ends with LF, CR LF, or CR NUL, which telnet clients send for CR (RFC 854). Telnet commands are
filtered, and some get a reply (:mod:`chateau.net.telnet`). A byte order mark before the first line is
dropped.

A client whose first line is an HTTP request, or that begins with a TLS handshake, is not a client of this
protocol: nothing that it sends takes effect. Web pages of any origin can make a browser send such requests,
with commands in their bodies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chateau.net import frames, openings
from chateau.net.frames import Binary, Violation
from chateau.net.openings import BYTE_ORDER_MARK
from chateau.net.telnet import IAC, TelnetFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chateau.net.frames import Received

FOREIGN: Final = {
    openings.HTTP: "This port is for lines of text, and this is an HTTP request; use the port for HTTP.",
    openings.TLS: "This port is for lines of text without TLS, and this is a TLS handshake.",
    openings.UTF_16: "A line is UTF-8 text, and this is UTF-16.",
}
"""Why a client is disconnected that does not send lines."""

_NUL: Final = 0
_IAC: Final = IAC[0]  # to search for a number takes a fifth of the time


class LineDecoder:
    """Decodes one client's lines, up to a Violation."""

    __slots__ = ("_begun", "_is_broken", "_is_first", "_is_special", "_max_bytes", "_opening", "_telnet")

    def __init__(self, max_bytes: int) -> None:
        """*max_bytes*: maximum size of a line, without its end, in bytes."""
        self._max_bytes = max_bytes
        self._begun = b""  # of a line that has not ended yet
        self._is_broken = False
        self._is_special = True  # more is to be done than to split lines
        self._is_first = True  # no line was received yet that is not blank
        self._opening: bytes | None = b""  # the first bytes, until they are recognized
        self._telnet: TelnetFilter | None = None  # once the client has sent IAC

    @property
    def partial_bytes(self) -> int:
        """Size of the beginning of a line, of a telnet command, and of what is not recognized yet."""
        telnet = 0 if self._telnet is None else self._telnet.partial_bytes
        return len(self._begun) + len(self._opening or b"") + telnet

    def feed(self, data: bytes) -> Sequence[Received]:
        """Return the lines that end in *data*, without their ends; as :class:`Binary` if not UTF-8."""
        received: list[Received] = []
        if self._is_special or _IAC in data or _NUL in data:
            self._feed_special(data, received)
            self._is_special = self._is_first or self._is_broken or self._telnet is not None
        else:
            *lines, self._begun = (self._begun + data).split(b"\n")
            self._add(lines, received)
        return received

    def _feed_special(self, data: bytes, received: list[Received]) -> None:
        if self._opening is not None:
            data = self._check_opening(data, received)
        if self._is_broken:
            return
        if self._telnet is None and IAC in data:
            self._telnet = TelnetFilter()
        for part in [data] if self._telnet is None else self._telnet.feed(data):
            if isinstance(part, bytes):
                self._split(part, received)
            else:
                self._is_broken = isinstance(part, Violation)
                received.append(part)
            if self._is_broken:
                return

    def _check_opening(self, data: bytes, received: list[Received]) -> bytes:
        """Return what is to be decoded: nothing until the first bytes are recognized."""
        assert self._opening is not None
        data = self._opening + data
        if openings.may_be_start(data):
            self._opening = data
            return b""
        self._opening = None
        kind = openings.start_of(data)
        if kind is not None:
            self._reject(kind, received)
        return data

    def _split(self, data: bytes, received: list[Received]) -> None:
        """Split text without telnet commands: CR NUL ends a line, too, and the first line is checked."""
        *lines, self._begun = (self._begun + data).replace(b"\r\0", b"\n").split(b"\n")
        if self._is_first:
            self._check_first(lines, received)
        if not self._is_broken:
            self._add(lines, received)

    def _check_first(self, lines: list[bytes], received: list[Received]) -> None:
        """Remove the byte order mark from the first of *lines* that is not blank, and check what it is."""
        for number, line in enumerate(lines):
            lines[number] = first = line.removeprefix(BYTE_ORDER_MARK)
            if not openings.is_blank(first):
                self._is_first = False
                if openings.is_request_line(first):
                    self._reject(openings.HTTP, received)
                return

    def _add(self, lines: list[bytes], received: list[Received]) -> None:
        """Add what *lines* are, and a Violation if one of them or the line that has begun is too long."""
        for line in lines:
            received.append(self._received(line.removesuffix(b"\r")))
            if self._is_broken:
                return
        if len(self._begun) > self._max_bytes + 1 and not self._is_marked():  # its last byte may be a CR
            received.append(self._too_long())

    def _is_marked(self) -> bool:
        """Return whether the line that has begun is too long by its byte order mark alone."""
        begun = self._begun.removeprefix(BYTE_ORDER_MARK) if self._is_first else self._begun
        return len(begun) <= self._max_bytes + 1

    def _received(self, line: bytes) -> Received:
        if len(line) > self._max_bytes:
            return self._too_long()
        try:
            return line.decode()
        except UnicodeDecodeError:
            return Binary(line)

    def _too_long(self) -> Violation:
        self._is_broken = True
        self._begun = b""
        return Violation(frames.MESSAGE_TOO_BIG, f"A line has at most {self._max_bytes} bytes.")

    def _reject(self, kind: str, received: list[Received]) -> None:
        self._is_broken = True
        self._begun = b""
        received.append(Violation(frames.POLICY_VIOLATION, FOREIGN[kind], is_foreign=True))
