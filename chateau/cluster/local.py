"""The cluster of one node: what it announces it hears at once, and no name is held elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.events import Event


class LocalCluster:
    """This node, alone."""

    announce: Callable[[Event], None]

    def subscribe(self, deliver: Callable[[Event], None]) -> None:
        self.announce = deliver

    def claim(self, key: str) -> bool:
        return True

    def release(self, key: str) -> None:
        pass
