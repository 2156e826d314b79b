"""Write chateau/lookalikes.json: the scripts and the prototypes of all characters (UTS 39).

The scripts are from fontTools, which has the current Unicode data as Python. The prototypes are from ICU, the
reference implementation of UTS 39, through PyICU. Neither is needed to run the server::

    pip install fonttools PyICU
    python tools/lookalikes.py
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from importlib.metadata import version
from pathlib import Path

import icu
from fontTools.unicodedata import Scripts, script_extension

TARGET = Path(__file__).parents[1] / "chateau" / "lookalikes.json"

ALL = {"Zyyy", "Zinh"}
"""Common and inherited: part of all scripts."""

AUGMENTED = {
    "Hani": {"Hanb", "Jpan", "Kore"},
    "Hira": {"Jpan"},
    "Kana": {"Jpan"},
    "Hang": {"Kore"},
    "Bopo": {"Hanb"},
}
"""The writing systems that a script is part of (UTS 39, section 5.1)."""


def main() -> None:
    """Write the file."""
    points = [point for point in range(sys.maxunicode + 1) if not 0xD800 <= point <= 0xDFFF]
    starts: list[int] = []
    sets: list[str] = []
    set_of: list[int] = []
    for point in points:
        scripts = " ".join(sorted(scripts_of(chr(point))))
        if scripts not in sets:
            sets.append(scripts)
        number = sets.index(scripts)
        if not set_of or set_of[-1] != number:
            starts.append(point)
            set_of.append(number)
    checker = icu.SpoofChecker()
    prototypes = {
        character: skeleton
        for character in map(chr, points)
        if unicodedata.normalize("NFD", character) == character
        and (skeleton := checker.getSkeleton(0, character)) != character
    }
    data = {
        "//": "Written by tools/lookalikes.py. Data: Unicode, https://www.unicode.org/copyright.html",
        "sources": {
            "scripts": f"Unicode {data_version(Scripts)}, fonttools {version('fonttools')}",
            "prototypes": f"Unicode {icu.UNICODE_VERSION}, ICU {icu.ICU_VERSION}",
        },
        "sets": sets,
        "starts": starts,
        "set_of": set_of,
        "prototypes": closed(prototypes),
    }
    lines = (f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in data.items())
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{TARGET.name}: {len(starts)} ranges, {len(sets)} sets, {len(prototypes)} prototypes")


def scripts_of(character: str) -> set[str]:
    """Return the augmented scripts of *character*; empty for all scripts."""
    found = set(script_extension(character))
    if found & ALL:
        return set()
    return found.union(*(AUGMENTED.get(each, set()) for each in found))


def closed(prototypes: dict[str, str]) -> dict[str, str]:
    """Return *prototypes* with the prototypes of their characters, so that a skeleton is its own skeleton.

    Some, such as the caron of a decomposed U+017D, have a prototype of their own.
    """

    def skeleton(text: str) -> str:
        decomposed = unicodedata.normalize("NFD", text)
        found = unicodedata.normalize("NFD", "".join(map(prototypes.get, decomposed, decomposed)))
        return found if found == decomposed else skeleton(found)

    found = {character: skeleton(prototype) for character, prototype in prototypes.items()}
    return {character: prototype for character, prototype in found.items() if prototype != character}


def data_version(module: object) -> str:
    """Return the Unicode version in the comment at the head of a data module of fontTools."""
    found = re.search(r"Scripts-([0-9.]+)\.txt", Path(str(module.__file__)).read_text())
    assert found is not None, "the comment names the file that it was made from"
    return found[1]


if __name__ == "__main__":
    main()
