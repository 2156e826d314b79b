"""Play steps: :class:`StepPlayer` has a method for each kind of step, of the same name."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chateau.client import strict_json
from chateau.client.messages import WHITE_SPACE, MessageError, find, text_of
from chateau.client.protocols import HTTP
from chateau.client.scenarios.context import ClientState, ScenarioContext, StepError
from chateau.client.scenarios.diff import explain
from chateau.client.scenarios.expect import Expectation, ExpectationFailed, Inbox, close_in_words
from chateau.client.scenarios.match import match
from chateau.client.scenarios.model import Client, Failure, Step, Verdict, every_step
from chateau.client.scenarios.values import BadContent, Scope, UnknownVariable, body_of, bytes_of, frame_of
from chateau.client.transcript import ABNORMAL, NO_STATUS, close_of, utf8
from chateau.client.transports import (
    CannotConnect,
    Connection,
    ConnectionClosed,
    NotPossible,
    RequestFailed,
    Target,
    open_connection,
)
from chateau.client.under_test import ServerDidNotStart

if TYPE_CHECKING:
    from chateau.client.transports.http import Response

NORMAL_CLOSURE = 1000
NOTHING_SECONDS = 0.25
PAUSE_SECONDS = 0.01
JSON_TYPE = re.compile(r"application/(.+\+)?json")


async def play_steps(steps: Sequence[Step], context: ScenarioContext, scope: Scope | None = None) -> None:
    """Play *steps* one after the other, each for one of its clients after the other.

    Raises:
        StepError: the server did not do what a step requires, or a step cannot be played.
    """
    for step in steps:
        context.current_step = step
        for name in step.clients or (None,):
            player = StepPlayer(step, context, scope or context.scope, name)
            try:
                await getattr(player, step.kind)()
            except ExpectationFailed as exc:
                raise player.failed(exc.sentence, exc.differences, exc.diff) from exc
            except UnknownVariable as exc:
                failure = Failure(step.location, str(step), str(exc))
                raise StepError(failure, Verdict.ERROR, is_file_at_fault=True) from exc
            except (BadContent, MessageError, NotPossible) as exc:
                raise player.not_playable(str(exc)) from exc
            except CannotConnect as exc:
                raise StepError(player.failure(str(exc)), Verdict.ERROR) from exc
            except (ConnectionClosed, RequestFailed, ServerDidNotStart) as exc:
                raise player.failed(str(exc)) from exc


@dataclass(frozen=True, slots=True)
class StepPlayer:
    """One step, played for the client called *name*; the methods ``connect`` to ``server`` are its kinds."""

    step: Step
    context: ScenarioContext
    scope: Scope
    name: str | None

    @property
    def client(self) -> ClientState:
        return self.context.clients[str(self.name)]

    @property
    def within_seconds(self) -> float:
        """Return the time limit of the step."""
        return float(self.option("within", self.context.timeout_seconds))

    def option(self, name: str, default: Any = None) -> Any:
        return self.step.options.get(name, default)

    def filled(self, value: Any) -> Any:
        """Return *value* with variables filled in. Raises :class:`UnknownVariable`."""
        return self.scope.fill(value)

    def failure(
        self, sentence: str, differences: tuple[str, ...] = (), diff: tuple[str, ...] = ()
    ) -> Failure:
        return Failure(self.step.location, str(self.step), sentence, self.name, differences, diff)

    def failed(
        self, sentence: str, differences: tuple[str, ...] = (), diff: tuple[str, ...] = ()
    ) -> StepError:
        """Return the exception for a step whose requirements the server did not meet."""
        client = self.context.clients.get(str(self.name))
        if client is not None and client.protocol_error:
            sentence = f"{sentence}; {client.protocol_error}"
        return StepError(self.failure(sentence, differences, diff))

    def not_playable(self, sentence: str) -> StepError:
        """Return the exception for a step that is invalid."""
        return StepError(self.failure(sentence), Verdict.ERROR, is_file_at_fault=True)

    def compare(self, expected: Any, got: Any, sentence: str) -> None:
        """Compare *got*, which is not a frame, with what the step expects. Raises :class:`StepError`."""
        wanted = self.filled(expected)
        found = match(wanted, got, exact=self.option("exact", False), schemas=self.context.schemas)
        if not found.matches:
            raise self.failed(sentence, *explain(wanted, got, found.mismatches))
        self.scope.capture(found.captures)

    # Connections

    async def connect(self) -> None:
        if self.client.connection is not None and self.client.connection.is_open:
            raise self.not_playable(f"{self.name} is connected already")
        await self._open(self.option("status"))

    async def _connection(self) -> Connection:
        """Return the connection of the client; open it if it never was."""
        if self.client.connection is None:
            await self._open(None)
        assert self.client.connection is not None
        return self.client.connection

    async def _open(self, wanted: int | None) -> None:
        """Open a connection; the server has to respond with the status *wanted*, or accept it if None.

        Raises:
            CannotConnect: nothing listens at the address.
            StepError: the server rejected the connection, or accepted one that it should reject.
        """
        client = self.client
        client.inbox, client.has_left, client.close_is_expected = Inbox(), False, False
        try:
            client.connection = await open_connection(
                client.spec.name,
                self._target(client.spec),
                self.context.observer(client.inbox),
                timeout_seconds=self.within_seconds,
            )
        except CannotConnect as exc:
            if exc.status is None:
                raise
            if exc.status != wanted:
                raise self.failed(str(exc)) from exc
            return
        opened = 200 if client.spec.protocol == HTTP else 101
        if wanted not in {None, opened}:
            raise self.failed(f"the server accepted the connection; expected status {wanted}")

    def _target(self, spec: Client) -> Target:
        """Return where *spec* connects to: options of the step, then of the client, then of the server."""
        options = self.step.options if self.step.kind == "connect" else {}
        url, path, channel, local_address, headers = self.filled(
            [
                spec.url,
                options.get("path", spec.path),
                spec.channel,
                spec.local_address,
                {**spec.headers, **options.get("headers", {})},
            ]
        )
        if url is None:
            url = self.context.server.url(spec.protocol, path, channel)
        elif path is not None or channel is not None:
            url = url.rstrip("/") + (f"/channel/{channel}/" if path is None else path)
        return Target(spec.protocol, url, tuple(headers.items()), local_address, spec.line_end)

    async def expect_close(self) -> None:
        await self._connection()
        inbox, seconds = self.client.inbox, self.within_seconds
        until = asyncio.get_running_loop().time() + seconds
        while inbox.close is None:
            if not await inbox.wait(until):
                raise self.failed(f"the connection is still open after {seconds:g} s")
        self.client.close_is_expected = True
        code, reason = close_of(inbox.close.payload)
        if "code" in self.step.options:
            allowed = _listed(self.option("code"))
            came = {NO_STATUS, ABNORMAL} if code is None else {code}
            if not came & set(allowed):
                how, expected = close_in_words(inbox.close), " or ".join(map(str, allowed))
                raise self.failed(f"the server closed the connection {how}; expected {expected}")
        if "reason" in self.step.options:
            self.compare(self.option("reason"), reason, "the reason of the close differs")

    async def close(self) -> None:
        how = self.option("how", "goodbye")
        connection = await self._connection()
        self.client.close_is_expected = True
        self.client.has_left = self.client.has_left or how != "half"
        if how == "abort":
            connection.abort()
        elif how == "half":
            await connection.half_close()
        else:
            await connection.close(self.option("code", NORMAL_CLOSURE), self.option("reason", ""))

    # Frames

    async def send(self) -> None:
        connection = await self._connection()
        with self._sending():
            is_file = isinstance(self.step.value, dict) and set(self.step.value) == {"$file"}
            value = self._file_text() if is_file else self.filled(self.step.value)
            frame = frame_of(value, self.option("as"), self.client.spec.protocol)
            await connection.send(*frame, self.option("split"), self.option("pause", PAUSE_SECONDS))

    async def send_raw(self) -> None:
        connection = await self._connection()
        with self._sending():
            payload = bytes_of(self.filled(self.step.value))
            await connection.send_raw(payload, self.option("split"), self.option("pause", PAUSE_SECONDS))

    @contextmanager
    def _sending(self) -> Iterator[None]:
        """Fail with how the connection was closed, if it was."""
        try:
            yield
        except NotPossible:
            raise
        except ConnectionClosed as exc:
            close = self.client.inbox.close
            how = f" {close_in_words(close)}" if close else ""
            raise self.failed(f"it cannot be sent: the connection is closed{how}") from exc

    def _file_text(self) -> str:
        """Return the text of the file that is sent, from the scenario's folder or from messages/."""
        name = self.step.value["$file"]
        own = self.context.scenario.folder / name
        return text_of(own if own.is_file() else find(name)).strip(WHITE_SPACE)

    async def expect(self) -> None:
        await self._connection()
        expectation = Expectation(
            frames=_listed(self.step.value),
            exact=self.option("exact", False),
            unordered=self.option("unordered", False),
            read_as=self.option("as"),
            strict=self.context.scenario.strict,
            within_seconds=self.within_seconds,
            inbox=self.client.inbox,
            schemas=self.context.schemas,
            fill=self.filled,
            capture=self.scope.capture,
        )
        await expectation.take()

    async def expect_nothing(self) -> None:
        is_first = self.name == self.step.clients[0]  # while it waits, frames for the others arrive as well
        seconds = self.option("within", NOTHING_SECONDS) if is_first else 0
        until = asyncio.get_running_loop().time() + seconds
        await self._connection()
        inbox = self.client.inbox
        while not inbox.frames and inbox.close is None and await inbox.wait(until):
            continue
        if inbox.frames:
            raise self.failed(f"a frame came to {self.name}: {inbox.frames[0].text[:200]}")
        if inbox.close is not None:
            raise self.failed(f"the server closed the connection {close_in_words(inbox.close)}")

    # HTTP

    async def http(self) -> None:
        """Send one request over a connection of its own, and check the response."""
        response = await self._response()
        allowed = _listed(self.option("status", response.status))
        if response.status not in allowed:
            expected = " or ".join(map(str, allowed))
            body = response.body[:200].decode("utf-8", "backslashreplace")
            raise self.failed(f"the status is {response.status}, expected {expected}; the body is {body!r}")
        if "answer" in self.step.options:
            self.compare(self.option("answer"), _body_of(response), "the body of the response differs")
        if "answer_headers" in self.step.options:
            wanted = _lower_case(self.option("answer_headers").items())
            self.compare(wanted, _lower_case(response.headers), "the headers of the response differ")

    async def _response(self) -> "Response":
        """Send the request; its content type is the body's unless the step sets another."""
        from chateau.client.transports.http import request

        spec = self.context.scenario.clients.get(str(self.name)) or Client(HTTP, HTTP)
        method, path = self.filled(self.step.value).split(" ", 1)
        base = self.filled(spec.url) or self.context.server.url(HTTP, "")
        body, content_type = body_of(self.filled(self.option("body")))
        headers = {**spec.headers, **self.option("headers", {})}
        if content_type and "content-type" not in {key.lower() for key in headers}:
            headers["Content-Type"] = content_type
        return await request(
            str(self.name),
            method,
            base.rstrip("/") + path,
            tuple(self.filled(headers).items()),
            body,
            self.context.on_entry,
            self.within_seconds,
            self.filled(spec.local_address),
        )

    # Control flow

    async def sleep(self) -> None:
        await asyncio.sleep(self.step.value)

    async def parallel(self) -> None:
        """Play all branches concurrently; the first that fails is reported, and ends the others."""
        scope = self.scope.within_parallel(_barriers(self.step))
        branches = (play_steps(branch, self.context, scope) for branch in self.step.branches)
        tasks = [asyncio.create_task(branch) for branch in branches]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def barrier(self) -> None:
        barrier = self.scope.barriers[self.step.value]
        seconds = self.within_seconds
        try:
            async with asyncio.timeout(seconds):
                await barrier.wait()
        except TimeoutError as exc:
            reached = f"only {barrier.n_waiting + 1} of {barrier.parties} reached it"
            raise self.failed(f"{reached} within {seconds:g} s") from exc
        except asyncio.BrokenBarrierError as exc:
            raise self.failed("the others did not reach it") from exc

    async def repeat(self) -> None:
        for index in range(self.step.value):
            await play_steps(self.step.branches[0], self.context, self.scope.within_repeat(index))

    async def server(self) -> None:
        on_server_action = self.context.on_server_action
        assert on_server_action is not None  # the runner skips such a scenario where this is impossible
        await on_server_action(self.step.value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _lower_case(headers: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return headers by lower-case name: the case of names is not significant (RFC 9110 §5.1)."""
    return {name.lower(): value for name, value in headers}


def _body_of(response: "Response") -> Any:
    """Return the body of a response: JSON if its content type requires it, or text, or hex if not UTF-8.

    A body that should be JSON and is not must match nothing: OK is not "OK".
    """
    text = utf8(response.body)
    if text is None:
        return response.body.hex()
    content_type = _lower_case(response.headers).get("content-type", "")
    is_json = JSON_TYPE.fullmatch(content_type.split(";")[0].strip().lower())
    try:
        value = strict_json.decode(text)
    except ValueError:
        return {"not JSON": text} if is_json else text
    return value if is_json or isinstance(value, dict | list) else text


def _barriers(step: Step) -> dict[str, asyncio.Barrier]:
    """Return a barrier for each name, with as many parties as branches that use it."""
    names = [
        {inner.value for inner in every_step(branch) if inner.kind == "barrier"} for branch in step.branches
    ]
    return {name: asyncio.Barrier(sum(name in branch for branch in names)) for name in set().union(*names)}
