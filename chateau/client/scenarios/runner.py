"""The runner: many scenarios on one ground, some at once, the results in the order of the files."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from chateau.client.scenarios.document import Scenario
from chateau.client.scenarios.finding import Item
from chateau.client.scenarios.ground import Ground
from chateau.client.scenarios.player import blank, play
from chateau.client.scenarios.reading import BadScenario
from chateau.client.scenarios.result import Result, Run, Verdict
from chateau.client.transcript import OnEntry
from chateau.client.under_test.server import ServerDidNotStart

OnResult = Callable[[Result], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says of a run."""

    timeout_seconds: float = 5.0
    jobs: int = 1
    variables: Mapping[str, Any] = field(default_factory=dict)
    implements: Mapping[str, frozenset[str]] = field(default_factory=dict)  # protocol → its types


class Runner:
    """Plays scenarios on one ground."""

    def __init__(
        self,
        ground: Ground,
        options: Options,
        on_result: OnResult,
        on_entry: Callable[[Scenario], OnEntry | None],
    ) -> None:
        self._ground = ground
        self._options = options
        self._on_result = on_result
        self._on_entry = on_entry
        self._places = asyncio.Semaphore(options.jobs)

    async def run(self, items: Sequence[Item]) -> Run:
        """Play *items*: first those that may be played at once, then those that want to be alone.

        Where it is cancelled, the run has what was played until then.
        """
        started_at, began = datetime.now(UTC), time.monotonic()
        results: dict[int, Result] = {}
        try:
            await self._play(items, results)
        except asyncio.CancelledError:
            is_interrupted = True
        else:
            is_interrupted = False
        return Run(
            tuple(results.get(index) or _unplayed(item) for index, item in enumerate(items)),
            str(self._ground.server),
            started_at,
            time.monotonic() - began,
            is_interrupted,
        )

    async def _play(self, items: Sequence[Item], results: dict[int, Result]) -> None:
        alone = [index for index, item in enumerate(items) if isinstance(item, Scenario) and _is_alone(item)]
        together = [index for index in range(len(items)) if index not in set(alone)]
        await asyncio.gather(*(self._one(index, items[index], results) for index in together))
        for index in alone:
            await self._one(index, items[index], results)

    async def _one(self, index: int, item: Item, results: dict[int, Result]) -> None:
        async with self._places:
            results[index] = await self._result(item)
        self._on_result(results[index])

    async def _result(self, item: Item) -> Result:
        if isinstance(item, BadScenario):
            return unreadable(item)
        if reason := self._reason_to_skip(item):
            return blank(item, Verdict.SKIPPED, datetime.now(UTC), reason)
        try:
            await self._ground.ready()
        except ServerDidNotStart as exc:
            return blank(item, Verdict.ERROR, datetime.now(UTC), str(exc))
        result = await play(
            item,
            self._ground.server,
            timeout_seconds=self._options.timeout_seconds,
            variables=self._options.variables,
            on_entry=self._on_entry(item),
            on_server=self._ground.do,
        )
        crash = None if result.verdict is Verdict.PASSED else await self._ground.crash()
        return replace(result, notes=(crash,)) if crash else result

    def _reason_to_skip(self, scenario: Scenario) -> str:
        if scenario.stops_the_server and not self._ground.can_stop:
            return "it stops the server: that needs --server-command"
        for need in scenario.requires:
            if need.startswith("${"):
                name = need[2:-1]
                if name not in self._options.variables and name not in scenario.variables:
                    return f"it needs a value: --set {name}=…"
            else:
                protocol, kind = need.split(" ", 1)
                implemented = self._options.implements.get(protocol)
                if implemented is not None and kind not in implemented:
                    return f"the server is said not to have {need}"
        return ""


def unreadable(bad: BadScenario) -> Result:
    """The result of a file that is no scenario."""
    return Result(
        name=bad.place.file,
        file=bad.place.file,
        verdict=Verdict.ERROR,
        started_at=datetime.now(UTC),
        seconds=0.0,
        reason=str(bad),
        is_file_at_fault=True,
    )


def _unplayed(item: Item) -> Result:
    """The result of one that was not played to its end, because the run was interrupted."""
    if isinstance(item, BadScenario):
        return unreadable(item)
    return blank(item, Verdict.ERROR, datetime.now(UTC), "the run was interrupted")


def _is_alone(scenario: Scenario) -> bool:
    return scenario.alone or scenario.stops_the_server
