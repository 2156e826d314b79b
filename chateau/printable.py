"""Texts for a terminal and for logs: characters that change how others are shown are escaped."""

from __future__ import annotations

import unicodedata
from typing import Final

_SHORT: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp"})
_MOST_CACHED: Final = 4096


class _Escapes(dict[int, str | int]):
    """The replacements of characters, for ``str.translate``; a bounded cache."""

    def __missing__(self, code: int) -> str | int:
        if len(self) >= _MOST_CACHED:
            self.clear()
        self[code] = replacement = _escaped(code)
        return replacement


def _escaped(code: int) -> str | int:
    character = chr(code)
    if unicodedata.category(character) not in _UNSEEN:
        return code
    if code < 0x100:
        return _SHORT.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_ESCAPES = _Escapes()


def printable(text: str) -> str:
    """Return *text* in one line: control characters, line breaks, characters that change the direction of
    text, and lone surrogates are escaped as in Python."""
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_ESCAPES)
