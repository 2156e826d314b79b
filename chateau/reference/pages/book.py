"""All pages of the reference, and the three that are about none of the protocols alone.

They are made from schemas/, the settings and the tables of what can go wrong, whenever they are asked for:
no page is written by hand.
"""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from chateau.reference.pages.admin_page import admin_page
from chateau.reference.pages.errors import CODES
from chateau.reference.pages.http_page import channels_page
from chateau.reference.pages.lines_page import lines_page
from chateau.reference.pages.model import (
    INDEX,
    Block,
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
from chateau.reference.pages.protocol_pages import SPOKEN, spoken_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chateau.reference.pages.messages import Setting, Sources

ERRORS = "errors"
SETTINGS = "settings"


def pages(sources: Sources) -> tuple[Page, ...]:
    """Every page, in the order in which they are listed; the first one is the list."""
    spoken = {page.name: page for page in (spoken_page(sources, each) for each in SPOKEN)}
    protocols = (
        spoken["chateau"],
        spoken["functions"],
        lines_page(sources),
        spoken["opcodes"],
        channels_page(sources),
    )
    refusing = (*protocols, admin_page(sources))
    told = (*refusing, errors_page(refusing), settings_page(sources.settings))
    return (index_page(told), *told)


# The list


ABOUT = {
    "chateau": "A WebSocket with numeric types: answers, refusals, rooms and history.",
    "functions": "A WebSocket with calls by name, and no rooms.",
    "lines": "Commands and messages as lines of text over TCP.",
    "opcodes": "A WebSocket with op and d, and commands in what is said.",
    "channels": "Publish by HTTP; listen by a WebSocket or server-sent events.",
    "admin": "What the keepers of a house ask for: sessions, rooms, bans, live numbers.",
    ERRORS: "Every code, what it means, and how each protocol says it.",
    SETTINGS: "Every flag, its variable and its default.",
}


def index_page(others: Sequence[Page]) -> Page:
    """The page that lists *others*."""
    rows: tuple[tuple[Text, ...], ...] = tuple(
        ((Link(page.title, "page", page.name),), ABOUT[page.name]) for page in others
    )
    lead: tuple[Block, ...] = (
        Paragraph(
            "Every message that this server takes and sends, with its fields, examples to copy, and what can "
            "go wrong. All of it is made from what the server itself checks."
        ),
        Table(("page", "what is there"), rows),
    )
    programs: Text = (
        "The same for programs: ",
        Link(Code("/schemas/"), "server", "schemas/"),
        " has the JSON Schemas, ",
        Link(Code("/asyncapi.json"), "server", "asyncapi.json"),
        " and ",
        Link(Code("/openapi.json"), "server", "openapi.json"),
        " are for editors and generators.",
    )
    return Page(INDEX, "Reference", (*lead, Paragraph(programs)), ())


# Errors


def errors_page(others: Sequence[Page]) -> Page:
    """The page of all codes; how each looks is taken from *others*."""
    shown = {page.name: _first_of_each(page) for page in others}
    sections = tuple(_code(code, says, shown) for code, says in CODES.items())
    lead = prose(
        "A refused request has done nothing, and the connection stays open. Programs read the `code`, which "
        "never changes; the sentence beside it is for people. The lines protocol sends no codes, and says "
        "some things in words of its own; publishing by HTTP has a status, and its sentence in `X-Error`."
    )
    return Page(ERRORS, "Refusals and their codes", (Paragraph(lead),), sections)


def _first_of_each(page: Page) -> dict[str, Refusal]:
    """One refusal of each code that *page* shows."""
    found: dict[str, Refusal] = {}
    for section in page.all_sections():
        for block in section.blocks:
            if isinstance(block, Refusals):
                for row in block.rows:
                    found.setdefault(row.code, row)
    return found


def _code(code: str, says: str, shown: dict[str, dict[str, Refusal]]) -> Section:
    blocks: list[Block] = [Paragraph(prose(says))]
    silent: list[str] = []
    for protocol, refusals in shown.items():
        if code in refusals:
            page: Piece = Link(protocol, "page", protocol)
            blocks += [Paragraph((page, ":")), Example(refusals[code].answer, refusals[code].language)]
        else:
            silent.append(protocol)
    if silent:
        blocks.append(Paragraph(f"Never said by: {', '.join(silent)}."))
    return Section(code, tuple(blocks), is_code=True)


# Settings


SETTINGS_LEAD = (
    "Every setting can be given as a flag (`--max-frame 4096` or `--max-frame=4096`), in the environment "
    "(`CHATEAU_MAX_FRAME=4096`), or in a TOML file that `--config FILE` names (`max-frame = 4096`). A flag "
    "wins over the environment, that over the file, that over the default."
)


def settings_page(settings: Sequence[Setting]) -> Page:
    """The page of all settings."""
    sections = tuple(
        Section(group, (Table(("flag", "variable", "default", "what it is"), tuple(map(_setting, rows))),))
        for group, rows in groupby(settings, key=attrgetter("group"))
    )
    return Page(SETTINGS, "Settings", (Paragraph(prose(SETTINGS_LEAD)),), sections, by_hand="settings.md")


def _setting(setting: Setting) -> tuple[Text, ...]:
    default: Text = (Code(setting.default),) if setting.default else ""
    about = f"{setting.description} Takes {setting.takes}."
    return (Code(setting.flag),), (Code(setting.variable),), default, about
