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

_NUL: Final = b"\0"


class LineDecoder:
    """Decodes one client's lines, up to a Violation."""

    __slots__ = ("_begun", "_is_broken", "_is_first", "_max_bytes", "_opening", "_telnet")

    def __init__(self, max_bytes: int) -> None:
        """*max_bytes*: maximum size of a line, without its end, in bytes."""
        self._max_bytes = max_bytes
        self._begun = b""  # of a line that has not ended yet
        self._is_broken = False
        self._is_first = True  # no line was received yet that is not blank
        self._opening: bytes | None = b""  # the first bytes, until they are recognized
        self._telnet: TelnetFilter | None = None  # once the client has sent IAC

    def feed(self, data: bytes) -> Sequence[Received]:
        """Return the lines that end in *data*, without their ends; as :class:`Binary` if not UTF-8."""
        received: list[Received] = []
        if self._opening is not None:
            data = self._check_opening(data, received)
        if self._is_broken:
            return received
        if IAC in data or self._telnet is not None:
            self._filter(data, received)
        else:
            self._split(data, received)
        return received

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

    def _filter(self, data: bytes, received: list[Received]) -> None:
        if self._telnet is None:
            self._telnet = TelnetFilter()
        for part in self._telnet.feed(data):
            if isinstance(part, bytes):
                self._split(part, received)
            else:
                self._is_broken = isinstance(part, Violation)
                received.append(part)
            if self._is_broken:
                return

    def _split(self, data: bytes, received: list[Received]) -> None:
        text = self._begun + data
        if _NUL in data:
            text = text.replace(b"\r\0", b"\n")
        *lines, self._begun = text.split(b"\n")
        if self._is_first:
            self._check_first(lines, received)
        for line in lines:
            if self._is_broken:
                return
            received.append(self._received(line.removesuffix(b"\r")))
        if len(self._begun) > self._max_bytes + 1 and not self._is_broken:  # its last byte may be a CR
            mark = len(BYTE_ORDER_MARK) if self._is_first and self._begun.startswith(BYTE_ORDER_MARK) else 0
            if len(self._begun) - mark > self._max_bytes + 1:
                received.append(self._too_long())

    def _check_first(self, lines: list[bytes], received: list[Received]) -> None:
        """Remove the byte order mark from the first of *lines* that is not blank, and check what it is."""
        for number, line in enumerate(lines):
            lines[number] = first = line.removeprefix(BYTE_ORDER_MARK)
            if not openings.is_blank(first):
                self._is_first = False
                if openings.is_request_line(first):
                    self._reject(openings.HTTP, received)
                return

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
