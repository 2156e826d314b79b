"""Pages of the reference as HTML: their Markdown, rendered by markdown-it, in the frame that all pages share.

Nothing is inline that the Content-Security-Policy would block, and raw HTML in Markdown is shown as text.
``chateau/console/docs.js`` finds the examples by their class and ``data-`` attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from chateau import __version__
from chateau.reference.markdown import INDEX, Page, Section, slug

if TYPE_CHECKING:
    from markdown_it.rules_core import StateCore

TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Chateau</title>
<link rel="icon" href="{files}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{files}/base.css">
<link rel="stylesheet" href="{files}/docs.css">
<script type="module" src="{files}/docs.js"></script>
</head>
<body{socket}>
<a class="skip" href="#text">Skip to content</a>
<header class="bar">
<p class="home"><a href="../">Chateau</a></p>
<p class="muted">Reference, version {version}</p>
</header>
<div class="docs">
<nav aria-label="Reference">
{navigation}
</nav>
<main id="text">
<h1>{title}</h1>
{body}</main>
</div>
</body>
</html>
"""

DIRECTIONS = {"→ ": "sent", "← ": "received"}
"""An arrow in front of a line, and the word for people who do not see it."""


def to_html(page: Page, others: Sequence[Page], files: str) -> str:
    """Return the whole of *page*, with links to *others*; *files* is the URL of the scripts and styles."""
    socket = page.socket
    data = {"data-socket": socket.address, "data-opening": socket.opening} if socket else {}
    return TEMPLATE.format(
        title=escape(page.title),
        files=files,
        socket=_attributes(data),
        version=escape(__version__),
        navigation="\n".join(_navigation(page, others)),
        body=_renderer().render(page.body(_resolve)),
    )


def address(name: str) -> str:
    """Return the URL of the page *name*, relative to another page."""
    return "./" if name == INDEX else name


def _resolve(kind: str, target: str, anchor: str) -> str:
    if kind == "schema":
        return f"../schemas/{target}.json"
    return f"../{target}" if kind == "server" else f"{address(target) if target else ''}{anchor}"


def _attributes(values: dict[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in values.items() if value)


def _navigation(page: Page, others: Sequence[Page]) -> Iterator[str]:
    yield "<ul>"
    for other in others:
        here = ' aria-current="page"' if other is page else ""
        yield f'<li><a href="{address(other.name)}"{here}>{escape(other.title)}</a>'
        if other is page and page.sections:
            yield "<details open><summary>On this page</summary>"
            yield from _contents(page.sections)
            yield "</details>"
        yield "</li>"
    yield "</ul>"


def _contents(sections: Iterable[Section]) -> Iterator[str]:
    yield "<ul>"
    for section in sections:
        title = escape(section.title)
        yield f'<li><a href="#{section.anchor}">{f"<code>{title}</code>" if section.is_code else title}</a>'
        if section.sections:
            yield from _contents(section.sections)
        yield "</li>"
    yield "</ul>"


@cache
def _renderer() -> MarkdownIt:
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    renderer.core.ruler.push("anchors", _add_anchors)
    renderer.core.ruler.push("tables", _add_roles)
    renderer.core.ruler.push("sections", _wrap_sections)
    renderer.add_render_rule("fence", _fence)
    return renderer


def _add_anchors(state: StateCore) -> None:
    """Give each headline its anchor, and a link to it."""
    for opening, inline in zip(state.tokens, state.tokens[1:], strict=False):
        if opening.type == "heading_open":
            assert inline.children is not None
            anchor = slug("".join(child.content for child in inline.children))
            opening.attrSet("id", anchor)
            link = Token("link_open", "a", 1, attrs={"class": "anchor", "href": f"#{anchor}"})
            inline.children = [link, *inline.children, Token("link_close", "a", -1)]
        elif opening.type == "bullet_list_open":
            opening.attrSet("class", "errors")


def _wrap_sections(state: StateCore) -> None:
    """Put each headline and what follows it, up to the next one of its level, into a section."""
    wrapped: list[Token] = []
    levels: list[int] = []

    def close_down_to(level: int) -> None:
        while levels and levels[-1] >= level:
            levels.pop()
            wrapped.append(Token("section_close", "section", -1, block=True))

    for token in state.tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
            close_down_to(level)
            levels.append(level)
            attributes: dict[str, str | int | float] = {"class": f"level-{level}"}
            wrapped.append(Token("section_open", "section", 1, attrs=attributes, block=True))
        wrapped.append(token)
    close_down_to(0)
    state.tokens = wrapped


_ROLES = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}


def _add_roles(state: StateCore) -> None:
    """Write out the roles of a table, whose cells stand below one another on small screens."""
    heads: list[str] = []
    column = 0
    for token, inline in zip(state.tokens, [*state.tokens[1:], Token("", "", 0)], strict=True):
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
        elif token.nesting == 1 and token.tag in _ROLES:
            token.attrSet("role", _ROLES[token.tag])


def _fence(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    info = tokens[index].info.split()[1:]
    text = tokens[index].content.removesuffix("\n")
    if info == ["exchange"]:
        return f"<pre><code>{chr(10).join(map(_directed, text.split(chr(10))))}</code></pre>\n"
    data = dict(f"data-{attribute}".split("=", 1) for attribute in info)
    return f'<div class="example"{_attributes(data)}><pre><code>{escape(text)}</code></pre></div>\n'


def _directed(line: str) -> str:
    word = DIRECTIONS.get(line[:2])
    if word is None:
        return escape(line)
    return f'<span aria-hidden="true">{line[:2]}</span><span class="unseen">{word}: </span>{escape(line[2:])}'
