"""Costs: what a request takes from its client's tokens (docs/limits.md has the table).

Every message costs a token, and so does every 4 KiB of it. Requests that make the server work for others, or
return much, cost more. A token stands for about 20 µs of the server's time: that of a direct message.
"""

from __future__ import annotations

MESSAGE_BYTES_PER_TOKEN = 4_096
"""The same for a message and for what is in it: JSON of any shape is decoded and checked once."""


def members(count: int) -> float:
    """Return the cost of what reaches *count* members of a room, or names them."""
    return count / 100


def content(size: int) -> float:
    """Return the cost of *size* bytes of a body; the rest above whole tokens is free."""
    return size // MESSAGE_BYTES_PER_TOKEN


def broadcast(channels: int, packages: int) -> float:
    """Return the cost of publishing *packages* to *channels* with one request: a token for each."""
    return channels + packages


def history(size: int) -> float:
    """Return the cost of *size* bytes of history."""
    return size / 2_048
