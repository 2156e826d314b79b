"""Idempotency keys: what was said under a key lately is not said again.

A key belongs to a speaker and a room, and counts for five minutes from its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from chateau.hub.ports import Clock

KEY_SECONDS = 300.0

Value = TypeVar("Value")


class IdempotencyCache(Generic[Value]):
    """What each key stood for, for the last five minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._values: dict[tuple[str, ...], tuple[float, Value]] = {}  # oldest first

    def get(self, *key: str) -> Value | None:
        """What *key* stands for; None where it is new or forgotten."""
        self._forget_old()
        entry = self._values.get(key)
        return entry[1] if entry is not None else None

    def put(self, *key: str, value: Value) -> None:
        """Let *key* stand for *value* from now on."""
        self._values.pop(key, None)  # so that it comes last
        self._values[key] = (self._clock(), value)

    def _forget_old(self) -> None:
        oldest = self._clock() - KEY_SECONDS
        while self._values:
            key = next(iter(self._values))
            if self._values[key][0] > oldest:
                return
            del self._values[key]
