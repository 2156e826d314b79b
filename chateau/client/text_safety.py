"""Texts from a server, made legible: what cannot be seen is written out, what is long is cut.

What comes out has no character that XML, YAML or a terminal would take for something else; quoting
it for one of them is that report's work.
"""

import unicodedata
from functools import cache

from rich.cells import get_character_cell_size

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters and marks that show nothing
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp", "Zs"})
_BREAKS = " ,;&/"
_CUT = "…"


class _Escapes(dict[int, str | int]):
    """For ``str.translate``: looks at each character once."""

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
    """*text* with everything that cannot be seen, line breaks too, written as Python writes it."""
    return text.translate(_IN_A_LINE)


def in_lines(text: str) -> list[str]:
    """The same, but line breaks part lines."""
    return text.replace("\r\n", "\n").translate(_IN_LINES).split("\n")


@cache
def _cells_of(character: str) -> int:
    return sum(map(get_character_cell_size, one_line(character)))


def cells(text: str) -> int:
    """How wide *text* is, made legible, where a character is as wide as the others, or twice as wide."""
    return sum(map(_cells_of, text))


def shortened(text: str, width: int) -> str:
    """*text* in one line of at most *width* cells; an ellipsis stands for what is left out."""
    if _fitting(text, width) == len(text):
        return one_line(text)
    return one_line(text[: _fitting(text, width - 1)]) + _CUT


def wrapped(text: str, width: int, most: int) -> list[str]:
    """*text* in at most *most* lines of at most *width* cells, cut where words or JSON's parts end."""
    lines: list[str] = []
    while len(lines) < most - 1 and (fitting := _fitting(text, width)) < len(text):
        cut = _place_to_cut(text, fitting)
        lines.append(one_line(text[:cut]).rstrip())
        text = text[cut:].lstrip(" ")
    return [*lines, shortened(text, width)]


def _fitting(text: str, width: int) -> int:
    """How many characters of *text* fit into *width* cells."""
    for index, character in enumerate(text):
        width -= _cells_of(character)
        if width < 0:
            return index
    return len(text)


def _place_to_cut(text: str, fitting: int) -> int:
    """Behind the last character after which *text* may be cut, if that leaves the line half full."""
    if text[fitting] == " ":
        return fitting
    place = 1 + max(text.rfind(character, 0, fitting) for character in _BREAKS)
    return place if place > fitting // 2 else max(fitting, 1)
