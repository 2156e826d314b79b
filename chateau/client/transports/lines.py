"""The line framing: text over TCP, each line ended by ``\\n`` or ``\\r\\n``."""

from chateau.client.transcript import Opcode
from chateau.client.transports.errors import NotPossible, excerpt
from chateau.client.transports.framing import LONGEST_BYTES, Step, received, utf8_flaw

LINE_END = b"\r\n"  # what every server takes, those of a Telnet kind too


class LineFraming:
    """Lines, from the client's side."""

    __slots__ = ("_end", "_rest", "flaw", "is_over", "is_ready")

    def __init__(self, end: str | None = None) -> None:
        """*end* is what every line of the server has to end with; either end is right without it."""
        self._end = end
        self._rest = bytearray()  # the beginning of a line
        self.is_ready = True
        self.is_over = False
        self.flaw: str | None = None

    def opening(self) -> bytes:
        return b""

    def receive(self, data: bytes) -> list[Step]:
        if b"\n" not in data:
            self._rest += data
            lines = []
        else:
            *lines, rest = (bytes(self._rest) + data).split(b"\n")
            self._rest = bytearray(rest)
        steps: list[Step] = []
        for line in lines:
            self._take(line, steps)
            if self.is_over:
                return steps
        if len(self._rest) > LONGEST_BYTES:
            self._fail("the server sent a line of more than 16 MiB")
        return steps

    def end(self) -> list[Step]:
        self.is_over = True
        if self._rest:
            self.flaw = f"the connection ended in the middle of a line: {excerpt(bytes(self._rest))}"
        return []

    def frame(self, opcode: Opcode, payload: bytes) -> bytes:
        if opcode is not Opcode.LINE:
            raise NotPossible(f"a connection of lines has no frame for a {opcode}")
        return payload + LINE_END

    def goodbye(self, code: int | None, reason: str) -> None:
        return None

    def unanswered(self) -> str:
        return "the server says nothing"

    def _take(self, written: bytes, steps: list[Step]) -> None:
        line = written.removesuffix(b"\r")
        end = "\n" if line == written else "\r\n"
        if self._end not in {None, end}:
            self._fail(f"a line of the server ends with {end!r}, not with {self._end!r}: {excerpt(line)}")
        elif flaw := utf8_flaw(line, "a line"):
            self._fail(flaw)
        else:
            steps.append(received(Opcode.LINE, line))

    def _fail(self, flaw: str) -> None:
        self.flaw, self.is_over = flaw, True
