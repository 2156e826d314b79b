"""Pages as Markdown, for docs/reference/: links lead from file to file, as a code host shows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from chateau.reference.pages.errors import CODES
from chateau.reference.pages.model import (
    INDEX,
    Code,
    Example,
    Link,
    Page,
    Paragraph,
    Piece,
    Refusal,
    Refusals,
    Section,
    Table,
    Text,
    prose,
)

ROOT = "../.."
"""Where the top of the repository is, seen from docs/reference/."""

MADE = "<!-- Made by `make docs`; to change this page, change what it is made from. -->"

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def file_name(page: str) -> str:
    """The file that the page called *page* is in; the index is what a code host shows of a folder."""
    return "README.md" if page == INDEX else f"{page}.md"


def to_markdown(page: Page) -> str:
    """The whole of *page*."""
    lines = [MADE, "", f"# {page.title}", "", *_blocks(page.lead)]
    if page.by_hand:
        lines += [f"More about it stands in [{page.by_hand}](../{page.by_hand}).", ""]
    for section in page.sections:
        lines += _section(section, 2)
    return "\n".join(lines)


def _section(section: Section, level: int) -> Iterator[str]:
    title = _code(section.title) if section.is_code else section.title
    yield from (f"{'#' * level} {title}", "")
    if section.schema:
        name = f"{section.schema.rpartition('/')[2]}.json"
        yield from (f"Schema: [`{name}`]({ROOT}/schemas/{section.schema}.json)", "")
    yield from _blocks(section.blocks)
    for inner in section.sections:
        yield from _section(inner, level + 1)


def _blocks(blocks: Iterable[Any]) -> Iterator[str]:
    for block in blocks:
        yield from _BLOCKS[block.__class__](block)


def _paragraph(paragraph: Paragraph) -> Iterator[str]:
    yield from (_text(paragraph.text), "")


def _table(table: Table) -> Iterator[str]:
    yield _row(table.head)
    yield "|" + "---|" * len(table.head)
    yield from (_row([_text(cell) for cell in row]) for row in table.rows)
    yield ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _example(example: Example) -> Iterator[str]:
    yield from (f"```{example.language}", example.text, "```", "")


def _refusals(refusals: Refusals) -> Iterator[str]:
    if refusals.also:
        yield from ("What can go wrong:", "")
    for row in refusals.rows:
        yield from _refusal(row)
    if refusals.also:
        link = f"[as any request can be](#{refusals.anchor})"
        also = ", ".join(_code_link(code) for code in refusals.also)
        start = "And it can be refused" if refusals.rows else "It can be refused"
        yield from (f"{start}, {link}: {also}.", "")


def _refusal(row: Refusal) -> Iterator[str]:
    code = f"{_code_link(row.code)}: " if row.code else ""
    yield f"- {code}{_text(prose(row.says))}"
    yield ""
    yield f"  ```{row.language}"
    if row.sent:
        yield from (f"  → {line}" for line in row.sent.split("\n"))
        yield from (f"  {'← ' if number == 0 else ''}{line}" for number, line in enumerate(_lines(row)))
    else:
        yield from (f"  {line}".rstrip() for line in _lines(row))
    yield from ("  ```", "")


def _lines(row: Refusal) -> list[str]:
    return row.answer.split("\n")


def _code_link(code: str) -> str:
    return f"[`{code}`](errors.md#{code})" if code in CODES else f"`{code}`"


def _text(text: Text) -> str:
    return _piece(text) if isinstance(text, str) else "".join(map(_piece, text))


def _piece(piece: Piece) -> str:
    match piece:
        case Code(text):
            return _code(text)
        case Link(label, "server"):
            return _piece(label)
        case Link(label):
            return f"[{_piece(label)}]({_target(piece)})"
    return _SPECIAL.sub(r"\\\1", piece)


def _target(link: Link) -> str:
    anchor = f"#{link.anchor}" if link.anchor else ""
    return (file_name(link.target) if link.target else "") + anchor


def _code(text: str) -> str:
    """*text* between as many backticks as it needs; a table's bars stay bars."""
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if "`" in text else ""
    return f"{ticks}{pad}{text}{pad}{ticks}".replace("|", "\\|")


_BLOCKS: dict[type, Callable[[Any], Iterator[str]]] = {
    Paragraph: _paragraph,
    Table: _table,
    Example: _example,
    Refusals: _refusals,
}
