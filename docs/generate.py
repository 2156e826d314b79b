"""Writes the generated parts of docs/ from where their facts are: settings, schemas and conformance suites.

``python docs/generate.py`` (``make docs``) writes them; a test fails where they differ from what this writes.
A generated part stands between two marks in its page, ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; the
rest of the page is written by hand.
"""

from __future__ import annotations

import json
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
SCHEMAS = ROOT / "schemas" / "chateau"
sys.path.insert(0, str(ROOT))

from chateau.settings import described  # noqa: E402 - the path comes first

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CONFORMANCE = ROOT / "messages" / "conformance"
PROTOCOLS = ("chateau", "functions", "lines", "opcodes", "channels")
ORDER = ("request", "answer", "push")
"""Within one type: what is asked, what is answered, what comes unasked."""


def main() -> None:
    """Write every page anew."""
    for path, text in pages():
        path.write_text(text, "utf-8")


def pages() -> Iterator[tuple[Path, str]]:
    """Every page with generated parts, and what it should hold."""
    parts = {"settings": settings(), "messages": messages(), "common": common()}
    parts |= {f"{protocol} rules": rules(protocol) for protocol in PROTOCOLS}
    for path in (DOCS / "settings.md", DOCS / "protocols" / "chateau.md", CONFORMANCE / "README.md"):
        text = path.read_text("utf-8")
        for name, part in parts.items():
            text = replaced(text, name, part)
        yield path, text


def replaced(text: str, name: str, part: str) -> str:
    """*text* with *part* between the marks called *name*, where it has these."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    return pattern.sub(lambda _: f"{begin}\n\n{part}\n{end}", text)


def settings() -> str:
    """A table of the settings for each group."""
    lines = []
    for group, rows in groupby(described(), key=lambda row: row.group):
        lines += [f"## {group}", "", "| flag | variable | default | |", "|---|---|---|---|"]
        for row in rows:
            default = f"`{row.default}`" if row.default else ""
            lines.append(f"| `{row.flag}` | `{row.variable}` | {default} | {row.says} Takes {row.takes}. |")
        lines.append("")
    return "\n".join(lines)


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


def messages() -> str:
    """A section for each message, in the order of the types."""
    schemas = [(path.stem, json.loads(path.read_text("utf-8"))) for path in SCHEMAS.glob("*.json")]
    sections = sorted(
        (schema["properties"]["type"]["const"], ORDER.index(name.rpartition("-")[2]), name, schema)
        for name, schema in schemas
        if "const" in schema.get("properties", {}).get("type", {})
    )
    return "\n".join(message(name, schema) for _, _, name, schema in sections)


def message(name: str, schema: dict[str, Any]) -> str:
    """One message: what it is for, its fields, an example of each kind."""
    type_ = schema["properties"]["type"]["const"]
    lines = [f"### {type_}: {schema['title']}", "", schema["description"], ""]
    lines += [f"[`{name}.json`](../../schemas/chateau/{name}.json)", ""]
    lines += fields(schema)
    lines += ["```json", *(json.dumps(example) for example in schema["examples"]), "```", ""]
    return "\n".join(lines)


def fields(schema: dict[str, Any]) -> list[str]:
    """A table of the fields of *schema* that tell something, or nothing where it has none."""
    rows = [
        f"| `{name}` | {'yes' if name in schema['required'] else 'no'} | {meaning(value)} |"
        for name, value in schema["properties"].items()
        if name not in ("type", "status", "ref")
    ]
    return ["| field | required | |", "|---|---|---|", *rows, ""] if rows else []


def meaning(value: dict[str, Any]) -> str:
    """What a field holds, in words."""
    resolved = definition(value)
    says = value.get("description") or resolved.get("description") or ""
    if "const" in resolved:
        return f"`{json.dumps(resolved['const'])}`"
    limits = [f"{word} {resolved[key]}" for key, word in LIMITS.items() if key in resolved]
    return " ".join(filter(None, (says, f"({', '.join(limits)})" if limits else "")))


LIMITS = {
    "minLength": "characters: at least",
    "maxLength": "characters: at most",
    "minItems": "items: at least",
    "maxItems": "items: at most",
    "minimum": "from",
    "maximum": "to",
    "default": "default",
}


def definition(value: dict[str, Any]) -> dict[str, Any]:
    """*value*, or what it refers to in common.json."""
    reference = value.get("$ref")
    if reference is None:
        return value
    shared: dict[str, Any] = json.loads((SCHEMAS / "common.json").read_text("utf-8"))["$defs"]
    return shared[reference.rpartition("/")[2]]  # type: ignore[no-any-return]


def common() -> str:
    """A table of what several messages carry."""
    shared: Iterable[tuple[str, dict[str, Any]]] = json.loads((SCHEMAS / "common.json").read_text("utf-8"))[
        "$defs"
    ].items()
    rows = [f"| {name} | {value['description']} |" for name, value in shared]
    return "\n".join(["| | |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    main()
