"""Normalized names: two names are equal if their normalized names are.

Usernames and room names are compared by the Nickname profile of RFC 8266
(:mod:`chateau.nickname_profile`): width and case are ignored, control and invisible characters are invalid.
Leading and trailing spaces, which the profile would remove, are invalid as well, so that a name is shown as
it was given. How names look is in :mod:`chateau.lookalikes`.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chateau.nickname_profile import NicknameProfile

NAME_LIMIT = 64
"""Maximum length of a name of any kind, in characters: that of a room's name."""

CACHED_NAMES = 4_096
"""Maximum number of names in the cache. Each takes at most 1.2 kB, so that all of them take 5 MB at most."""

_SPACES = re.compile("  +")


@lru_cache(maxsize=CACHED_NAMES)  # a hit takes 0.05 µs, an ASCII name 0.5 µs; invalid names are not cached
def normalize_name(name: str) -> str:
    """Return the normalized name of *name*.

    Callers check the length first, so that a long text is not even looked up in the cache.

    Raises:
        ValueError: *name* is invalid; the text gives the reason without the name.
    """
    if len(name) > NAME_LIMIT:
        raise ValueError(f"it is longer than {NAME_LIMIT} characters")
    if not name:
        raise ValueError("it is empty")
    if name != name.strip():
        raise ValueError("it begins or ends with a space")
    if not name.isascii():
        return _normalize_by_profile(name)
    if not name.isprintable():
        control = next(character for character in name if not character.isprintable())
        raise ValueError(_reason(control, "controls"))
    return _SPACES.sub(" ", name).lower()


def preload() -> None:
    """Load what the first name with other characters than ASCII needs; takes 50 ms. Idempotent."""
    from chateau import lookalikes

    _profile()
    lookalikes.preload()


@cache
def _profile() -> NicknameProfile:
    from chateau.nickname_profile import NicknameProfile

    return NicknameProfile()


def _normalize_by_profile(name: str) -> str:
    profile = _profile()
    if profile.is_long(name):
        raise ValueError("it becomes too long when its compatibility characters are written out")
    try:
        return str(profile.enforce(name))
    except UnicodeEncodeError as exc:
        kind = exc.reason.rpartition("/")[2].replace("_", " ")
        raise ValueError(_reason(exc.object[exc.start], kind)) from exc


def _reason(character: str, kind: str) -> str:
    return f"the character U+{ord(character):04X} is not allowed in it ({kind})"
