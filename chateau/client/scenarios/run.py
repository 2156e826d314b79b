"""Play scenarios: one, or many against one server, with results in the order of the files.

The server runs already, or is started for the run; then it is started again after a crash, so that only the
scenarios that were being played are affected.
"""

import asyncio
import secrets
import string
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chateau.client.protocols import Server
from chateau.client.scenarios.context import OnServerAction, ScenarioContext, StepError
from chateau.client.scenarios.load import BadScenario, Item
from chateau.client.scenarios.model import Failure, Result, Run, Scenario, Verdict
from chateau.client.scenarios.steps import play_steps
from chateau.client.scenarios.values import Scope
from chateau.client.transcript import Entry, OnEntry
from chateau.client.under_test import ServerDidNotStart

if TYPE_CHECKING:
    from chateau.client.under_test.server import ServerUnderTest

SAME_FIELDS = ("name", "file", "rule", "description", "points", "visibility")  # of a scenario and its result
RUN_LETTERS = string.ascii_lowercase + string.digits
RUN_LENGTH = 6


class SystemUnderTest:
    """The server that scenarios are played against; this one runs already."""

    can_stop = False

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def server(self) -> Server:
        return self._server

    async def ready(self) -> None:
        """Ensure that the server runs, or let a connection show it. Raises :class:`ServerDidNotStart`."""

    async def crash(self) -> str | None:
        """Return a description of the server's crash; None if it did not crash."""
        return None

    async def do(self, action: str) -> None:
        """``stop``, ``kill`` or ``start`` the server. Raises :class:`ServerDidNotStart`."""
        raise NotImplementedError(action)


class ManagedServer(SystemUnderTest):
    """A server that is started for the run, and again whenever it is down."""

    can_stop = True

    def __init__(self, program: "ServerUnderTest", server: Server) -> None:
        super().__init__(server)
        self._program = program
        self._starting = asyncio.Lock()
        self._runs = False
        self._start_error: ServerDidNotStart | None = None

    @property
    def server(self) -> Server:
        program = self._program
        return replace(
            self._server,
            host=program.host,
            port=program.port,
            lines_port=program.lines_port,
            opcodes_port=program.opcodes_port,
        )

    async def ready(self) -> None:
        async with self._starting:
            if self._start_error is not None:  # it would not start for the next scenario either
                raise self._start_error
            if not self._runs or not self._program.is_listening():
                try:
                    await self.do("start")
                except ServerDidNotStart as exc:
                    self._start_error = exc
                    raise

    async def crash(self) -> str | None:
        return await self._program.crashed() if self._runs else None

    async def do(self, action: str) -> None:
        self._runs = False
        await {"stop": self._program.stop, "kill": self._program.kill, "start": self._program.start}[action]()
        self._runs = action == "start"


async def play(
    scenario: Scenario,
    server: Server,
    *,
    timeout_seconds: float,
    variables: Mapping[str, Any],
    on_entry: OnEntry | None = None,
    on_server_action: OnServerAction | None = None,
) -> Result:
    """Play *scenario* against *server*.

    *timeout_seconds* is the limit of a step without one of its own; *variables* override the scenario's.
    Whatever the server does becomes a verdict; nothing is raised.
    """
    transcript: list[Entry] = []

    def observe(entry: Entry) -> None:
        transcript.append(entry)
        if on_entry is not None:
            on_entry(entry)

    run_name = "".join(secrets.choice(RUN_LETTERS) for _ in range(RUN_LENGTH))
    context = ScenarioContext(
        scenario,
        server,
        Scope({**scenario.variables, **variables, **server.variables(), "run": run_name}),
        timeout_seconds=timeout_seconds,
        on_entry=observe,
        on_server_action=on_server_action,
    )
    started_at, began = datetime.now(UTC), time.monotonic()
    error = await _first_error(context)
    verdict = error.verdict if error else Verdict.PASSED
    return replace(
        unplayed(scenario, verdict),
        started_at=started_at,
        seconds=time.monotonic() - began,
        transcript=tuple(transcript),
        failure=error.failure if error else None,
        reason=error.failure.sentence if error and verdict is Verdict.ERROR else "",
        is_file_at_fault=error is not None and error.is_file_at_fault,
    )


