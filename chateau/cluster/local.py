"""The cluster of one node: what it announces it hears at once, and no name is held elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.events import Event


class LocalCluster:
    """This node, alone."""

    def __init__(self) -> None:
        self._deliver: Callable[[Event], None] | None = None

    def subscribe(self, deliver: Callable[[Event], None]) -> None:
        self._deliver = deliver

    def announce(self, event: Event) -> None:
        assert self._deliver is not None, "nobody has subscribed yet"
        self._deliver(event)

    def claim(self, key: str) -> bool:
        return True

    def release(self, key: str) -> None:
        pass
