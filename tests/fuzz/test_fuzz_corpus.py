"""Every input of the corpus, what `make fuzz` has found included, and some damaged copies of each."""

from __future__ import annotations

from pathlib import Path

import pytest
import targets
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"
INPUTS = [
    pytest.param(name, file, id=f"{name}/{file.name}")
    for name in targets.TARGETS
    for file in sorted((CORPUS / name).iterdir())
]
MOST_BYTES = 200_000


@pytest.mark.parametrize(("name", "file"), INPUTS)
def test_input_of_the_corpus_is_decoded(name: str, file: Path) -> None:
    targets.run(name, file.read_bytes())


@pytest.mark.parametrize("name", targets.TARGETS)
def test_damaged_inputs_are_decoded(name: str) -> None:
    inputs = [file.read_bytes() for file in sorted((CORPUS / name).iterdir())]

    @settings(max_examples=60, derandomize=True)
    @given(st.sampled_from(inputs), st.integers(0, 400), st.binary(max_size=3), st.integers(0, 3))
    def check(data: bytes, at: int, inserted: bytes, removed: int) -> None:
        targets.run(name, data[:at] + inserted + data[at + removed :])

    check()


def test_the_corpus_is_small_and_has_no_folder_without_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(targets.TARGETS)
    assert sum(file.stat().st_size for file in CORPUS.rglob("*") if file.is_file()) <= MOST_BYTES


@pytest.mark.parametrize("name", targets.TARGETS)
def test_target_fails_when_something_is_raised_or_logged(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def logs(_: bytes) -> None:
        try:
            raise ValueError
        except ValueError:
            targets.logging.getLogger("chateau.net").exception("a fault")

    monkeypatch.setitem(targets.TARGETS, name, logs)

    with pytest.raises(AssertionError, match="a fault"):
        targets.run(name, b"")


@pytest.mark.parametrize(
    ("name", "attribute", "broken"),
    [
        ("lines", "LineDecoder", lambda _: OnlyWholeLines()),
        ("json", "json_text", None),
    ],
)
def test_target_finds_a_decoder_that_is_broken(
    name: str, attribute: str, broken: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, attribute, broken)

    with pytest.raises((AssertionError, AttributeError)):
        targets.run(name, b"\x00{}\nb\n" if name == "lines" else b"{}")


class OnlyWholeLines:
    """A decoder that drops what a read ends with."""

    def feed(self, data: bytes) -> list[str]:
        return [line.decode() for line in data.split(b"\n")[:-1]]
