"""All pages of the reference, made from schemas/, the settings and the protocols' error catalogs."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from chateau.protocols.error_catalog import CODES
from chateau.reference.http_pages import admin_page, channels_page
from chateau.reference.markdown import INDEX, ErrorRow, Page, Section, blocks, code, escape, example, table
from chateau.reference.protocol_pages import lines_page, protocol_page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chateau.protocols.spec import ProtocolSpec
    from chateau.reference.messages import Sources
    from chateau.settings import Described

ERRORS = "errors"
SETTINGS = "settings"

ABOUT = {
    "admin": "Admin endpoints: sessions, rooms, bans, live metrics.",
    ERRORS: "Every error code, what it means, and how each protocol encodes it.",
    SETTINGS: "Every flag, its environment variable and its default.",
}
"""The lines of the index for pages that belong to no protocol."""

PAGES: dict[str, Callable[[Sources, ProtocolSpec], Page]] = {"lines": lines_page, "channels": channels_page}
"""The builders of pages that differ from that of a JSON protocol, by :attr:`ProtocolSpec.page`."""

INDEX_LEAD = (
    "Every message that this server receives and sends, with its fields, examples to copy, and its errors, "
    "made from the schemas that the server itself checks."
)
FOR_PROGRAMS = (
    "For programs: [`/schemas/`](server:schemas/) has the JSON Schemas; "
    "[`/asyncapi.json`](server:asyncapi.json) and [`/openapi.json`](server:openapi.json) are for editors "
    "and generators."
)
ERRORS_LEAD = (
    "A request with an error response has no effect, and the connection stays open. Programs use the "
    "`code`, which does not change; the sentence next to it is for people. The lines protocol sends no "
    "codes, and some of its sentences are its own; publishing by HTTP has a status, and its sentence in "
    "`X-Error`."
)
SETTINGS_LEAD = (
    "Every setting can be given as a flag (`--max-frame 4096` or `--max-frame=4096`), in the environment "
    "(`CHATEAU_MAX_FRAME=4096`), or in a TOML file named by `--config FILE` (`max-frame = 4096`). A flag "
    "takes precedence over the environment, the environment over the file, the file over the default."
)


def pages(sources: Sources) -> tuple[Page, ...]:
    """Return every page, in the order of the index, which is the first."""
    protocols = [PAGES.get(spec.page, protocol_page)(sources, spec) for spec in sources.specs]
    with_errors = (*protocols, admin_page(sources))
    listed = (*with_errors, errors_page(with_errors), settings_page(sources.settings))
    return (index_page(sources, listed), *listed)


def index_page(sources: Sources, others: Sequence[Page]) -> Page:
    """Return the page that lists *others*."""
    about = ABOUT | {spec.name: spec.about for spec in sources.specs}
    rows = [(f"[{page.title}](page:{page.name})", about[page.name]) for page in others]
    return Page(INDEX, "Reference", blocks(INDEX_LEAD, table(("page", "content"), rows), FOR_PROGRAMS))


def errors_page(others: Sequence[Page]) -> Page:
    """Return the page of all codes, with the first example of each on each of *others*."""
    shown = {page.name: {row.code: row for row in reversed(list(page.errors()))} for page in others}
    sections = tuple(_code(error_code, about, shown) for error_code, about in CODES.items())
    return Page(ERRORS, "Errors and their codes", ERRORS_LEAD, sections)


def _code(error_code: str, about: str, shown: dict[str, dict[str, ErrorRow]]) -> Section:
    body = [about]
    for protocol, rows in shown.items():
        if error_code in rows:
            row = rows[error_code]
            body += [f"[{protocol}](page:{protocol}):", example(row.response, row.language)]
    others = [protocol for protocol, rows in shown.items() if error_code not in rows]
    return Section(
        error_code, blocks(*body, f"Not used by: {', '.join(others)}." if others else ""), is_code=True
    )


def settings_page(settings: Sequence[Described]) -> Page:
    """Return the page of all settings."""
    head = ("flag", "variable", "default", "description")
    sections = tuple(
        Section(group, table(head, map(_setting, rows)))
        for group, rows in groupby(settings, attrgetter("group"))
    )
    return Page(SETTINGS, "Settings", SETTINGS_LEAD, sections)


def _setting(setting: Described) -> tuple[str, ...]:
    default = code(setting.default) if setting.default else ""
    about = escape(f"{setting.description} Takes {setting.takes}.")
    return code(setting.flag), code(setting.variable), default, about
