"""Pages as HTML, for ``/docs/``: links lead to where they are from the page itself, whatever goes before it.

What a browser can do with an example stands in its ``data-`` attributes, for ``chateau/console/docs.js``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import Any

from chateau import __version__
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


def to_html(page: Page, others: Sequence[Page], files: str) -> str:
    """The whole of *page*, with a way to all *others*; *files* is where scripts and styles are, from here."""
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(page.title)} · Chateau</title>",
            f'<link rel="icon" href="{files}/icon.svg" type="image/svg+xml">',
            f'<link rel="stylesheet" href="{files}/base.css">',
            f'<link rel="stylesheet" href="{files}/docs.css">',
            f'<script type="module" src="{files}/docs.js"></script>',
            "</head>",
            f"<body{_talk(page)}>",
            '<a class="skip" href="#text">To the text</a>',
            '<header class="bar">',
            '<p class="home"><a href="../">Chateau</a></p>',
            f'<p class="muted">Reference of version {escape(__version__)}</p>',
            "</header>",
            '<div class="docs">',
            *_navigation(page, others),
            '<main id="text">',
            f"<h1>{escape(page.title)}</h1>",
            *_blocks(page.lead),
            *(line for section in page.sections for line in _section(section, 2)),
            "</main>",
            "</div>",
            "</body>",
            "</html>",
            "",
        ]
    )


def address(name: str) -> str:
    """Where the page called *name* is, from another one."""
    return "./" if name == INDEX else name


def _talk(page: Page) -> str:
    if page.talk is None:
        return ""
    return _attributes({"data-socket": page.talk.address, "data-opening": page.talk.opening})


def _attributes(values: dict[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in values.items() if value)


def _navigation(page: Page, others: Sequence[Page]) -> Iterator[str]:
    yield '<nav aria-label="Reference">'
    yield "<ul>"
    for other in others:
        here = ' aria-current="page"' if other is page else ""
        title = escape(other.title)
        if other is page and page.sections:
            yield f'<li><a href="{address(other.name)}"{here}>{title}</a>'
            yield "<details open><summary>On this page</summary>"
            yield from _contents(page.sections)
            yield "</details></li>"
        else:
            yield f'<li><a href="{address(other.name)}"{here}>{title}</a></li>'
    yield "</ul>"
    yield "</nav>"


def _contents(sections: Iterable[Section]) -> Iterator[str]:
    yield "<ul>"
    for section in sections:
        yield f'<li><a href="#{section.anchor}">{_title(section)}</a>'
        if section.sections:
            yield from _contents(section.sections)
        yield "</li>"
    yield "</ul>"


def _title(section: Section) -> str:
    return f"<code>{escape(section.title)}</code>" if section.is_code else escape(section.title)


def _section(section: Section, level: int) -> Iterator[str]:
    title = f'<a class="anchor" href="#{section.anchor}">{_title(section)}</a>'
    yield f'<section class="level-{level}">'
    yield f'<h{level} id="{section.anchor}">{title}</h{level}>'
    if section.schema:
        name = escape(f"{section.schema.rpartition('/')[2]}.json")
        link = f'<a href="../schemas/{escape(section.schema)}.json"><code>{name}</code></a>'
        yield f'<p class="muted">Schema: {link}</p>'
    yield from _blocks(section.blocks)
    for inner in section.sections:
        yield from _section(inner, level + 1)
    yield "</section>"


def _blocks(blocks: Iterable[Any]) -> Iterator[str]:
    for block in blocks:
        yield from _BLOCKS[block.__class__](block)


def _paragraph(paragraph: Paragraph) -> Iterator[str]:
    yield f"<p>{_text(paragraph.text)}</p>"


def _table(table: Table) -> Iterator[str]:
    """A table with its roles written out: on small screens its cells stand below one another."""
    yield '<table role="table">'
    heads = "".join(f'<th role="columnheader" scope="col">{escape(name)}</th>' for name in table.head)
    yield f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
    yield '<tbody role="rowgroup">'
    for first, *rest in table.rows:
        cells = "".join(
            f'<td role="cell" data-head="{escape(name)}">{_text(cell)}</td>'
            for name, cell in zip(table.head[1:], rest, strict=True)
        )
        yield f'<tr role="row"><th role="rowheader" scope="row">{_text(first)}</th>{cells}</tr>'
    yield from ("</tbody>", "</table>")


def _example(example: Example) -> Iterator[str]:
    data: dict[str, str] = {}
    if example.errand is not None:
        data = {"data-how": example.errand.how, "data-where": example.errand.where}
        data |= {f"data-{name.lower()}": value for name, value in example.errand.headers}
    yield f'<div class="example"{_attributes(data)}><pre><code>{escape(example.text)}</code></pre></div>'


def _refusals(refusals: Refusals) -> Iterator[str]:
    if refusals.also:
        yield '<p class="label">What can go wrong</p>'
    if refusals.rows:
        yield '<dl class="refusals">'
        for row in refusals.rows:
            yield from _refusal(row)
        yield "</dl>"
    if refusals.also:
        link = f'<a href="#{refusals.anchor}">as any request can be</a>'
        also = ", ".join(map(_code_link, refusals.also))
        start = "And it can be refused" if refusals.rows else "It can be refused"
        yield f"<p>{start}, {link}: {also}.</p>"


def _refusal(row: Refusal) -> Iterator[str]:
    code = f"{_code_link(row.code)} " if row.code else ""
    sent = f"<pre><code>{_directed('→', 'sent', row.sent)}</code></pre>" if row.sent else ""
    answer = _directed("←", "answered", row.answer)
    yield f"<dt>{code}{_text(prose(row.says))}</dt>"
    yield f"<dd>{sent}<pre><code>{answer}</code></pre></dd>"


def _directed(arrow: str, word: str, text: str) -> str:
    """*text* behind an arrow, which is a word for who does not see it."""
    return f'<span aria-hidden="true">{arrow} </span><span class="unseen">{word}: </span>{escape(text)}'


def _code_link(code: str) -> str:
    return f'<a href="errors#{code}"><code>{code}</code></a>' if code in CODES else f"<code>{code}</code>"


def _text(text: Text) -> str:
    return _piece(text) if isinstance(text, str) else "".join(map(_piece, text))


def _piece(piece: Piece) -> str:
    match piece:
        case Code(text):
            return f"<code>{escape(text)}</code>"
        case Link(label):
            return f'<a href="{escape(_target(piece))}">{_piece(label)}</a>'
    return escape(piece, quote=False)


def _target(link: Link) -> str:
    anchor = f"#{link.anchor}" if link.anchor else ""
    if link.kind == "server":
        return f"../{link.target}"
    return (address(link.target) if link.target else "") + anchor


_BLOCKS: dict[type, Callable[[Any], Iterator[str]]] = {
    Paragraph: _paragraph,
    Table: _table,
    Example: _example,
    Refusals: _refusals,
}
