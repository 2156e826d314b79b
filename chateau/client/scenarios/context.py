"""The state of a scenario while it is played: its clients, their connections, the variables.

Also the exception of a step, :class:`StepError`.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from chateau.client.protocols import HTTP, Server
from chateau.client.scenarios.diff import explain
from chateau.client.scenarios.expect import Inbox, close_in_words
from chateau.client.scenarios.match import match
from chateau.client.scenarios.model import Client, Failure, Location, Scenario, Step, Verdict
from chateau.client.scenarios.schemas import Schemas
from chateau.client.scenarios.values import Scope, UnknownVariable
from chateau.client.transcript import Direction, Entry, OnEntry
from chateau.client.transports import CannotConnect, Connection, ConnectionClosed, Target, open_connection

CLOSING_SECONDS = 0.5  # how long to wait for the server's closing handshake at the end of a scenario
OnServerAction = Callable[[str], Coroutine[Any, Any, None]]


class StepError(Exception):
    """The server did not do what a step requires (FAILED), or the step cannot be played (ERROR)."""

    def __init__(
        self, failure: Failure, verdict: Verdict = Verdict.FAILED, *, is_file_at_fault: bool = False
    ) -> None:
        super().__init__(failure.sentence)
        self.failure = failure
        self.verdict = verdict
        self.is_file_at_fault = is_file_at_fault


@dataclass
class ClientState:
    """The state of one client of the scenario."""

    spec: Client
    inbox: Inbox = field(default_factory=Inbox)
    connection: Connection | None = None
    has_left: bool = False  # closed its connection itself, so that no step has to expect the close
    close_is_expected: bool = False


@dataclass
class ScenarioContext:
    """The state that the steps of one scenario share."""

    scenario: Scenario
    server: Server
    scope: Scope
    timeout_seconds: float
    on_entry: OnEntry
    on_server_action: OnServerAction | None

    def __post_init__(self) -> None:
        self.schemas = Schemas(self.scenario.folder)
        self.clients = {name: ClientState(spec) for name, spec in self.scenario.clients.items()}
        self.current_step = Step("start", None, (), {}, Location(self.scenario.file, 1))

    async def connection(self, step: Step, name: str, scope: Scope) -> Connection:
        """Return the connection of the client called *name*; open it if it never was."""
        client = self.clients[name]
        if client.connection is None:
            await self.connect(step, client, scope)
        assert client.connection is not None
        return client.connection

    async def connect(self, step: Step, client: ClientState, scope: Scope) -> None:
        """Open the connection of *client*, with the options of *step* if that is a ``connect``.

        Raises:
            StepError: nothing listens at the address, or the server rejected the connection, or accepted one
                that it should reject.
        """
        name = client.spec.name
        wanted = step.options.get("status") if step.kind == "connect" else None
        client.inbox, client.has_left, client.close_is_expected = Inbox(), False, False
        try:
            client.connection = await open_connection(
                name,
                self._target(step, client.spec, scope),
                self._observer(client.inbox),
                timeout_seconds=self.within(step),
            )
        except CannotConnect as exc:
            if exc.status is None:
                raise self.unreachable(step, exc, name) from exc
            if exc.status != wanted:
                raise self.failed(step, str(exc), name) from exc
            return
        opened = 200 if client.spec.protocol == HTTP else 101
        if wanted not in {None, opened}:
            raise self.failed(step, f"the server accepted the connection; expected status {wanted}", name)

    def within(self, step: Step) -> float:
        """Return the time limit of *step*, in seconds."""
        return float(step.options.get("within", self.timeout_seconds))

    def failed(
        self,
        step: Step,
        sentence: str,
        client: str | None = None,
        differences: tuple[str, ...] = (),
        diff: tuple[str, ...] = (),
    ) -> StepError:
        """Return the exception for a step whose requirements the server did not meet."""
        error = self._protocol_error(client)
        if error:
            sentence = f"{sentence}; {error}"
        return StepError(Failure(step.location, str(step), sentence, client, differences, diff))

    def not_playable(self, step: Step, sentence: str, client: str | None = None) -> StepError:
        """Return the exception for a step that is invalid."""
        failure = Failure(step.location, str(step), sentence, client)
        return StepError(failure, Verdict.ERROR, is_file_at_fault=True)

    def unreachable(self, step: Step, error: CannotConnect, client: str) -> StepError:
        """Return the exception for a step that could not connect to the server."""
        return StepError(Failure(step.location, str(step), str(error), client), Verdict.ERROR)

    def compare(self, step: Step, scope: Scope, expected: Any, got: Any, sentence: str, client: str) -> None:
        """Compare *got*, which is not a frame, with what *step* expects. Raises :class:`StepError`."""
        wanted = self.filled(step, scope, expected)
        found = match(wanted, got, exact=step.options.get("exact", False), schemas=self.schemas)
        if not found.matches:
            raise self.failed(step, sentence, client, *explain(wanted, got, found.mismatches))
        scope.capture(found.captures)

    def filled(self, step: Step, scope: Scope, value: Any) -> Any:
        """Return *value* with variables filled in. Raises :class:`StepError` if one has no value."""
        try:
            return scope.fill(value)
        except UnknownVariable as exc:
            raise self.not_playable(step, str(exc)) from exc

    async def close_connections(self) -> None:
        """Close the open connections, one client after the other, and read until the server has closed."""
        for client in self.clients.values():
            connection = client.connection
            if connection is None or client.has_left or not connection.is_open:
                continue
            client.has_left = True
            try:
                await connection.close()
                await connection.wait_closed(CLOSING_SECONDS)
            except (ConnectionClosed, TimeoutError):
                continue  # only the frames that came before matter

    def check_nothing_is_left(self) -> None:
        """Check for protocol errors and, if strict, for frames that no step took.

        Raises:
            StepError: there is one.
        """
        end = Step("the end", None, (), {}, self.scenario.end)
        for name, client in self.clients.items():
            if error := self._protocol_error(name):
                raise StepError(Failure(end.location, str(end), error, name))
            if not self.scenario.strict:
                continue
            inbox = client.inbox
            if inbox.frames:
                others = f" (and {len(inbox.frames) - 1} more)" if len(inbox.frames) > 1 else ""
                frame = inbox.frames[0].text[:200]
                raise self.failed(end, f"a frame came to {name} that no step expects{others}: {frame}", name)
            if inbox.close is not None and not client.has_left and not client.close_is_expected:
                sentence = f"the server closed {name}'s connection {close_in_words(inbox.close)}"
                raise self.failed(end, f"{sentence}, and no step expects that", name)

    def abort_connections(self) -> None:
        """Leave no connection open, whatever the outcome."""
        for client in self.clients.values():
            if client.connection is not None:
                client.connection.abort()

    def _protocol_error(self, client: str | None) -> str | None:
        connection = self.clients[client].connection if client in self.clients else None
        return connection.protocol_error if connection is not None else None

    def _observer(self, inbox: Inbox) -> OnEntry:
        def observe(entry: Entry) -> None:
            self.on_entry(entry)
            if entry.direction is Direction.RECEIVED:
                inbox.put(entry)

        return observe

    def _target(self, step: Step, spec: Client, scope: Scope) -> Target:
        """Return where *spec* connects to: options of the step, then of the client, then of the server."""
        options = step.options if step.kind == "connect" else {}
        url, path, channel, local = (
            self.filled(step, scope, value)
            for value in (spec.url, options.get("path", spec.path), spec.channel, spec.local_address)
        )
        headers = self.filled(step, scope, {**spec.headers, **options.get("headers", {})})
        return Target(
            spec.protocol,
            self._url(spec.protocol, url, path, channel),
            tuple(headers.items()),
            local,
            spec.line_end,
        )

    def _url(self, protocol: str, url: str | None, path: str | None, channel: str | None) -> str:
        if url is None:
            return self.server.url(protocol, path, channel)
        if path is None and channel is not None:
            path = f"/channel/{channel}/"
        return url if path is None else url.rstrip("/") + path
