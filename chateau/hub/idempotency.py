"""Idempotency keys: a message that is sent again with the same key is not delivered again.

A key belongs to a sender and a room, and is valid for five minutes after its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.ports import Clock, Commit

KEY_SECONDS = 300.0


class _Receipt(Protocol):
    @property
    def commit(self) -> Commit | None: ...


Receipt = TypeVar("Receipt", bound=_Receipt)


class IdempotencyCache(Generic[Receipt]):
    """The receipts of the last five minutes by their keys."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._receipts: dict[tuple[str, ...], tuple[float, Receipt]] = {}  # oldest first

    def get_or_create(self, *key: str, create: Callable[[], Receipt]) -> Receipt:
        """Return the receipt for *key*, created if there is none or if it has failed."""
        now = self._clock()
        self._remove_old(now - KEY_SECONDS)
        _, receipt = self._receipts.get(key, (now, None))
        if receipt is None or _has_failed(receipt.commit):
            receipt = create()
            self._receipts.pop(key, None)  # so that it becomes the newest
            self._receipts[key] = (now, receipt)
        return receipt

    def _remove_old(self, oldest: float) -> None:
        while self._receipts:
            key = next(iter(self._receipts))
            if self._receipts[key][0] > oldest:
                return
            del self._receipts[key]


def _has_failed(commit: Commit | None) -> bool:
    return commit is not None and commit.done() and commit.exception() is not None
