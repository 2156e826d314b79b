"""The stage: everything that the steps of one scenario share while it is played.

Its clients with their connections and inboxes, the variables, and the two ways in which a step can go wrong.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from chateau.client.addresses import Server
from chateau.client.protocols import HTTP
from chateau.client.scenarios.difference import explain
from chateau.client.scenarios.document import Client, Scenario, Step
from chateau.client.scenarios.inbox import Inbox, close_words
from chateau.client.scenarios.matching import Schemas, match
from chateau.client.scenarios.result import Failure, Place
from chateau.client.scenarios.scope import Scope
from chateau.client.scenarios.variables import UnknownVariable
from chateau.client.transcript import Direction, Entry, OnEntry
from chateau.client.transports import CannotConnect, Connection, ConnectionClosed, Target, open_connection

GOODBYE_SECONDS = 0.5  # how long the server's goodbye is waited for when a scenario is over
OnServer = Callable[[str], Coroutine[Any, Any, None]]


class Failed(Exception):
    """The server did something else than a step says."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.sentence)
        self.failure = failure


class Cannot(Exception):
    """A step cannot be played: there is no connection, or it ``is_miswritten``."""

    def __init__(self, failure: Failure, *, is_miswritten: bool) -> None:
        super().__init__(failure.sentence)
        self.failure = failure
        self.is_miswritten = is_miswritten


class Guest:
    """One client of the scenario while it is played."""

    def __init__(self, spec: Client) -> None:
        self.spec = spec
        self.inbox = Inbox()
        self.wire: Connection | None = None
        self.left = False  # by itself, so that the end of the connection needs no step that asks for it
        self.end_was_asked_for = False


class Stage:
    """What the steps of one scenario share."""

    def __init__(
        self,
        scenario: Scenario,
        server: Server,
        *,
        variables: dict[str, Any],
        schemas: Schemas,
        timeout_seconds: float,
        on_entry: OnEntry,
        on_server: OnServer | None,
    ) -> None:
        self.scenario = scenario
        self.server = server
        self.scope = Scope(variables)
        self.schemas = schemas
        self.timeout_seconds = timeout_seconds
        self.on_entry = on_entry
        self.on_server = on_server
        self.guests = {name: Guest(spec) for name, spec in scenario.clients.items()}
        self.at = Step("start", None, (), {}, Place(scenario.file, 1))  # the step that began last

    def guest(self, name: str) -> Guest:
        return self.guests[name]

    async def wire(self, step: Step, name: str, scope: Scope) -> Connection:
        """The connection of the client called *name*, opened now where it is not yet."""
        guest = self.guests[name]
        if guest.wire is None:
            await self.connect(step, guest, scope)
        assert guest.wire is not None
        return guest.wire

    async def connect(self, step: Step, guest: Guest, scope: Scope) -> None:
        """Open the connection of *guest* as its part of the scenario, and *step*, have it.

        Raises:
            Cannot: nobody listens there.
            Failed: the server refused, or should have.
        """
        wanted = step.options.get("status") if step.kind == "connect" else None
        guest.inbox, guest.left, guest.end_was_asked_for = Inbox(), False, False
        try:
            guest.wire = await open_connection(
                guest.spec.name,
                self._target(step, guest.spec, scope),
                self._observer(guest),
                timeout_seconds=self.within(step),
            )
        except CannotConnect as exc:
            if exc.status is None:
                raise self.unreachable(step, exc, guest.spec.name) from exc
            if exc.status != wanted:
                raise self.failed(step, str(exc), guest.spec.name) from exc
            return
        opened = 200 if guest.spec.protocol == HTTP else 101
        if wanted not in {None, opened}:
            raise self.failed(
                step, f"the server accepted what it should refuse with {wanted}", guest.spec.name
            )

    def within(self, step: Step) -> float:
        """How many seconds *step* may take."""
        return float(step.options.get("within", self.timeout_seconds))

    def failed(
        self,
        step: Step,
        sentence: str,
        client: str | None = None,
        differences: tuple[str, ...] = (),
        diff: tuple[str, ...] = (),
    ) -> Failed:
        flaw = self._flaw(client)
        if flaw:
            sentence = f"{sentence}; {flaw}"
        return Failed(Failure(step.place, str(step), sentence, client, differences, diff))

    def cannot(self, step: Step, sentence: str, client: str | None = None) -> Cannot:
        """For a step that nobody could play as it is written."""
        return Cannot(Failure(step.place, str(step), sentence, client), is_miswritten=True)

    def unreachable(self, step: Step, error: CannotConnect, client: str) -> Cannot:
        """For a step that found nobody there."""
        return Cannot(Failure(step.place, str(step), str(error), client), is_miswritten=False)

    def compare(self, step: Step, scope: Scope, expected: Any, got: Any, sentence: str, client: str) -> None:
        """Match *got*, which came in no frame, with what *step* expects. Raises :class:`Failed`."""
        wanted = self.filled(step, scope, expected)
        found = match(wanted, got, exact=step.options.get("exact", False), schemas=self.schemas)
        if not found.matches:
            raise self.failed(step, sentence, client, *explain(wanted, got, found.mismatches))
        scope.capture(found.captures)

    async def say_goodbye(self) -> None:
        """Close what is open, client by client, reading what the server still says."""
        for guest in self.guests.values():
            wire = guest.wire
            if wire is None or guest.left or not wire.is_open:
                continue
            guest.left = True
            try:
                await wire.close()
                await wire.wait_closed(GOODBYE_SECONDS)
            except (ConnectionClosed, TimeoutError):
                continue  # what counts is what was read

    def check_what_is_left(self) -> None:
        """What no step has asked for. Raises :class:`Failed`."""
        end = Step("the end", None, (), {}, self.scenario.end)
        for guest in self.guests.values():
            name = guest.spec.name
            if flaw := self._flaw(name):
                raise Failed(Failure(end.place, str(end), flaw, name))
            if not self.scenario.strict:
                continue
            if guest.inbox.frames:
                others = f" (and {len(guest.inbox.frames) - 1} more)" if len(guest.inbox.frames) > 1 else ""
                frame = guest.inbox.frames[0].text
                sentence = f"a frame came to {name} that no step has asked for{others}: {frame[:200]}"
                raise self.failed(end, sentence, name)
            if guest.inbox.close is not None and not guest.left and not guest.end_was_asked_for:
                sentence = f"the server closed {name}'s connection {close_words(guest.inbox.close)}"
                raise self.failed(end, f"{sentence}, and no step has asked for that", name)

    def leave(self) -> None:
        """Leave nothing open, however it went."""
        for guest in self.guests.values():
            if guest.wire is not None:
                guest.wire.abort()

    def _flaw(self, client: str | None) -> str | None:
        wire = self.guests[client].wire if client in self.guests else None
        return wire.protocol_error if wire is not None else None

    def _observer(self, guest: Guest) -> OnEntry:
        inbox = guest.inbox

        def observe(entry: Entry) -> None:
            self.on_entry(entry)
            if entry.direction is Direction.RECEIVED:
                inbox.put(entry)

        return observe

    def _target(self, step: Step, spec: Client, scope: Scope) -> Target:
        """Where *spec* connects to: the step's word comes first, then the client's, then the server's."""
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

    def filled(self, step: Step, scope: Scope, value: Any) -> Any:
        """*value* with the variables in it. Raises :class:`Cannot` where one has no value."""
        try:
            return scope.fill(value)
        except UnknownVariable as exc:
            raise self.cannot(step, str(exc)) from exc
