"""Bodies that a request may have: text in UTF-8 or bytes, and never compressed (RFC 9110, section 15.5.16).

Programs send all kinds of ``Content-Type`` with text, and curl sends a wrong one, so only types that cannot
be text are rejected, before their bytes lead to a misleading error.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from chateau.hub.errors import quoted
from chateau.protocols.http_errors import UnsupportedMedia

if TYPE_CHECKING:
    from collections.abc import Mapping

CACHED_LENGTH = 100
"""Longer values of ``Content-Type`` are not cached."""

_NOT_ENCODED = frozenset(("", "identity"))

_ASCII_COMPATIBLE = re.compile(r"utf-?8|(us-)?ascii|iso-8859-\d+|latin-?\d|windows-125\d")
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]*)", re.IGNORECASE)

_NOT_TEXT = re.compile(
    r"(multipart|audio|video|font)/.*|image/(?!.*\+xml$).*"
    r"|application/(x-)?(zip|gzip|zstd|brotli|7z-compressed|tar|bzip2?|pdf|cbor|msgpack|protobuf|wasm|avro)"
)


def check_media(headers: Mapping[str, str], *, is_text: bool = True) -> None:
    """Check the type of a body with *headers*, whose names are looked up in lower case.

    Raises:
        UnsupportedMedia: it is encoded; or it must be text (*is_text*), and is of a type that cannot be.
    """
    coding = headers.get("content-encoding")
    if coding is not None and not is_not_encoded(coding):
        raise UnsupportedMedia(
            f"The body has the Content-Encoding {quoted(coding)}; expected a body without one."
        )
    kind = headers.get("content-type")
    if kind is None or not is_text:
        return
    fault = _cached_fault_of(kind) if len(kind) <= CACHED_LENGTH else _fault_of(kind)
    if fault is not None:
        raise UnsupportedMedia(fault)


def is_not_encoded(coding: str) -> bool:
    """Return whether *coding*, the value of ``Content-Encoding``, leaves a body as it is."""
    return all(each.strip().lower() in _NOT_ENCODED for each in coding.split(","))


def _fault_of(kind: str) -> str | None:
    media = kind.partition(";")[0].strip().lower()
    if media.startswith("multipart/"):
        return f"The body has the Content-Type {quoted(media)}; expected the payload itself, not in parts."
    if _NOT_TEXT.fullmatch(media) is not None:
        return f"The body has the Content-Type {quoted(media)}; expected text, or Package-Type: bytes."
    charset = _CHARSET.search(kind)
    if charset is not None and charset[1] and _ASCII_COMPATIBLE.fullmatch(charset[1].lower()) is None:
        return f"The body has the charset {quoted(charset[1])}; expected text in UTF-8."
    return None


_cached_fault_of = lru_cache(maxsize=256)(_fault_of)
