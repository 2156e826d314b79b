"""The scope: what surrounds a step and gives its words their meaning."""

import asyncio
from collections.abc import Mapping
from typing import Any

from chateau.client.scenarios.variables import fill


class Scope:
    """What surrounds a step: the variables, the count of its ``repeat``, the barriers of its ``parallel``."""

    def __init__(
        self,
        shared: dict[str, Any],
        own: Mapping[str, Any] | None = None,
        barriers: Mapping[str, asyncio.Barrier] | None = None,
    ) -> None:
        self._shared = shared
        self._own = own or {}
        self.barriers = barriers or {}

    def fill(self, value: Any) -> Any:
        return fill(value, {**self._shared, **self._own})

    def capture(self, captures: Mapping[str, Any]) -> None:
        self._shared.update(captures)

    def within_repeat(self, index: int) -> "Scope":
        return Scope(self._shared, {**self._own, "index": index}, self.barriers)

    def within_parallel(self, barriers: Mapping[str, asyncio.Barrier]) -> "Scope":
        return Scope(self._shared, self._own, {**self.barriers, **barriers})
