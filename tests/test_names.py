"""Names: when two are one, and what is none."""

import re

import pytest

from chateau.names import name_form


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
def test_two_ways_to_write_one_name(one: str, other: str) -> None:
    assert name_form(one) == name_form(other)


def test_other_letters_are_another_name() -> None:
    assert name_form("alice") != name_form("\u0430lice"), "the second begins with a Cyrillic letter"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" alice", "it begins or ends with a space"),
        ("alice\u2003", "it begins or ends with a space"),
        ("al\x00ice", "the character U+0000 is not allowed in it (controls)"),
        ("al\u200bice", "the character U+200B is not allowed in it (precis ignorable properties)"),
    ],
)
def test_what_is_no_name_is_told_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        name_form(text)
