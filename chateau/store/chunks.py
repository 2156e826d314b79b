"""Chunks: records of one stream as text, and back."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import orjson

from chateau.store.pages import PACKAGES, RECORD_OF

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chateau.hub.events import Publication, StoredRecord

CHUNK_BYTES = 64 * 1024
"""How long a chunk of several records may be: what a reader who wants one of them has to read."""

_PAYLOAD = 2  # where in a package


def encode(stream: int, records: Sequence[StoredRecord]) -> Iterator[tuple[Sequence[StoredRecord], str]]:
    """*records* in chunks, none of them too long, each with its text."""
    rows = [_package_row(record) for record in records] if stream == PACKAGES else list(map(tuple, records))  # type: ignore[arg-type]
    text = orjson.dumps(rows)
    if len(text) <= CHUNK_BYTES or len(records) == 1:
        yield records, text.decode()
    else:
        half = len(records) // 2
        yield from encode(stream, records[:half])
        yield from encode(stream, records[half:])


def decode(stream: int, text: str) -> list[StoredRecord]:
    """The records of a chunk, oldest first."""
    make = RECORD_OF[stream]
    rows = orjson.loads(text)
    if stream == PACKAGES:
        for row in rows:
            row[_PAYLOAD] = _payload(row[_PAYLOAD])
    return [make(*row) for row in rows]


def _package_row(package: Publication) -> tuple[Any, ...]:
    """Text stays text, for people who look into the database; what is no text is base64 in a list."""
    try:
        payload: str | list[str] = package.payload.decode()
    except UnicodeDecodeError:
        payload = [b64encode(package.payload).decode()]
    return (package.room, package.kind, payload, package.seq, package.id, package.time)


def _payload(stored: str | list[str]) -> bytes:
    return stored.encode() if isinstance(stored, str) else b64decode(stored[0])
