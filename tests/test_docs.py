"""The documentation matches the code: generated parts are fresh, links work, named tests exist."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from chateau.hub.errors import HubError
from chateau.protocols import errors, http_errors
from chateau.protocols.admin import UnknownSession
from chateau.settings import described, load

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
)
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
CLAIMS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (DOCS / "guarantees.md").read_text("utf-8"))


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = spec_from_file_location("generate_docs", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Generated parts


def test_generated_parts_are_current(generate: ModuleType) -> None:
    for path, text in generate.pages():
        assert path.exists(), f"{path.name} is missing: run `make docs`"
        assert path.read_text("utf-8") == text, f"{path.name} is stale: run `make docs`"


def test_make_docs_writes_every_page_and_is_idempotent(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "LLMS", tmp_path / "llms.txt")
    fresh = {path: path.read_text("utf-8") for path, _ in generate.pages() if path.exists()}

    generate.main()

    assert (tmp_path / "llms.txt").read_text("utf-8") == generate.llms()
    assert {path: path.read_text("utf-8") for path in fresh} == fresh


def test_reference_has_one_page_per_protocol_and_each_has_a_guide(
    generate: ModuleType,
) -> None:
    made = {page.name for page in generate.reference.pages(generate.sources())}

    assert made - {generate.reference.INDEX} == set(generate.GUIDES)


def test_page_without_its_markers_is_reported(generate: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "lines.md"
    page.write_text("# Lines protocol\n", "utf-8")

    with pytest.raises(ValueError, match=r"^lines\.md lacks a marker; expected <!-- a --> and <!-- b -->\.$"):
        generate.replaced(page, "<!-- a -->", "text", "<!-- b -->")


def test_schema_has_every_code_except_that_of_the_admin_api() -> None:
    assert errors.Internal.code == "internal"  # the module is loaded, with all its classes
    errors_by_http = {error for error in vars(http_errors).values() if isinstance(error, type)}
    codes = {error.code for error in HubError.__subclasses__() if error not in errors_by_http}
    schema = json.loads((ROOT / "schemas" / "chateau" / "error-response.json").read_text("utf-8"))

    assert codes - {UnknownSession.code} == set(schema["properties"]["code"]["enum"])


# Links


@cache
def without_code(page: Path) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


@cache
def anchors(page: Path) -> Counter[str]:
    """Return the anchors of the headings of *page*, as code hosts generate them, without numbering."""
    headings = re.findall(r"^#+ (.+)$", without_code(page), re.MULTILINE)
    return Counter(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


@EVERY_PAGE
def test_links_resolve_to_files_and_headings(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", without_code(page)):
        path = page.parent / target if target else page
        assert path.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(path.resolve()), f"{page.name} links to {target}#{anchor}"


@EVERY_PAGE
def test_linked_heading_is_unique(page: Path) -> None:
    linked = set(re.findall(r"\]\(#([^)]+)\)", without_code(page)))

    assert [anchor for anchor in linked if anchors(page)[anchor] > 1] == []


def test_every_decision_is_in_the_list_of_decisions() -> None:
    index = (DOCS / "decisions" / "README.md").read_text("utf-8")

    for page in (DOCS / "decisions").glob("0*.md"):
        assert f"({page.name})" in index


def test_index_links_to_every_page_once() -> None:
    links = re.findall(r"^- \[.+?\]\((.+?)\): .+\.$", (DOCS / "README.md").read_text("utf-8"), re.MULTILINE)
    linked = Counter((DOCS / link).resolve() for link in links)
    pages = {page for page in DOCS.glob("**/*.md") if page.parent.name != "decisions"} - {DOCS / "README.md"}
    others = {
        DOCS / "decisions" / "README.md",
        *(ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY")),
    }
    others |= {ROOT / "messages" / "conformance" / "README.md", ROOT / "benchmarks" / "README.md"}

    assert linked == Counter(pages | others)


# Guarantees


@pytest.mark.parametrize(("file", "name"), CLAIMS, ids=lambda part: part.rpartition("/")[2])
def test_test_named_in_a_guarantee_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))

    assert name in {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }


def test_every_guarantee_names_a_test() -> None:
    promised = (DOCS / "guarantees.md").read_text("utf-8").partition("## Not promised yet")[0]
    rows = re.findall(r"^\| (?!claim|---)(.+?) \|.*\| (.+?) \|$", promised, re.MULTILINE)

    assert len(rows) > 10
    assert [claim for claim, tests in rows if "`tests/" not in tests] == []


def test_every_attack_names_existing_flags_and_a_test() -> None:
    table = (ROOT / "SECURITY.md").read_text("utf-8").partition("## Attacks and limits")[2]
    rows = re.findall(r"^\| (?!attack|---)(.+?) \| .+ \| (.*?) ?\| `(.+?)` \|$", table, re.MULTILINE)
    flags = {flag for _, listed, _ in rows for flag in re.findall("`(.+?)`", listed)}

    assert len(rows) > 10
    assert flags <= {setting.flag for setting in described()}
    assert [test for _, _, test in rows if not (ROOT / test).is_file()] == []


def test_settings_file_of_the_operating_guide_is_valid(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", (DOCS / "operating.md").read_text("utf-8"), re.M | re.DOTALL)
    path = tmp_path / "chateau.toml"
    path.write_text(text.replace("/etc/chateau.key", str(tmp_path / "key")), "utf-8")
    (tmp_path / "key").write_text("the key\n", "utf-8")

    settings = load(["--config", str(path)])

    assert (settings.trusted_proxy, settings.secret_key) == (("127.0.0.1",), "the key")


@EVERY_PAGE
def test_server_flags_named_on_a_page_exist(page: Path) -> None:
    known = {setting.flag for setting in described()} | {"--config", "--check", "--version", "--help"}
    commands = re.findall(r"python server\.py ([^\n`]*)", page.read_text("utf-8"))

    assert [
        flag for command in commands for flag in re.findall(r"--[a-z-]+", command) if flag not in known
    ] == []
