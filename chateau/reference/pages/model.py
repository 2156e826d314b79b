"""What a page of the reference is made of: sections of paragraphs, tables, examples and refusals.

Text is a string, or a tuple of strings, code and links; none of it is markup yet. How it is written is the
affair of :mod:`chateau.reference.pages.to_html` and :mod:`chateau.reference.pages.to_markdown`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Code:
    """What stands there letter by letter."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """*label*, leading to *target*: a page's name, or an address on the server.

    Without a target it leads to its *anchor* on the page that it is on.
    """

    label: str | Code
    kind: Literal["page", "server"]
    target: str
    anchor: str = ""


Piece = str | Code | Link
Text = str | tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: Text


@dataclass(frozen=True, slots=True)
class Table:
    """*head* names the columns; the first cell of a row says what the row is about."""

    head: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]


Language = Literal["json", "text", "sh", "http"]


@dataclass(frozen=True, slots=True)
class Errand:
    """What a browser does with an example: *how* it is sent, *where* to on the server, with which headers."""

    how: Literal["frame", "post", "stream"]
    where: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """Something to copy, and, where there is an *errand*, to try."""

    text: str
    language: Language = "json"
    errand: Errand | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request is refused with *code*, as *says* says: *sent* is such a one, *answer* what comes back.

    Where the code is empty, the wire has none, and the answer's own words are what it is called by.
    """

    code: str
    says: str
    answer: str
    sent: str = ""
    language: Language = "json"


@dataclass(frozen=True, slots=True)
class Refusals:
    """What can go wrong with one request; *also* are codes that are shown at the *anchor* of the page."""

    rows: tuple[Refusal, ...]
    also: tuple[str, ...] = ()
    anchor: str = ""


Block = Paragraph | Table | Example | Refusals


@dataclass(frozen=True, slots=True)
class Section:
    """A headline, what stands below it, and where one comes to it: *anchor*, made of the title."""

    title: str
    blocks: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()
    schema: str = ""
    """The path of the schema that this section is about, where it is about one."""
    is_code: bool = False
    """Whether the title stands there letter by letter."""

    @property
    def anchor(self) -> str:
        return slug(self.title)


@dataclass(frozen=True, slots=True)
class Talk:
    """The WebSocket that a page's examples go over, and the frame that has to come first, if any does."""

    address: str
    opening: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page; *by_hand* is what is written by hand about the same, below docs/."""

    name: str
    title: str
    lead: tuple[Block, ...]
    sections: tuple[Section, ...]
    talk: Talk | None = None
    by_hand: str = ""

    def all_sections(self) -> Iterator[Section]:
        """Every section, those inside others too, from the top down."""
        waiting = [*self.sections]
        while waiting:
            section = waiting.pop(0)
            yield section
            waiting = [*section.sections, *waiting]


INDEX = "index"
"""The name of the page that lists all others."""


def slug(title: str) -> str:
    """The anchor that code hosts make of the headline *title*."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def prose(written: str) -> Text:
    """*written*, in which what stands between backticks is code."""
    pieces = written.split("`")
    return tuple(Code(piece) if number % 2 else piece for number, piece in enumerate(pieces) if piece)


def plain(text: Text) -> str:
    """*text* without what makes its pieces special."""
    return text if isinstance(text, str) else "".join(map(_plain_piece, text))


def _plain_piece(piece: Piece) -> str:
    if isinstance(piece, Link):
        return _plain_piece(piece.label)
    return piece.text if isinstance(piece, Code) else piece


def joined(texts: list[Text], separator: str) -> Text:
    """*texts*, those that say something, with *separator* between them."""
    pieces: list[Piece] = []
    for text in filter(None, texts):
        if pieces:
            pieces.append(separator)
        pieces.extend([text] if isinstance(text, str) else text)
    return tuple(pieces)
