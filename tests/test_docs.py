"""The documentation holds what the code holds: settings, messages, codes, and links that lead somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from chateau.hub.errors import HubError
from chateau.protocols import errors
from chateau.protocols.admin import UnknownSession

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
)


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_pages_are_what_make_docs_writes(generate: ModuleType) -> None:
    for path, text in generate.pages():
        assert path.exists(), f"{path.name} is missing: run `make docs`"
        assert path.read_text("utf-8") == text, f"{path.name} is stale: run `make docs`"


def test_the_reference_has_no_page_that_make_docs_does_not_write(generate: ModuleType) -> None:
    written = dict(generate.pages())

    assert generate.surplus(written) == []


def test_make_docs_removes_a_page_that_is_none_any_more(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "REFERENCE", tmp_path)
    stale = tmp_path / "cellar.md"
    stale.write_text("# The cellar\n", "utf-8")

    generate.main()

    assert not stale.exists()
    assert (tmp_path / "chateau.md").exists()


def test_every_code_is_in_the_schema_but_that_of_the_admin_api_alone() -> None:
    assert errors.Internal.code == "internal"  # the module is loaded, with all its classes
    codes = {refusal.code for refusal in HubError.__subclasses__()}
    schema = json.loads((ROOT / "schemas" / "chateau" / "error-response.json").read_text("utf-8"))

    assert codes - {UnknownSession.code} == set(schema["properties"]["code"]["enum"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_decision_is_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text("utf-8")

    for page in folder.glob("0*.md"):
        assert f"({page.name})" in index


def test_generating_twice_changes_nothing() -> None:
    before = {path: path.read_bytes() for path in PAGES}

    subprocess.run([sys.executable, ROOT / "docs" / "generate.py"], check=True)

    assert {path: path.read_bytes() for path in PAGES} == before
