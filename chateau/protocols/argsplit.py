"""Split the arguments of a chat command: ``!join "my room" swordfish`` has two.

White space separates words. A word that begins with a quotation mark ends at the next one and may contain
spaces; in ``"…"`` a backslash escapes a ``"`` or a ``\\``. Anywhere else these characters are ordinary, so
that ``don't`` is a word.
"""

from __future__ import annotations

import re

WORDS_LIMIT = 1_000
"""Maximum number of words after a command."""

_SPACE = re.compile(r"\s*+")
_WORD = re.compile(
    r"""
    "( (?: [^"\\] | \\. )*+ )" (?!\S)
    | '( [^']*+ )' (?!\S)
    | ( [^\s"'] \S*+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r'\\(["\\])')
_SPECIAL = re.compile(r'["\\]')


def split(line: str, words: int | None = None) -> list[str]:
    """Return the words of *line*; after the first *words* of them, if given, the rest is one text.

    Raises:
        ValueError: a quotation mark is not closed at a word's end, or there are too many words.
    """
    line = line.strip()
    found: list[str] = []
    place = 0
    while place < len(line) and len(found) != words:
        if len(found) == WORDS_LIMIT:
            raise ValueError(f"A command has at most {WORDS_LIMIT} words behind it")
        match = _WORD.match(line, place)
        if match is None:
            raise ValueError("A quotation mark has to be closed at the end of a word")
        found.append(_meant(match))
        place = _end_of_space(line, match.end())
    return [*found, line[place:]] if place < len(line) else found


def word(text: str) -> str:
    """Return *text*, which is not empty, as one word of a command, quoted if necessary."""
    match = _WORD.fullmatch(text)
    if match is not None and _meant(match) == text:
        return text
    return '"' + _SPECIAL.sub(r"\\\g<0>", text) + '"'


def _meant(match: re.Match[str]) -> str:
    doubly, singly, plain = match.groups()
    if doubly is not None:
        return _ESCAPED.sub(r"\1", doubly)
    return str(singly if singly is not None else plain)


def _end_of_space(line: str, place: int) -> int:
    match = _SPACE.match(line, place)
    assert match is not None, "no space is space, too"
    return match.end()
