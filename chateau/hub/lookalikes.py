"""Lookalikes: refuse names that mix scripts, or that look like an existing name in another script.

Names in one script never clash by their look: ``user1`` and ``userl`` are two names. How names look is passed
in (:data:`chateau.hub.ports.LookOf`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chateau.hub.errors import InvalidName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chateau.hub.ports import LookOf, NormalizeName, Scripts

RESERVED = "it is reserved for the server"
LOOKS_RESERVED = "it looks like a name that is reserved for the server"
MIXED_SCRIPTS = "it mixes letters of different scripts"
OTHER_SCRIPT = "it looks like an existing name in another script"


class Lookalikes:
    """The looks of all names of one kind, usernames or rooms. Each method takes constant time."""

    def __init__(self, *, normalize_name: NormalizeName, look_of: LookOf, reserved: Iterable[str]) -> None:
        """*reserved* names, and those that look like them, cannot be used."""
        self._look_of = look_of
        self._names: dict[str, dict[Scripts, int]] = {}  # by skeleton: how many names of which scripts
        self._reserved = {normalize_name(name) for name in reserved}
        # By skeleton: is one of the reserved names ASCII?
        self._reserved_looks: dict[str, bool] = {}
        for name in reserved:
            for skeleton in look_of(name, normalize_name(name)).skeletons:
                is_ascii = self._reserved_looks.get(skeleton, True)
                self._reserved_looks[skeleton] = is_ascii and name.isascii()

    def check_reserved(self, name: str, key: str) -> None:
        """Check that *key*, the normalized form of *name*, is not reserved.

        Raises:
            InvalidName.
        """
        if key in self._reserved:
            raise InvalidName(name, RESERVED)

    def check(self, name: str, key: str) -> None:
        """Check that a new *name* mixes no scripts, and that it looks like no other.

        The others are the reserved names, and existing names in another script. An ASCII name never clashes
        with a reserved one in ASCII.

        Raises:
            InvalidName.
        """
        self.check_reserved(name, key)
        skeletons, scripts = self._look_of(name, key)
        if scripts is not None and not scripts:
            raise InvalidName(name, MIXED_SCRIPTS)
        for skeleton in skeletons:
            is_ascii = self._reserved_looks.get(skeleton)
            if is_ascii is not None and not (is_ascii and name.isascii()):
                raise InvalidName(name, LOOKS_RESERVED)
            for others in self._names.get(skeleton, ()):
                if scripts is not None and others is not None and scripts.isdisjoint(others):
                    raise InvalidName(name, OTHER_SCRIPT)

    def add(self, name: str, key: str) -> None:
        """Add *name*, which may look like others."""
        skeletons, scripts = self._look_of(name, key)
        for skeleton in skeletons:
            counts = self._names.setdefault(skeleton, {})
            counts[scripts] = counts.get(scripts, 0) + 1

    def remove(self, name: str, key: str) -> None:
        """Remove *name*, which was added in the same spelling."""
        skeletons, scripts = self._look_of(name, key)
        for skeleton in skeletons:
            counts = self._names[skeleton]
            counts[scripts] -= 1
            if not counts[scripts]:
                del counts[scripts]
            if not counts:
                del self._names[skeleton]
