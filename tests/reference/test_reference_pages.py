"""The pages show everything once, and every link leads somewhere."""

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
from chateau.protocols.error_catalog import CODES
from chateau.reference.components import kind_of
from chateau.reference.html import to_html
from chateau.reference.markdown import INDEX, Page, Section, code, escape, example, resolve_links, table
from chateau.settings import described

MESSAGES = sorted(
    f"{path.parent.name}/{path.stem}" for path in SCHEMAS.glob("*/*.json") if kind_of(path.stem)
)
QUERIES = ("admin/sessions-request", "admin/live-request", "admin/tap-request")
"""Messages that are the query of an address, not JSON."""

FILES = "../console/0123456789abcdef"

every_page = pytest.mark.parametrize("name", [page.name for page in made()])


class Read(HTMLParser):
    """A page of HTML: its links, ids and headlines. Fails if an element is not closed."""

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
"""The modules that define errors: a class exists once its module is imported."""


def errors_of(kind: type[HubError]) -> Iterator[type[HubError]]:
    """Yield every subclass of *kind*."""
    for inner in kind.__subclasses__():
        yield inner
        yield from errors_of(inner)


def section_of(path: str) -> Section:
    (section,) = [section for page in made() for section in page.all_sections() if section.schema == path]
    return section


def code_blocks(markdown: str) -> list[str]:
    return re.findall(r"^```.*\n(.*(?:\n.*)*?)\n```$", markdown, re.MULTILINE)


def first_cells(markdown: str) -> list[str]:
    """Return the first cell of each row of the tables in *markdown*."""
    rows = re.findall(r"^\| (.*?) \|", markdown, re.MULTILINE)
    return [cell for cell in rows if cell != "---"]


# Everything, once


@pytest.mark.parametrize("path", MESSAGES)
def test_every_message_is_on_one_page_once(path: str) -> None:
    places = [page.name for page in made() for section in page.all_sections() if section.schema == path]

    assert places == [path.partition("/")[0]]


@pytest.mark.parametrize("path", MESSAGES)
def test_message_has_all_its_examples(path: str) -> None:
    shown = code_blocks(section_of(path).body)

    for each in sources().examples(path):
        query = f"{urlencode(each)}'" if path in QUERIES else None
        assert any(is_the_same(each, text) or (query and text.endswith(query)) for text in shown)


def is_the_same(example: Any, text: str) -> bool:
    try:
        return bool(json.loads(text) == example)
    except ValueError:
        return False


@pytest.mark.parametrize("path", MESSAGES)
def test_message_has_all_its_fields(path: str) -> None:
    cells = first_cells(section_of(path).body)

    assert set(map(code, sources().schemas[path].get("properties", {}))) <= set(cells)


def test_every_setting_is_on_its_page_once() -> None:
    flags = [cell for section in page("settings").sections for cell in first_cells(section.body)]

    assert [flag for flag in flags if flag != "flag"] == [code(row.flag) for row in described()]


def test_every_error_code_is_on_the_errors_page() -> None:
    assert {kind.code for kind in errors_of(HubError) if "code" in vars(kind)} <= CODES.keys()
    assert [section.title for section in page("errors").sections] == list(CODES)
    assert all(says.endswith(".") for says in CODES.values())


def test_no_unused_code_is_on_the_errors_page() -> None:
    assert CODES.keys() <= {kind.code for kind in errors_of(HubError) if "code" in vars(kind)}


def test_the_index_links_to_all_pages() -> None:
    links = re.findall(r"\]\(page:(.*?)\)", page(INDEX).lead)

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
def test_every_link_of_the_markdown_leads_to_a_page_a_headline_or_a_schema(name: str) -> None:
    anchors = {each.name: {section.anchor for section in each.all_sections()} for each in made()}

    def check(kind: str, target: str, anchor: str) -> None:
        if kind == "schema":
            assert (SCHEMAS / f"{target}.json").is_file()
        elif kind == "page":
            there = anchors[target or name]
            assert not anchor or anchor.removeprefix("#") in there, f"{target}{anchor}"

    resolve_links(page(name).lead, check)
    page(name).body(check, level=2)


@every_page
def test_anchors_of_a_page_are_unique(name: str) -> None:
    anchors = Counter(section.anchor for section in page(name).all_sections())

    assert [anchor for anchor, times in anchors.items() if times > 1] == []


# How they are written


@every_page
def test_html_is_well_formed_and_headlines_skip_no_level(name: str) -> None:
    read = Read(html_of(page(name)))

    assert read.open == []
    assert read.levels[0] == 1
    assert read.levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(read.levels, read.levels[1:], strict=False))


@every_page
def test_html_has_nothing_inline_that_the_policy_blocks(name: str) -> None:
    html = html_of(page(name))

    assert re.findall(r"<script(?![^>]*src=)|<style", html) == []
    assert not {each for each in Read(html).attributes if each == "style" or each.startswith("on")}


ODD = Page(
    "odd",
    "Odds <&> ends",
    f"{escape('<b>*a*_b_</b> &lt; [x](y)')} {code('<i>`|</i>')}",
    (Section("One <b>", f"{table(('a', 'b'), [('x|y', 'z')])}\n\n{example('</code><script>', 'text')}"),),
)


def test_text_never_becomes_markup() -> None:
    html = to_html(ODD, (ODD,), FILES)

    assert not re.search("<(script>|b>|i>|em>|strong>)", html)
    assert "Odds &lt;&amp;&gt; ends" in html
    assert "&lt;b&gt;*a*_b_&lt;/b&gt; &amp;lt; [x](y) <code>&lt;i&gt;`|&lt;/i&gt;</code>" in html
    assert '<th role="rowheader" scope="row">x|y</th>' in html
    assert "&lt;/code&gt;&lt;script&gt;" in html


def test_raw_html_in_markdown_is_shown_as_text() -> None:
    raw = Page("raw", "Raw", "<script>alert(1)</script>\n\n<b>bold</b>")

    assert "<script>alert" not in to_html(raw, (raw,), FILES)
    assert "<b>bold" not in to_html(raw, (raw,), FILES)


def test_navigation_marks_the_current_page() -> None:
    html = html_of(page("chateau"))

    assert html.count('aria-current="page"') == 1
    assert '<a href="chateau" aria-current="page">' in html


def test_examples_have_the_data_to_be_tried() -> None:
    html = html_of(page("chateau"))

    assert 'data-socket="/ws"' in html
    assert "reader-NNN" in html
    assert 'data-how="frame"' in html
    assert "data-socket" not in html_of(page("lines"))
