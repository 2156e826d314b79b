"""The Nickname profile of RFC 8266, from precis-i18n, at a bounded cost.

precis-i18n derives the class of each character again for each name: 5.5 µs per character. Here the class is
stored per code point, in one table of fixed size, so that it is derived once per process.
"""

from __future__ import annotations

import unicodedata

from precis_i18n.baseclass import FreeFormClass, raise_error
from precis_i18n.context import context_rule_error
from precis_i18n.derived import CONTEXTJ, CONTEXTO, FREE_PVAL, PVALID, derived_property
from precis_i18n.profile import Nickname, Profile
from precis_i18n.unicode import UnicodeData

FORM_LIMIT = 128
"""Maximum length of a normalized name, in characters.

Compatibility characters make it longer than the name: the one of U+FDFA has 18 characters.
"""

_CODE_POINTS = 0x110000
_DEPENDENT_ON_NEIGHBOURS = frozenset("\u00b7\u0375\u05f3\u05f4\u200c\u200d")  # RFC 5892, appendix A.1 to A.6
_UNKNOWN, _ALLOWED, _CONTEXTUAL = range(3)


class KnownCharacters(FreeFormClass):
    """The FreeformClass of RFC 8264, with a table of the characters that have been seen."""

    def __init__(self, ucd: UnicodeData) -> None:
        super().__init__(ucd, "FreeFormClass")
        self._classes = bytearray(_CODE_POINTS)

    def enforce(self, value: str, codec_name: str | None = None) -> str:
        """Return *value* if all of its characters are allowed.

        Raises:
            UnicodeEncodeError: one is not; the reason has the rule.
        """
        classes = self._classes
        if bytes(map(classes.__getitem__, map(ord, value))).count(_ALLOWED) == len(value):
            return value
        checked = set()  # characters whose rule is about the whole text: it is the same at all places
        for place, character in enumerate(value):
            class_ = classes[ord(character)]
            if class_ == _ALLOWED or character in checked:
                continue
            kind = ""
            if class_ == _UNKNOWN:
                class_, kind = self._derive(character)
            if class_ == _CONTEXTUAL:
                kind = context_rule_error(value, place, self.ucd)
                if character not in _DEPENDENT_ON_NEIGHBOURS:
                    checked.add(character)
            if kind:
                raise_error(codec_name or self.name, value, place, kind)
        return value

    def _derive(self, character: str) -> tuple[int, str]:
        """Return the class of *character*, and the rule that it breaks, or an empty string."""
        found, kind = derived_property(ord(character), self.ucd)
        class_ = _CLASSES.get(found, _UNKNOWN)
        self._classes[ord(character)] = class_
        return class_, "" if class_ else kind


_CLASSES = {PVALID: _ALLOWED, FREE_PVAL: _ALLOWED, CONTEXTJ: _CONTEXTUAL, CONTEXTO: _CONTEXTUAL}


class NicknameProfile(Nickname):
    """The profile ``NicknameCaseMapped``."""

    def __init__(self) -> None:
        Profile.__init__(self, KnownCharacters(UnicodeData()), "NicknameCaseMapped", "lower")
        self._lengths = bytearray(_CODE_POINTS)  # of the normalized characters; 0 if not known yet

    def is_long(self, name: str) -> bool:
        """Return whether the normalized form of *name* has more than ``FORM_LIMIT`` characters.

        The lengths of its characters are added, so that nothing is normalized.
        """
        lengths = bytes(map(self._lengths.__getitem__, map(ord, name)))
        if 0 in lengths:
            lengths = bytes(map(self._measure, name))
        return sum(lengths) > FORM_LIMIT

    def _measure(self, character: str) -> int:
        length = len(unicodedata.normalize("NFKC", character.lower()))
        self._lengths[ord(character)] = length
        return length
