"""How names look: their scripts and their skeletons, by UTS 39 (Unicode Security Mechanisms).

The tables are in ``lookalikes.json``, which ``tools/lookalikes.py`` writes. They are loaded with the first
name that has other characters than ASCII.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

import orjson

from chateau.hub.ports import Look

_FILE = Path(__file__).with_name("lookalikes.json")

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
        return Look(tuple(dict.fromkeys((_skeleton(key), _skeleton(name)))), _scripts_of(key))
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
    return _one_skeleton(_one_skeleton(name).lower())


def _one_skeleton(text: str) -> str:
    return normalize("NFD", normalize("NFD", text).translate(_tables().prototypes))


def _scripts_of(text: str) -> frozenset[str] | None:
    """Return the scripts that *text* is written in (UTS 39, section 5.1), or None if it may be any.

    Writing systems that are mixed with Latin are one script each, such as ``Latn+Jpan``. The result is empty
    if the mixture is not "Highly Restrictive".
    """
    sets = {found for found in map(_tables().scripts_of, text) if found}
    if not sets:
        return None
    common = frozenset.intersection(*sets)
    if common:
        return common
    others = [found for found in sets if _LATIN not in found]
    rest = frozenset.intersection(*others) if others else frozenset()
    return frozenset(f"{_LATIN}+{system}" for system in rest & _WITH_LATIN)


class _Tables(NamedTuple):
    """*starts* begin ranges of code points; *sets* has the scripts of each range, empty for all scripts."""

    starts: list[int]
    sets: list[frozenset[str]]
    prototypes: dict[int, str]

    def scripts_of(self, character: str) -> frozenset[str]:
        return self.sets[bisect_right(self.starts, ord(character)) - 1]


@cache
def _tables() -> _Tables:
    read: dict[str, Any] = orjson.loads(_FILE.read_bytes())
    sets = [frozenset(scripts.split()) for scripts in read["sets"]]
    prototypes = {ord(character): prototype for character, prototype in read["prototypes"].items()}
    return _Tables(read["starts"], [sets[number] for number in read["set_of"]], prototypes)
