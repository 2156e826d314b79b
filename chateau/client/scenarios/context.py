"""The state of a scenario while it is played: its clients, their connections, the variables."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from chateau.client.protocols import Server
from chateau.client.scenarios.expect import Inbox, close_in_words
from chateau.client.scenarios.model import Client, Failure, Location, Scenario, Step, Verdict
from chateau.client.scenarios.schemas import Schemas
from chateau.client.scenarios.values import Scope
from chateau.client.transcript import Direction, Entry, OnEntry
from chateau.client.transports import Connection, ConnectionClosed

CLOSING_SECONDS = 0.5  # how long to wait for the server's closing handshake at the end of a scenario
OnServerAction = Callable[[str], Coroutine[Any, Any, None]]


@dataclass(eq=False)
class StepError(Exception):
    """The server did not do what a step requires (FAILED), or the step cannot be played (ERROR)."""

    failure: Failure
    verdict: Verdict = Verdict.FAILED
    is_file_at_fault: bool = False


@dataclass
class ClientState:
    """The state of one client of the scenario."""

    spec: Client
    inbox: Inbox = field(default_factory=Inbox)
    connection: Connection | None = None
    has_left: bool = False  # closed its connection itself, so that no step has to expect the close
    close_is_expected: bool = False

    @property
    def protocol_error(self) -> str | None:
        return self.connection.protocol_error if self.connection is not None else None

    def untaken(self) -> str | None:
        """Return a description of a frame or of a close that no step took; None if there is none."""
        name, frames, close = self.spec.name, self.inbox.frames, self.inbox.close
        if frames:
            others = f" (and {len(frames) - 1} more)" if len(frames) > 1 else ""
            return f"a frame came to {name} that no step expects{others}: {frames[0].text[:200]}"
        if close is not None and not self.has_left and not self.close_is_expected:
            how = close_in_words(close)
            return f"the server closed {name}'s connection {how}, and no step expects that"
        return None


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

    def observer(self, inbox: Inbox) -> OnEntry:
        """Return the function that records each entry of a connection, and puts it into *inbox*."""

        def observe(entry: Entry) -> None:
            self.on_entry(entry)
            if entry.direction is Direction.RECEIVED:
                inbox.put(entry)

        return observe

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
        for name, client in self.clients.items():
            sentence = client.protocol_error or (client.untaken() if self.scenario.strict else None)
            if sentence is not None:
                raise StepError(Failure(self.scenario.end, "the end", sentence, name))

    def abort_connections(self) -> None:
        """Leave no connection open, whatever the outcome."""
        for client in self.clients.values():
            if client.connection is not None:
                client.connection.abort()
