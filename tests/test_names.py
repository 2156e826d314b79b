"""Names: which spellings are equal, and which names are invalid."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chateau.names import normalize_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("alice", "Alice", id="case"),
        pytest.param("Ångström", "A\u030angstro\u0308m", id="composed and decomposed"),
        pytest.param("\uff21\uff2c\uff29\uff23\uff25", "alice", id="width"),
        pytest.param("ⅷ", "viii", id="compatibility"),
        pytest.param("Alice Smith", "alice\u00a0smith", id="kinds of spaces"),
        pytest.param("Alice  Smith", "alice smith", id="several spaces inside"),
    ],
)
def test_spellings_of_one_name_have_the_same_normalized_name(one: str, other: str) -> None:
    assert normalize_name(one) == normalize_name(other)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Foo", "foo"),
        ("foo", "foo"),
        ("Foo Bar", "foo bar"),
        ("foo bar", "foo bar"),
        ("\u03a3", "\u03c3"),
        ("\u03c3", "\u03c3"),
        ("\u03c2", "\u03c2"),
        ("\u265a", "\u265a"),
        ("Richard \u2163", "richard iv"),
    ],
)
def test_examples_of_rfc_8266_normalize_as_specified(name: str, form: str) -> None:
    assert normalize_name(name) == form


REASONS = re.compile(
    r"it is empty|it begins or ends with a space"
    r"|the character U\+[0-9A-F]{4,6} is not allowed in it \([a-z ]+\)"
)


def form_or_reason(text: str) -> tuple[str | None, str]:
    try:
        return normalize_name(text), ""
    except ValueError as error:
        return None, str(error)


@given(st.text(max_size=40))
def test_any_text_normalizes_idempotently_or_is_rejected_with_a_reason(text: str) -> None:
    form, reason = form_or_reason(text)

    if form is None:
        assert REASONS.fullmatch(reason)
    else:
        assert form_or_reason(form) == (form, "")


def test_different_letters_are_different_names() -> None:
    assert normalize_name("alice") != normalize_name("\u0430lice"), "the second begins with a Cyrillic letter"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" alice", "it begins or ends with a space"),
        ("alice\u2003", "it begins or ends with a space"),
        ("al\x00ice", "the character U+0000 is not allowed in it (controls)"),
        ("al\nice", "the character U+000A is not allowed in it (controls)"),
        ("al\u200bice", "the character U+200B is not allowed in it (precis ignorable properties)"),
        ("al\u200dice", "the character U+200D is not allowed in it (zero width joiner)"),
        ("al\u00adice", "the character U+00AD is not allowed in it (precis ignorable properties)"),
        ("al\u2028ice", "the character U+2028 is not allowed in it (other)"),
        ("al\ud800ice", "the character U+D800 is not allowed in it (other)"),
        ("\u3164", "the character U+1160 is not allowed in it (old hangul jamo)"),
    ],
)
def test_invalid_name_is_rejected_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        normalize_name(text)
