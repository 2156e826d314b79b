"""The pages: all that there is stands on them, once, and every link leads somewhere."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest
from made_pages import ROOT, SCHEMAS, made, page, sources

from chateau.hub.errors import HubError
from chateau.protocols import channels, errors, lines, opcodes_commands, publications
from chateau.reference.pages.errors import CODES
from chateau.reference.pages.model import INDEX, Code, Example, Link, Page, Paragraph, Section, Table, slug
from chateau.reference.pages.to_html import to_html
from chateau.reference.pages.to_markdown import file_name, to_markdown
from chateau.reference.specifications.components import kind_of
from chateau.settings import described

MESSAGES = sorted(
    f"{path.parent.name}/{path.stem}" for path in SCHEMAS.glob("*/*.json") if kind_of(path.stem)
)
QUERIES = ("admin/sessions-request", "admin/live-request", "admin/tap-request")
"""Messages that are no JSON but what follows an address."""

FILES = "../console/0123456789abcdef"

every_page = pytest.mark.parametrize("name", [page.name for page in made()])


class Read(HTMLParser):
    """What a page of HTML holds: its links, ids and headlines, and whether every element is closed."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.levels: list[int] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.attributes |= values.keys()
        self.links += [values[key] or "" for key in ("href", "src") if key in values]
        if values.get("id"):
            self.ids.append(values["id"] or "")
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def html_of(page: Page) -> str:
    return to_html(page, made(), FILES)


LOADED = (errors, opcodes_commands, channels, publications, lines)
"""Where refusals are; a class is known once its module is."""


def errors_of(kind: type[HubError]) -> Iterator[type[HubError]]:
    """Every kind of refusal below *kind*."""
    for inner in kind.__subclasses__():
        yield inner
        yield from errors_of(inner)


# Everything, once


@pytest.mark.parametrize("path", MESSAGES)
def test_every_message_stands_on_one_page_once(path: str) -> None:
    places = [page.name for page in made() for section in page.all_sections() if section.schema == path]

    assert places == [path.partition("/")[0]]


@pytest.mark.parametrize("path", MESSAGES)
def test_a_message_is_shown_with_all_its_examples(path: str) -> None:
    (section,) = [section for page in made() for section in page.all_sections() if section.schema == path]
    shown = [block.text for block in section.blocks if isinstance(block, Example)]

    for example in sources().examples(path):
        query = f"{urlencode(example)}'" if path in QUERIES else None
        assert any(is_the_same(example, text) or (query and text.endswith(query)) for text in shown)


def is_the_same(example: Any, text: str) -> bool:
    try:
        return bool(json.loads(text) == example)
    except ValueError:
        return False


@pytest.mark.parametrize("path", MESSAGES)
def test_every_field_of_a_message_is_in_its_table(path: str) -> None:
    (section,) = [section for page in made() for section in page.all_sections() if section.schema == path]
    rows = [row for block in section.blocks if isinstance(block, Table) for row in block.rows]
    named = {piece.text for row in rows for piece in row[0] if isinstance(piece, Code)}

    assert set(sources().schemas[path].get("properties", {})) <= named


def test_every_setting_stands_on_its_page_once() -> None:
    tables = [
        block for section in page("settings").sections for block in section.blocks if isinstance(block, Table)
    ]
    flags = [row[0] for table in tables for row in table.rows]

    assert flags == [(Code(row.flag),) for row in described()]


def test_every_code_that_a_refusal_has_stands_on_its_page_with_what_it_means() -> None:
    assert {kind.code for kind in errors_of(HubError) if "code" in vars(kind)} <= CODES.keys()
    assert [section.title for section in page("errors").sections] == list(CODES)
    assert all(says.endswith(".") for says in CODES.values())


def test_no_code_is_told_of_that_no_refusal_has() -> None:
    assert CODES.keys() <= {kind.code for kind in errors_of(HubError) if "code" in vars(kind)}


