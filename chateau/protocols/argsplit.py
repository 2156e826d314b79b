"""Split the arguments of a chat command: ``!join "my room" swordfish`` has two.

White space separates words. A word that begins with a quotation mark ends at the next one and may contain
spaces; in ``"…"`` a backslash escapes a ``"`` or a ``\\``. Anywhere else these characters are ordinary, so
that ``don't`` is a word.
"""

from __future__ import annotations

import re

WORDS_LIMIT = 1_000
"""Maximum number of words after a command."""

LENGTH_LIMIT = 16_384
"""Maximum length of these words with the spaces between them. A text behind them may be longer."""

_WORD = re.compile(
    r"""
    "( [^"\\]*+ (?: \\. [^"\\]*+ )*+ )" (?!\S)
    | '( [^']*+ )' (?!\S)
    | ( [^\s"'] \S*+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_SPECIAL = re.compile(r'["\\]')


def split(line: str, words: int | None = None) -> list[str]:
    """Return the words of *line*; after the first *words* of them, if given, the rest is one text.

    Raises:
        ValueError: a quotation mark is not closed at a word's end, or there are too many words, or they are
            too long.
    """
    line = line.strip()
    if words is None and len(line) > LENGTH_LIMIT:
        raise _too_long()
    found: list[str] = []
    place = 0
    while place < len(line) and len(found) != words:
        if len(found) == WORDS_LIMIT:
            raise ValueError(f"A command has at most {WORDS_LIMIT} words behind it")
        match = _WORD.match(line, place, LENGTH_LIMIT + 1)
        if len(line) > LENGTH_LIMIT and (match is None or match.end() > LENGTH_LIMIT):
            raise _too_long()
        if match is None:
            raise ValueError("A quotation mark has to be closed at the end of a word")
        found.append(_meant(match))
        place = match.end() + 1
        if line[place : place + 1].isspace():
            place = len(line) - len(line[place:].lstrip())
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
        return "\\".join(part.replace('\\"', '"') for part in doubly.split("\\\\"))
    return str(singly if singly is not None else plain)


def _too_long() -> ValueError:
    return ValueError(f"The words of a command have at most {LENGTH_LIMIT} characters")
