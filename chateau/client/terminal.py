"""The terminal: texts from a server that are safe to print, and the console that prints them.

Invisible characters are escaped, long texts are shortened. The results have no character that is special to
XML, YAML or a terminal; each report adds its own quoting.
"""

import os
import sys
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters and marks without a glyph
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp", "Zs"})
_CUT = "…"


class _Escapes(dict[int, str | int]):
    """A cache for ``str.translate``."""

    def __missing__(self, code: int) -> str | int:
        self[code] = _escaped(code)
        return self[code]


def _escaped(code: int) -> str | int:
    character = chr(code)
    unseen = character in _BLANK or unicodedata.category(character) in _UNSEEN
    if character == " " or not unseen:
        return code
    return _SHORT.get(character, f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


_IN_A_LINE = _Escapes()
_IN_LINES = _Escapes({ord("\n"): "\n"})


def one_line(text: str) -> str:
    """Escape all invisible characters in *text*, also line breaks, as Python does."""
    return text.translate(_IN_A_LINE)


def in_lines(text: str) -> list[str]:
    """Escape the invisible characters in *text*; return its lines."""
    return text.replace("\r\n", "\n").translate(_IN_LINES).split("\n")


@cache
def _cells_of(character: str) -> int:
    from rich.cells import get_character_cell_size

    return sum(map(get_character_cell_size, one_line(character)))


def cells(text: str) -> int:
    """Return the width of the escaped *text* in terminal cells."""
    return sum(map(_cells_of, text))


def shortened(text: str, width: int) -> str:
    """Return *text* on one line of at most *width* cells, with an ellipsis if it is shortened."""
    if _fitting(text, width) == len(text):
        return one_line(text)
    return one_line(text[: _fitting(text, width - 1)]) + _CUT


def _fitting(text: str, width: int) -> int:
    """Return the number of characters of *text* that fit into *width* cells."""
    for index, character in enumerate(text):
        width -= _cells_of(character)
        if width < 0:
            return index
    return len(text)


def complain(text: object, kind: str = "error") -> None:
    """Print *text* to standard error, after its *kind*: names of files and what servers send may be in it."""
    print("\n".join(in_lines(f"{kind}: {text}")), file=sys.stderr)


def console(stream: TextIO) -> "Console":
    """Return a console on *stream*, in colour on a terminal unless NO_COLOR is set."""
    from rich.console import Console  # message files with --json have no use for it

    class RaisingConsole(Console):
        def on_broken_pipe(self) -> None:
            """Raise the error, for the exit code of the command; rich would exit with 1."""
            raise

    in_colour = stream.isatty() and not os.environ.get("NO_COLOR")
    return RaisingConsole(
        file=stream,
        force_terminal=stream.isatty(),
        color_system="auto" if in_colour else None,
        emoji=False,
        markup=False,
        highlight=False,
    )
