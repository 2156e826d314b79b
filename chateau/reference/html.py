"""Pages of the reference as HTML: their Markdown, rendered by markdown-it, in the template ``page.html``.

Nothing is inline that the Content-Security-Policy would block, and raw HTML in Markdown is shown as text.
``chateau/console/docs.js`` finds the examples by their class and ``data-`` attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from tornado.template import Template

from chateau import __version__
from chateau.reference.markdown import INDEX, Page, Section, resolve_links

if TYPE_CHECKING:
    from markdown_it.rules_core import StateCore

DIRECTIONS = {"→ ": "sent", "← ": "received"}
"""An arrow in front of a line, and the word for people who do not see it."""


def to_html(page: Page, others: Sequence[Page], files: str) -> str:
    """Return the whole of *page*, with links to *others*; *files* is the URL of the scripts and styles."""
    html = _template().generate(
        page=page,
        others=others,
        files=files,
        version=__version__,
        body=_rendered(page.lead) + "".join(_section(each, level=2) for each in page.sections),
        address=address,
        contents=_contents,
    )
    return html.decode()


@cache
def _template() -> Template:
    return Template(Path(__file__).with_name("page.html").read_text("utf-8"), whitespace="all")


def address(name: str) -> str:
    """Return the URL of the page *name*, relative to another page."""
    return "./" if name == INDEX else name


def _resolve(kind: str, target: str, anchor: str) -> str:
    if kind == "schema":
        return f"../schemas/{target}.json"
    return f"../{target}" if kind == "server" else f"{address(target) if target else ''}{anchor}"


def _contents(sections: Iterable[Section]) -> str:
    """Return links to *sections* and their inner ones as nested lists."""
    items = (
        f'<li><a href="#{each.anchor}">{_renderer().renderInline(each.headline)}</a>\n'
        f"{_contents(each.sections) if each.sections else ''}</li>\n"
        for each in sections
    )
    return f"<ul>\n{''.join(items)}</ul>\n"


def _section(section: Section, level: int) -> str:
    """Return *section*, whose headline links to itself."""
    anchor, headline = section.anchor, _renderer().renderInline(section.headline)
    inner = "".join(_section(each, level + 1) for each in section.sections)
    return (
        f'<section class="level-{level}">\n'
        f'<h{level} id="{anchor}"><a class="anchor" href="#{anchor}">{headline}</a></h{level}>\n'
        f"{_rendered(section.content)}{inner}</section>\n"
    )


def _rendered(markdown: str) -> str:
    html: str = _renderer().render(resolve_links(markdown, _resolve))
    return html


@cache
def _renderer() -> MarkdownIt:
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    renderer.core.ruler.push("attributes", _add_attributes)
    renderer.add_render_rule("fence", _fence)
    return renderer


_ROLES = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}


def _add_attributes(state: StateCore) -> None:
    """Give lists their class, and tables the roles that they lose on small screens.

    The cells of a row are shown there below one another.
    """
    heads: list[str] = []
    column = 0
    for token, inline in zip(state.tokens, [*state.tokens[1:], Token("", "", 0)], strict=False):
        if token.type == "thead_open":
            heads = []
        if token.type == "tr_open":
            column = 0
        if token.type == "th_open":
            heads.append(inline.content)
            token.attrs = {"role": "columnheader", "scope": "col"}
        elif token.type == "td_open" and column == 0:
            token.tag = "th"
            token.attrs = {"role": "rowheader", "scope": "row"}
        elif token.type == "td_open":
            token.attrs = {"role": "cell", "data-head": heads[column]}
        elif token.type == "td_close":
            token.tag = "th" if column == 0 else "td"
            column += 1
        elif token.type == "bullet_list_open":
            token.attrSet("class", "errors")
        elif token.nesting == 1 and token.tag in _ROLES:
            token.attrSet("role", _ROLES[token.tag])


def _fence(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    info = tokens[index].info.split()[1:]
    text = tokens[index].content.removesuffix("\n")
    if info == ["exchange"]:
        return f"<pre><code>{chr(10).join(map(_directed, text.split(chr(10))))}</code></pre>\n"
    attributes = (each.partition("=") for each in info)
    data = "".join(f' data-{name}="{escape(value)}"' for name, _, value in attributes)
    return f'<div class="example"{data}><pre><code>{escape(text)}</code></pre></div>\n'


def _directed(line: str) -> str:
    word = DIRECTIONS.get(line[:2])
    if word is None:
        return escape(line)
    return f'<span aria-hidden="true">{line[:2]}</span><span class="unseen">{word}: </span>{escape(line[2:])}'
