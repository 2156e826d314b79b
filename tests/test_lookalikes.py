"""How names look: scripts and skeletons."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chateau import lookalikes
from chateau.lookalikes import ASCII_PROTOTYPES, look_of
from chateau.names import NAME_LIMIT, normalize_name
from chateau.nickname_profile import FORM_LIMIT

TABLES = lookalikes._tables()

MIXED: frozenset[str] = frozenset()


def look(name: str) -> lookalikes.Look:
    return look_of(name, normalize_name(name))


def alike(one: str, other: str) -> bool:
    return not set(look(one).skeletons).isdisjoint(look(other).skeletons)


ONE_SCRIPT = [
    ("alice", "Latn"),
    ("Ünal Ærø", "Latn"),
    ("Владимир", "Cyrl"),
    ("Ελένη", "Grek"),
    ("Արմեն", "Armn"),
    ("გიორგი", "Geor"),
    ("שלום", "Hebr"),
    ("محمد", "Arab"),
    ("अमित", "Deva"),
    ("สมชาย", "Thai"),
    ("日本語", "Hani"),
    ("ひらがな", "Hira"),
    ("カタカナー", "Kana"),
    ("김철수", "Hang"),
    ("ᏣᎳᎩ", "Cher"),
]


@pytest.mark.parametrize(("name", "script"), ONE_SCRIPT)
@pytest.mark.parametrize("common", ["", "1", "-7", " 🎉", "!?"])
def test_scripts_of_a_name_in_one_script(name: str, script: str, common: str) -> None:
    scripts = look(name + common).scripts

    assert scripts is not None
    assert script in scripts


@pytest.mark.parametrize("name", ["123", "…", "🎉", "1-2", "№", "∑", "&"])
def test_common_characters_are_of_any_script(name: str) -> None:
    assert look(name).scripts is None or name == "№"


@pytest.mark.parametrize(
    "name", ["漢字とひらがなとカタカナ", "Tシャツ", "bobさん", "李bob", "bob김", "金김", "ㄅ李bob", "Ünal李1"]
)
def test_writing_systems_that_mix_scripts_are_allowed(name: str) -> None:
    assert look(name).scripts


MIXTURES = [
    pytest.param("\u0421hateau", id="Cyrillic first letter"),
    pytest.param("Chate\u0430u", id="Cyrillic letter inside"),
    pytest.param("chatea\u057d", id="Armenian last letter"),
    pytest.param("\u0391lice", id="Greek"),
    pytest.param("alic\u13ac", id="Cherokee"),
    pytest.param("bob\u0661", id="an Arabic digit"),
    pytest.param("bob\u09ea", id="a Bengali digit"),
    pytest.param("\u03b1\u0430", id="Greek and Cyrillic"),
    pytest.param("李\u0430", id="Chinese and Cyrillic"),
    pytest.param("김さん", id="Korean and Japanese"),
    pytest.param("ㄅさん", id="Bopomofo and Japanese"),
    pytest.param("bob\u2800", id="a blank Braille pattern"),
    pytest.param("µTorrent", id="the micro sign is a Greek letter"),
    pytest.param("e\u0483", id="a Cyrillic combining mark"),
    pytest.param("김ㄅbob", id="three writing systems"),
]


@pytest.mark.parametrize("name", MIXTURES)
def test_other_mixtures_of_scripts_are_found(name: str) -> None:
    assert look(name).scripts == MIXED


WHOLE_SCRIPT = [
    ("coco", "\u0441\u043e\u0441\u043e"),
    ("COCO", "\u0421\u041e\u0421\u041e"),
    ("coco", "\u0421\u041e\u0421\u041e"),
    ("ABE", "\u0391\u0392\u0395"),
    ("abe", "\u0391\u0392\u0395"),
    ("ooo", "\u0585\u0585\u0585"),
    ("OOO", "\u0555\u0555\u0555"),
    ("scope", "\u0455\u0441\u043e\u0440\u0435"),
    ("co-co 1", "\u0441\u043e-\u0441\u043e 1"),
    ("coco", "\uff43\uff4f\uff43\uff4f"),
    ("\u0441\u043e\u0441\u043e", "\u03f2\u03bf\u03f2\u03bf"),
    ("user1", "userl"),
    ("rn", "m"),
    ("O0", "OO"),
]


@pytest.mark.parametrize(("one", "other"), WHOLE_SCRIPT)
def test_names_that_look_alike_have_a_common_skeleton(one: str, other: str) -> None:
    assert alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"), [("alice", "bob"), ("ж", "x"), ("é", "e"), ("alice", "alicf"), ("日", "目"), ("Я", "R")]
)
def test_names_that_look_different_have_no_common_skeleton(one: str, other: str) -> None:
    assert not alike(one, other)


def test_short_table_for_ascii_is_part_of_the_table() -> None:
    assert {key: value for key, value in TABLES.prototypes.items() if key.isascii()} == ASCII_PROTOTYPES


def test_skeleton_is_its_own_skeleton() -> None:
    for prototype in TABLES.prototypes.values():
        assert lookalikes._one_skeleton(prototype) == unicodedata.normalize("NFD", prototype)


@given(st.text(st.characters(max_codepoint=126, min_codepoint=32), min_size=1, max_size=40))
def test_ascii_names_look_the_same_by_both_tables(name: str) -> None:
    key = name.lower()

    short = look_of(name, key)

    assert set(short.skeletons) == {lookalikes._skeleton(key), lookalikes._skeleton(name)}
    assert short.scripts == lookalikes._scripts_of(key)


@given(st.text(min_size=1, max_size=NAME_LIMIT))
def test_every_valid_name_has_a_look_of_bounded_size(name: str) -> None:
    try:
        key = normalize_name(name)
    except ValueError:
        return

    skeletons, _ = look_of(name, key)

    assert 1 <= len(skeletons) <= 2
    assert max(map(len, skeletons)) <= 18 * FORM_LIMIT


def test_scripts_are_known_for_every_assigned_letter() -> None:
    unknown = [
        hex(point)
        for point in range(0x110000)
        if unicodedata.category(chr(point)).startswith("L") and TABLES.scripts_of(chr(point)) == {"Zzzz"}
    ]

    assert unknown == []