def test_the_list_has_all_pages() -> None:
    (table,) = [block for block in page(INDEX).lead if isinstance(block, Table)]
    links = [piece.target for row in table.rows for piece in row[0] if isinstance(piece, Link)]

    assert links == [each.name for each in made() if each.name != INDEX]


# Links


@every_page
def test_every_link_of_the_html_leads_somewhere(name: str) -> None:
    ids = {each.name: Read(html_of(each)).ids for each in made()}
    links = Read(html_of(page(name))).links

    assert len(links) > 10
    for link in links:
        target, _, anchor = link.partition("#")
        if target.startswith("../"):
            assert_served(target.removeprefix("../"))
        else:
            there = {"": name, "./": INDEX}.get(target, target)
            assert there in ids, link
            assert not anchor or anchor in ids[there], link


def assert_served(path: str) -> None:
    """*path* is an address of the server besides this reference."""
    if path.startswith("schemas/") and path != "schemas/":
        assert (ROOT / path).is_file(), path
    elif path.startswith("console/"):
        assert (ROOT / "chateau" / "console" / path.rpartition("/")[2]).is_file(), path
    else:
        assert path in ("", "schemas/", "asyncapi.json", "openapi.json")


@every_page
def test_every_link_of_the_markdown_leads_somewhere(name: str) -> None:
    anchors = {file_name(each.name): headlines(to_markdown(each)) for each in made()}
    folder = ROOT / "docs" / "reference"

    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", without_code(to_markdown(page(name)))):
        file = target or file_name(name)
        assert (folder / file).exists(), target
        assert not anchor or anchor in anchors[file], f"{file}#{anchor}"


def without_code(markdown: str) -> str:
    return re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)


def headlines(markdown: str) -> set[str]:
    """The anchors that a code host makes of the headlines of *markdown*."""
    found = re.findall(r"^#+ (.+)$", without_code(markdown), re.MULTILINE)
    return {slug(title.replace("`", "")) for title in found}


@every_page
def test_no_two_headlines_of_a_page_have_one_anchor(name: str) -> None:
    anchors = Counter(section.anchor for section in page(name).all_sections())

    assert [anchor for anchor, times in anchors.items() if times > 1] == []


# How they are written


@every_page
def test_the_html_is_whole_and_its_headlines_go_down_step_by_step(name: str) -> None:
    read = Read(html_of(page(name)))

    assert read.open == []
    assert read.levels[0] == 1
    assert read.levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(read.levels, read.levels[1:], strict=False))


@every_page
def test_the_html_has_nothing_inline_that_the_policy_would_stop(name: str) -> None:
    html = html_of(page(name))

    assert re.findall(r"<script(?![^>]*src=)|<style", html) == []
    assert not {each for each in Read(html).attributes if each == "style" or each.startswith("on")}


ODD = Page(
    "odd",
    "Odds <&> ends",
    (Paragraph(("<b>*a*_b_</b>", Code("<i>`|</i>"))),),
    (Section("One", (Table(("a", "b"), ((("x|y",), "z"),)), Example("</code><script>", "text"))),),
)


def test_text_never_becomes_markup() -> None:
    html = to_html(ODD, (ODD,), FILES)

    assert "<script>" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert "Odds &lt;&amp;&gt; ends" in html


def test_text_never_becomes_markdown() -> None:
    markdown = to_markdown(ODD)

    assert r"\<b\>\*a\*\_b\_\</b\>`` <i>`\|</i> ``" in markdown
    assert r"| x\|y | z |" in markdown


def test_a_page_is_marked_where_one_is_and_no_other() -> None:
    html = html_of(page("chateau"))

    assert html.count('aria-current="page"') == 1
    assert '<a href="chateau" aria-current="page">' in html


def test_the_frames_of_a_page_know_where_to_go_and_what_comes_first() -> None:
    html = html_of(page("chateau"))

    assert 'data-socket="/ws"' in html
    assert "reader-NNN" in html
    assert 'data-how="frame"' in html
    assert "data-socket" not in html_of(page("lines"))
