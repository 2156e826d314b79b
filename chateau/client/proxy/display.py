"""Display: one line per frame for people, in colour on a terminal, or one JSON object per frame for programs.

Frames go to stdout; notes and errors go to stderr.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.text import Text

from chateau.client.proxy.codec import DIRECTION_NAMES, Kind
from chateau.client.recordings.recording import payload_fields, timestamp
from chateau.client.terminal import console, one_line
from chateau.client.transcript import Direction, Opcode, close_of, payload_text

MAX_CHARACTERS = 100  # of a payload in a line for people

_ARROWS = {Direction.SENT: ("→ server ", "cyan"), Direction.RECEIVED: ("← server ", "green")}


@dataclass(frozen=True, slots=True)
class Observation:
    """One line of the output: a frame, or the opening or the end of a connection."""

    at: float  # seconds of Unix time
    connection: int
    direction: Direction
    opcode: str
    payload: bytes
    faults: tuple[str, ...] = ()


class QuietDisplay:
    """Prints errors only."""

    def __init__(self) -> None:
        self._err = console(sys.stderr)

    def show(self, observation: Observation) -> None:
        pass

    def error(self, sentence: str) -> None:
        self.note(sentence, "bold red")

    def note(self, sentence: str, style: str = "dim") -> None:
        try:
            self._err.print(Text(one_line(sentence), style), soft_wrap=True)
        except OSError:  # the reader of stderr is closed
            return


class LineDisplay(QuietDisplay):
    """Prints one line per observation, for people; calls *on_gone* when the reader of stdout is closed."""

    def __init__(self, on_gone: Callable[[], None]) -> None:
        super().__init__()
        self._out = console(sys.stdout)
        self._on_gone = on_gone

    def show(self, observation: Observation) -> None:
        try:
            self.write(observation)
        except OSError:
            self._on_gone()

    def write(self, observation: Observation) -> None:
        local = datetime.fromtimestamp(observation.at, UTC).astimezone()
        line = Text.assemble(
            (f"{local.time().isoformat('milliseconds')} ", "dim"),
            (f"#{observation.connection:<3} ", "bold"),
            _ARROWS[observation.direction],
            (f"{observation.opcode:<12} ", "bold"),
            (_shortened(observation), ""),
            (f"  [{', '.join(observation.faults)}]" if observation.faults else "", "bold yellow"),
        )
        if self._out.is_terminal:
            self._out.print(line, soft_wrap=True)
        else:
            print(line.plain.rstrip(), flush=True)


class JsonDisplay(LineDisplay):
    """Prints one JSON object per observation, with the whole payload."""

    def write(self, observation: Observation) -> None:
        value = {
            "time": timestamp(observation.at),
            "connection": observation.connection,
            "direction": DIRECTION_NAMES[observation.direction],
            "opcode": observation.opcode,
            **_payload(observation),
            "done": list(observation.faults),
        }
        print(json.dumps(value, ensure_ascii=False), flush=True)


def _payload(observation: Observation) -> dict[str, object]:
    """Return the payload as in a recording; a close always has a code, null if it had none."""
    is_close = observation.opcode == Kind.CLOSE
    code = {"code": close_of(observation.payload)[0]} if is_close else {}
    return {**payload_fields(observation.payload[2:] if is_close else observation.payload), **code}


def _shortened(observation: Observation) -> str:
    """Return the payload on one line, or its beginning."""
    beginning = observation.payload[: 4 * MAX_CHARACTERS]
    text = _text(observation.opcode, beginning)
    length = f" ({len(observation.payload)} bytes)" if observation.payload else ""
    if observation.opcode == Kind.BYTES:
        return length.strip(" ()")
    if len(text) > MAX_CHARACTERS or len(beginning) < len(observation.payload):
        return f"{text[: MAX_CHARACTERS - 1]}…{length}"
    return text


def _text(opcode: str, payload: bytes) -> str:
    text = payload_text(opcode, payload).replace("\r\n", "\n")
    if opcode in {Opcode.REQUEST, Opcode.RESPONSE}:
        head, _, body = text.partition("\n\n")
        text = "  ".join([*head.splitlines()[:1], body])
    return one_line(text)
