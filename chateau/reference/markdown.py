"""Pages of the reference as Markdown, the form that each of them is written in once.

A link leads to ``page:NAME#ANCHOR``, ``schema:PATH`` or ``server:PATH``; :func:`resolve_links` turns these
into addresses, which differ between the files in docs/ and the pages that the server shows. The information
string of a code block has, after the language, what a browser needs to try the example: ``json how=frame
where=/ws``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

INDEX = "index"
"""The name of the page that lists all others."""

Resolve = Callable[[str, str, str], str | None]
"""Return the address of a link of a kind (page, schema, server) to a target and an anchor; None for no
link."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#~&])")
_LINK = re.compile(r"\[((?:[^\]\\]|\\.)*)\]\((page|schema|server):([^)#]*)((?:#[^)]*)?)\)")


class ErrorRow(NamedTuple):
    """A request gets the error *code* for the reason *about*: *sent* is such a request, *response* its
    response.

    The code is empty for a protocol that sends none.
    """

    code: str
    about: str
    response: str
    sent: str = ""
    language: str = "json"


@dataclass(frozen=True, slots=True)
class Section:
    """A headline with Markdown below it; *schema* is the path of the schema that the section is about."""

    title: str
    body: str = ""
    sections: tuple[Section, ...] = ()
    schema: str = ""
    is_code: bool = False
    errors: tuple[ErrorRow, ...] = ()

    def with_inner(self) -> Iterator[Section]:
        """Yield this section, and all inside it."""
        yield self
        for section in self.sections:
            yield from section.with_inner()

    @property
    def anchor(self) -> str:
        """The fragment that links to this section."""
        return slug(self.title)

    @property
    def headline(self) -> str:
        """The title as Markdown."""
        return code(self.title) if self.is_code else escape(self.title)

    @property
    def content(self) -> str:
        """The body as Markdown, after a link to the schema."""
        name = f"{self.schema.rpartition('/')[2]}.json"
        return blocks(f"Schema: [`{name}`](schema:{self.schema})" if self.schema else "", self.body)


class Socket(NamedTuple):
    """The WebSocket that a page's examples are tried over, and the frame to send first, if any."""

    address: str
    opening: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, with a lead in front of its sections."""

    name: str
    title: str
    lead: str
    sections: tuple[Section, ...] = field(default=())
    socket: Socket | None = None

    def all_sections(self) -> Iterator[Section]:
        """Yield every section and its inner ones, in reading order."""
        for section in self.sections:
            yield from section.with_inner()

    def errors(self) -> Iterator[ErrorRow]:
        """Yield the errors of all sections."""
        for section in self.all_sections():
            yield from section.errors

    def body(self, resolve: Resolve, *, level: int) -> str:
        """Return the sections as Markdown, with links resolved; *level* is that of the first headlines."""
        return resolve_links(blocks(*(_section(section, level) for section in self.sections)), resolve)


def _section(section: Section, level: int) -> str:
    inner = (_section(each, level + 1) for each in section.sections)
    return blocks(f"{'#' * level} {section.headline}", section.content, *inner)


def resolve_links(markdown: str, resolve: Resolve) -> str:
    """Return *markdown* with the addresses of *resolve* in its links."""

    def link(match: re.Match[str]) -> str:
        label, kind, target, anchor = match.groups()
        address = resolve(kind, target, anchor)
        return label if address is None else f"[{label}]({address})"

    return _LINK.sub(link, markdown)


def slug(title: str) -> str:
    """Return the anchor that code hosts generate for the headline *title*."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def escape(text: str) -> str:
    """Return Markdown that shows *text* literally."""
    return _SPECIAL.sub(r"\\\1", text)


def code(text: object) -> str:
    """Return *text* as code, between as many backticks as it needs."""
    shown = str(text)
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if "`" in shown else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def blocks(*parts: str) -> str:
    """Return those of *parts* that are not empty as blocks, each separated by an empty line."""
    return "\n\n".join(part for part in parts if part)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the first cell of a row is what the row is about."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def example(text: str, language: str = "json", attributes: Mapping[str, str] | None = None) -> str:
    """Return a code block; *attributes* is what a browser needs to try it."""
    info = " ".join([language, *(f"{name}={value}" for name, value in (attributes or {}).items())])
    return f"```{info}\n{text}\n```"


def error_list(rows: Iterable[ErrorRow], also: Sequence[str] = (), anchor: str = "") -> str:
    """Return the errors of a request; *also* are codes of any request, described at *anchor* of the page."""
    listed = [_error(row) for row in rows]
    if not also:
        return blocks(*listed)
    start = "Also possible" if listed else "Possible"
    codes = ", ".join(code_link(each) for each in also)
    return blocks("**Errors**", *listed, f"{start}, [as for any request](page:#{anchor}): {codes}.")


def code_link(error_code: str) -> str:
    """Return a link to the description of *error_code*."""
    return f"[{code(error_code)}](page:errors#{error_code})"


def _error(row: ErrorRow) -> str:
    start = f"{code_link(row.code)}: " if row.code else ""
    sent = [f"→ {line}" for line in row.sent.split("\n")] if row.sent else []
    first, *rest = row.response.split("\n")
    lines = [f"```{row.language} exchange", *sent, f"← {first}", *rest, "```"]
    return "\n".join([f"- {start}{row.about}", "", *(f"  {line}".rstrip() for line in lines)])
