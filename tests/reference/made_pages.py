"""The pages of the reference, made from the checkout's schemas and the settings."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from chateau.net.reference_handlers import http_error_text
from chateau.protocols.catalog import ALL
from chateau.protocols.schemas import SchemaSet
from chateau.reference.markdown import Page
from chateau.reference.messages import Sources
from chateau.reference.site import pages
from chateau.settings import described

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"


@cache
def sources() -> Sources:
    """Return the sources of the pages."""
    folders = sorted(path for path in SCHEMAS.iterdir() if path.is_dir())
    schema_sets = {folder.name: SchemaSet(folder, url=f"/schemas/{folder.name}") for folder in folders}
    return Sources(ALL, schema_sets, tuple(described()), http_error_text)


@cache
def made() -> tuple[Page, ...]:
    """Return all pages."""
    return pages(sources())


def page(name: str) -> Page:
    """Return the page called *name*."""
    return next(page for page in made() if page.name == name)