async def _first_error(context: ScenarioContext) -> StepError | None:
    """Play the steps until one fails."""
    scenario = context.scenario
    try:
        async with asyncio.timeout(scenario.timeout_seconds):
            await play_steps(scenario.steps, context)
            await context.close_connections()
        context.check_nothing_is_left()
    except StepError as exc:
        return exc
    except TimeoutError:
        step = context.current_step
        sentence = f"the scenario took longer than {scenario.timeout_seconds:g} s"
        return StepError(Failure(step.location, str(step), sentence))
    finally:
        context.abort_connections()
    return None


def unplayed(item: Item, verdict: Verdict, reason: str = "") -> Result:
    """Return the result of *item* without having played it; that of an invalid file has its own reason."""
    now = datetime.now(UTC)
    if isinstance(item, BadScenario):
        file = item.location.file
        return Result(file, file, Verdict.ERROR, now, 0.0, reason=str(item), is_file_at_fault=True)
    clients = tuple((client.name, client.protocol) for client in item.clients.values())
    same: dict[str, Any] = {name: getattr(item, name) for name in SAME_FIELDS}
    return Result(verdict=verdict, started_at=now, seconds=0.0, clients=clients, reason=reason, **same)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a run."""

    timeout_seconds: float = 5.0
    jobs: int = 1
    variables: Mapping[str, Any] = field(default_factory=dict)
    implements: Mapping[str, frozenset[str]] = field(default_factory=dict)  # protocol → its types


@dataclass
class Runner:
    """Plays scenarios against one server; *on_entry* returns the observer of a scenario's entries."""

    system: SystemUnderTest
    options: RunOptions
    on_result: Callable[[Result], None]
    on_entry: Callable[[Scenario], OnEntry | None]

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.options.jobs)

    async def run(self, items: Sequence[Item]) -> Run:
        """Play *items*: first those that may run concurrently, then those that run alone.

        If cancelled, return the results so far.
        """
        started_at, began = datetime.now(UTC), time.monotonic()
        results: dict[int, Result] = {}
        is_interrupted = True
        with suppress(asyncio.CancelledError):
            await self._play(items, results)
            is_interrupted = False
        return Run(
            tuple(
                results.get(index) or unplayed(item, Verdict.ERROR, "the run was interrupted")
                for index, item in enumerate(items)
            ),
            str(self.system.server),
            started_at,
            time.monotonic() - began,
            is_interrupted,
        )

    async def _play(self, items: Sequence[Item], results: dict[int, Result]) -> None:
        alone = [index for index, item in enumerate(items) if isinstance(item, Scenario) and item.plays_alone]
        together = [index for index in range(len(items)) if index not in set(alone)]
        await asyncio.gather(*(self._one(index, items[index], results) for index in together))
        for index in alone:
            await self._one(index, items[index], results)

    async def _one(self, index: int, item: Item, results: dict[int, Result]) -> None:
        async with self._slots:
            results[index] = await self._result(item)
        self.on_result(results[index])

    async def _result(self, item: Item) -> Result:
        if isinstance(item, BadScenario):
            return unplayed(item, Verdict.ERROR)
        if reason := self._reason_to_skip(item):
            return unplayed(item, Verdict.SKIPPED, reason)
        try:
            await self.system.ready()
        except ServerDidNotStart as exc:
            return unplayed(item, Verdict.ERROR, str(exc))
        result = await play(
            item,
            self.system.server,
            timeout_seconds=self.options.timeout_seconds,
            variables=self.options.variables,
            on_entry=self.on_entry(item),
            on_server_action=self.system.do,
        )
        crash = None if result.verdict is Verdict.PASSED else await self.system.crash()
        return replace(result, notes=(crash,)) if crash else result

    def _reason_to_skip(self, scenario: Scenario) -> str:
        if scenario.stops_the_server and not self.system.can_stop:
            return "it stops the server, which requires --server-command"
        for need in scenario.requires:
            if need.startswith("${"):
                name = need[2:-1]
                if name not in self.options.variables and name not in scenario.variables:
                    return f"it requires a value: --set {name}=…"
            else:
                protocol, kind = need.split(" ", 1)
                implemented = self.options.implements.get(protocol)
                if implemented is not None and kind not in implemented:
                    return f"the server does not implement {need}"
        return ""
