"""Writes what of the documentation is made: docs/reference/ whole, and parts of other pages.

``python docs/generate.py`` (``make docs``) writes it. A test fails where a page differs from what this
writes, or where docs/reference/ has one more. The reference has the pages that a server shows at ``/docs/``.
A part of another page stands between two marks, ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; the rest
of that page is written by hand.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT))

from chateau.net.reference_handlers import http_error_text  # noqa: E402 - the path comes first
from chateau.protocols.schemas import SchemaSet  # noqa: E402
from chateau.reference.pages import book as reference  # noqa: E402
from chateau.reference.pages.messages import Sources  # noqa: E402
from chateau.reference.pages.to_markdown import file_name, to_markdown  # noqa: E402
from chateau.settings import described  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

REFERENCE = DOCS / "reference"
SCHEMAS = ROOT / "schemas"
CONFORMANCE = ROOT / "messages" / "conformance"
PROTOCOLS = ("chateau", "functions", "lines", "opcodes", "channels")


def main() -> None:
    """Write every page anew, and remove those of the reference that are none any more."""
    written = dict(pages())
    for path in surplus(written):
        path.unlink()
    for path, text in written.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


def pages() -> Iterator[tuple[Path, str]]:
    """Every page that is made, whole or in part, and what it should hold."""
    for page in reference.pages(sources()):
        yield REFERENCE / file_name(page.name), to_markdown(page)
    text = (CONFORMANCE / "README.md").read_text("utf-8")
    for protocol in PROTOCOLS:
        text = replaced(text, f"{protocol} rules", rules(protocol))
    yield CONFORMANCE / "README.md", text


def surplus(written: dict[Path, str]) -> list[Path]:
    """What lies in docs/reference/ and is not *written*."""
    return [path for path in REFERENCE.glob("*") if path not in written]


def sources() -> Sources:
    """What the reference is made from."""
    folders = sorted(path for path in SCHEMAS.iterdir() if path.is_dir())
    schema_sets = {folder.name: SchemaSet(folder, url=f"/schemas/{folder.name}") for folder in folders}
    return Sources(schema_sets, tuple(described()), http_error_text)


def replaced(text: str, name: str, part: str) -> str:
    """*text* with *part* between the marks called *name*, where it has these."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    return pattern.sub(lambda _: f"{begin}\n\n{part}\n{end}", text)


def rules(protocol: str) -> str:
    """A table of the rules of *protocol*, each with the scenarios that show it."""
    scenarios: dict[str, list[str]] = {}
    for path in sorted((CONFORMANCE / protocol).glob("*.json")):
        scenario = json.loads(path.read_text("utf-8"))
        link = f"[{_cell(scenario['name'])}]({protocol}/{path.name})"
        scenarios.setdefault(scenario["rule"], []).append(link)
    rows = [f"| {_cell(rule)} | {'; '.join(links)} |" for rule, links in sorted(scenarios.items())]
    return "\n".join(["| rule | shown by |", "|---|---|", *rows, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
