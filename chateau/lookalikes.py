"""How names look: their scripts and their skeletons, by UTS 39 (Unicode Security Mechanisms).

The tables are in ``lookalikes.json``, which ``tools/lookalikes.py`` writes. They are loaded with the first
name that has other characters than ASCII.
"""

from __future__ import annotations

from array import array
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

import orjson

from chateau.hub.ports import Look

_FILE = Path(__file__).with_name("lookalikes.json")

_CODE_POINTS = 0x110000

_LATIN = "Latn"
_WITH_LATIN = frozenset(("Jpan", "Hanb", "Kore"))
"""The writing systems that may be mixed with Latin (UTS 39, section 5.2, "Highly Restrictive")."""

_ASCII_LATIN = frozenset((_LATIN,))

ASCII_PROTOTYPES = {'"': "''", "%": "º/₀", "0": "O", "1": "l", "I": "l", "`": "'", "m": "rn", "|": "l"}
"""The prototypes of ASCII characters, as in the table: most names do not need more."""

_ASCII_TABLE = str.maketrans(ASCII_PROTOTYPES)


def look_of(name: str, key: str) -> Look:
    """Return how *name* looks; *key* is its normalized name.

    A look has the skeletons of both, because upper and lower case may look like different letters. An ASCII
    name takes 1.5 µs, others take up to 100.
    """
    if not name.isascii():
        skeleton = _skeleton(key)
        shown = skeleton if name == key else _skeleton(name)
        return Look((skeleton,) if shown == skeleton else (skeleton, shown), _scripts_of(key))
    scripts = _ASCII_LATIN if key.upper() != key else None
    skeleton = _ascii_skeleton(key)
    return Look((skeleton, _ascii_skeleton(name)) if "I" in name else (skeleton,), scripts)


def preload() -> None:
    """Load the tables; takes 5 ms. Idempotent."""
    _tables()


def _ascii_skeleton(name: str) -> str:
    return name.translate(_ASCII_TABLE).lower().translate(_ASCII_TABLE)


def _skeleton(name: str) -> str:
    """Return the skeleton of *name* (UTS 39, section 4) without regard to case."""
    skeleton = _one_skeleton(name)
    lower = skeleton.lower()
    return skeleton if lower == skeleton else _one_skeleton(lower)  # a skeleton is its own skeleton


def _one_skeleton(text: str) -> str:
    decomposed = normalize("NFD", text)
    # Four times as fast as str.translate for characters that are not in the table, which are most.
    return normalize("NFD", "".join(map(_tables().prototypes.get, decomposed, decomposed)))


def _scripts_of(text: str) -> frozenset[str] | None:
    """Return the scripts that *text* is written in (UTS 39, section 5.1), or None if it may be any.

    Writing systems that are mixed with Latin are one script each, such as ``Latn+Jpan``. The result is empty
    if the mixture is not "Highly Restrictive".
    """
    tables = _tables()
    numbers = set(map(tables.numbers.__getitem__, map(ord, text)))
    sets = {found for found in map(tables.sets.__getitem__, numbers) if found}
    if not sets:
        return None
    common = frozenset.intersection(*sets)
    if common:
        return common
    others = [found for found in sets if _LATIN not in found]
    rest = frozenset.intersection(*others) if others else frozenset()
    return frozenset(f"{_LATIN}+{system}" for system in rest & _WITH_LATIN)


class _Tables(NamedTuple):
    """*sets* has all sets of scripts, an empty one for all scripts; *numbers* is by code point."""

    sets: list[frozenset[str]]
    numbers: array[int]
    prototypes: dict[str, str]

    def scripts_of(self, character: str) -> frozenset[str]:
        return self.sets[self.numbers[ord(character)]]


@cache
def _tables() -> _Tables:
    read: dict[str, Any] = orjson.loads(_FILE.read_bytes())
    starts = read["starts"]  # of ranges of code points in which all have the same set
    lengths = (end - start for start, end in pairwise((*starts, _CODE_POINTS)))
    numbers = array("H")
    for number, length in zip(read["set_of"], lengths, strict=True):
        numbers += array("H", (number,)) * length
    return _Tables([frozenset(scripts.split()) for scripts in read["sets"]], numbers, read["prototypes"])
