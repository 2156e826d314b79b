"""Play steps: :data:`STEPS` has a function for each kind, so that a new kind is one function and one row.

A function raises the :class:`~chateau.client.scenarios.context.StepError` that the context makes.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from chateau.client import strict_json
from chateau.client.messages import WHITE_SPACE, MessageError, find, text_of
from chateau.client.protocols import HTTP
from chateau.client.scenarios.content import BadContent, body_of, bytes_of, frame_of
from chateau.client.scenarios.context import ScenarioContext
from chateau.client.scenarios.expect import Expectation, ExpectationFailed, close_in_words
from chateau.client.scenarios.model import Client, Step, every_step
from chateau.client.scenarios.variables import Scope
from chateau.client.transcript import ABNORMAL, NO_STATUS, close_of, utf8
from chateau.client.transports import CannotConnect, ConnectionClosed, NotPossible, RequestFailed
from chateau.client.under_test import ServerDidNotStart

if TYPE_CHECKING:
    from chateau.client.transports.http import Response

NORMAL_CLOSURE = 1000
NOTHING_SECONDS = 0.25
PAUSE_SECONDS = 0.01
JSON_TYPE = re.compile(r"application/(.+\+)?json")

Play = Callable[[Step, ScenarioContext, Scope, str], Coroutine[Any, Any, None]]


async def play_steps(steps: Sequence[Step], context: ScenarioContext, scope: Scope | None = None) -> None:
    """Play *steps* one after the other, each for one of its clients after the other."""
    scope = scope or context.scope
    for step in steps:
        context.current_step = step
        for name in step.clients or ("",):
            try:
                await STEPS[step.kind](step, context, scope, name)
            except ExpectationFailed as exc:
                raise context.failed(step, exc.sentence, name, exc.differences, exc.diff) from exc
            except (BadContent, MessageError, NotPossible) as exc:
                raise context.not_playable(step, str(exc), name) from exc
            except CannotConnect as exc:
                raise context.unreachable(step, exc, name) from exc
            except (ConnectionClosed, RequestFailed, ServerDidNotStart) as exc:
                raise context.failed(step, str(exc), name or None) from exc


# Connections


async def _connect(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    client = context.clients[name]
    if client.connection is not None and client.connection.is_open:
        raise context.not_playable(step, f"{name} is connected already", name)
    await context.connect(step, client, scope)


async def _expect_close(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    await context.connection(step, name, scope)
    client = context.clients[name]
    until = asyncio.get_running_loop().time() + context.within(step)
    while client.inbox.close is None:
        if not await client.inbox.wait(until):
            sentence = f"the connection is still open after {context.within(step):g} s"
            raise context.failed(step, sentence, name)
    client.close_is_expected = True
    _check_close(step, context, scope, name)


def _check_close(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    close = context.clients[name].inbox.close
    assert close is not None
    code, reason = close_of(close.payload)
    codes = step.options.get("code")
    if codes is not None:
        allowed = codes if isinstance(codes, list) else [codes]
        came = {code} if code is not None else {NO_STATUS, ABNORMAL}
        if not came & set(allowed):
            expected = " or ".join(map(str, allowed))
            sentence = f"the server closed the connection {close_in_words(close)}; expected {expected}"
            raise context.failed(step, sentence, name)
    if "reason" in step.options:
        context.compare(step, scope, step.options["reason"], reason, "the reason of the close differs", name)


async def _close(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    how = step.options.get("how", "goodbye")
    connection = await context.connection(step, name, scope)
    client = context.clients[name]
    client.close_is_expected = True
    client.has_left = client.has_left or how != "half"
    if how == "abort":
        connection.abort()
    elif how == "half":
        await connection.half_close()
    else:
        await connection.close(step.options.get("code", NORMAL_CLOSURE), step.options.get("reason", ""))


# Frames


async def _send(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    connection = await context.connection(step, name, scope)
    with _sending(step, context, name):
        is_file = isinstance(step.value, dict) and set(step.value) == {"$file"}
        value = _file_text(step, context) if is_file else context.filled(step, scope, step.value)
        frame = frame_of(value, step.options.get("as"), context.clients[name].spec.protocol)
        await connection.send(*frame, *_pieces(step))


async def _send_raw(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    connection = await context.connection(step, name, scope)
    with _sending(step, context, name):
        payload = bytes_of(context.filled(step, scope, step.value))
        await connection.send_raw(payload, *_pieces(step))


def _pieces(step: Step) -> tuple[Any, float]:
    """Return how to split what is sent, and the pause in seconds between the pieces."""
    return step.options.get("split"), step.options.get("pause", PAUSE_SECONDS)


@contextmanager
def _sending(step: Step, context: ScenarioContext, name: str) -> Iterator[None]:
    """Fail with how the connection was closed, if it was."""
    try:
        yield
    except NotPossible:
        raise
    except ConnectionClosed as exc:
        close = context.clients[name].inbox.close
        how = f" {close_in_words(close)}" if close else ""
        raise context.failed(step, f"it cannot be sent: the connection is closed{how}", name) from exc


def _file_text(step: Step, context: ScenarioContext) -> str:
    """Return the text of the file that a step sends, from the scenario's folder or from messages/."""
    name = step.value["$file"]
    own = context.scenario.folder / name
    return text_of(own if own.is_file() else find(name)).strip(WHITE_SPACE)


async def _expect(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    await context.connection(step, name, scope)
    expectation = Expectation(
        frames=step.value if isinstance(step.value, list) else [step.value],
        exact=step.options.get("exact", False),
        unordered=step.options.get("unordered", False),
        read_as=step.options.get("as"),
        strict=context.scenario.strict,
        within_seconds=context.within(step),
        inbox=context.clients[name].inbox,
        schemas=context.schemas,
        fill=lambda value: context.filled(step, scope, value),
        capture=scope.capture,
    )
    await expectation.take()


async def _expect_nothing(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    is_first = name == step.clients[0]  # while it waits, frames for the other clients arrive as well
    seconds = step.options.get("within", NOTHING_SECONDS) if is_first else 0
    until = asyncio.get_running_loop().time() + seconds
    await context.connection(step, name, scope)
    inbox = context.clients[name].inbox
    while not inbox.frames and inbox.close is None and await inbox.wait(until):
        continue
    if inbox.frames:
        raise context.failed(step, f"a frame came to {name}: {inbox.frames[0].text[:200]}", name)
    if inbox.close is not None:
        sentence = f"the server closed the connection {close_in_words(inbox.close)}"
        raise context.failed(step, sentence, name)


# HTTP


async def _http(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    """Send one request over a connection of its own, and check the response."""
    response = await _response(step, context, scope, name)
    _check_status(step, context, response, name)
    if "answer" in step.options:
        wanted, body = step.options["answer"], _response_body(response)
        context.compare(step, scope, wanted, body, "the body of the response differs", name)
    if "answer_headers" in step.options:
        wanted = _lower_case(step.options["answer_headers"].items())
        came = _lower_case(response.headers)
        context.compare(step, scope, wanted, came, "the headers of the response differ", name)


async def _response(step: Step, context: ScenarioContext, scope: Scope, name: str) -> "Response":
    from chateau.client.transports.http import request

    spec = context.scenario.clients.get(name) or Client(HTTP, HTTP)
    method, path = context.filled(step, scope, step.value).split(" ", 1)
    base = context.filled(step, scope, spec.url) or context.server.url(HTTP, "")
    body, headers = _request_content(step, context, scope, spec)
    return await request(
        name,
        method,
        base.rstrip("/") + path,
        headers,
        body,
        context.on_entry,
        context.within(step),
        context.filled(step, scope, spec.local_address),
    )


def _request_content(
    step: Step, context: ScenarioContext, scope: Scope, spec: Client
) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """Return the body and the headers; the content type is the body's unless the step sets another."""
    body, content_type = body_of(context.filled(step, scope, step.options.get("body")))
    headers = {**spec.headers, **step.options.get("headers", {})}
    if content_type and "content-type" not in {key.lower() for key in headers}:
        headers["Content-Type"] = content_type
    return body, tuple(context.filled(step, scope, headers).items())


def _check_status(step: Step, context: ScenarioContext, response: "Response", name: str) -> None:
    allowed = step.options.get("status", response.status)
    statuses = allowed if isinstance(allowed, list) else [allowed]
    if response.status not in statuses:
        expected = " or ".join(map(str, statuses))
        body = response.body[:200].decode("utf-8", "backslashreplace")
        sentence = f"the status is {response.status}, expected {expected}; the body is {body!r}"
        raise context.failed(step, sentence, name)


def _lower_case(headers: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return headers by lower-case name: the case of names is not significant (RFC 9110 §5.1)."""
    return {name.lower(): value for name, value in headers}


def _response_body(response: "Response") -> Any:
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


# Control flow


async def _sleep(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    await asyncio.sleep(step.value)


async def _parallel(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    """Play all branches concurrently; the first that fails is reported, and ends the others."""
    inner = scope.within_parallel(_barriers(step))
    tasks = [asyncio.create_task(play_steps(branch, context, inner)) for branch in step.branches]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _barriers(step: Step) -> dict[str, asyncio.Barrier]:
    """Return a barrier for each name, with as many parties as branches that use it."""
    names = [
        {inner.value for inner in every_step(branch) if inner.kind == "barrier"} for branch in step.branches
    ]
    return {name: asyncio.Barrier(sum(name in branch for branch in names)) for name in set().union(*names)}


async def _barrier(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    barrier = scope.barriers[step.value]
    seconds = context.within(step)
    try:
        async with asyncio.timeout(seconds):
            await barrier.wait()
    except TimeoutError as exc:
        sentence = f"only {barrier.n_waiting + 1} of {barrier.parties} reached it within {seconds:g} s"
        raise context.failed(step, sentence) from exc
    except asyncio.BrokenBarrierError as exc:
        raise context.failed(step, "the others did not reach it") from exc


async def _repeat(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    for index in range(step.value):
        await play_steps(step.branches[0], context, scope.within_repeat(index))


async def _server(step: Step, context: ScenarioContext, scope: Scope, name: str) -> None:
    assert context.on_server_action is not None  # the runner skips such a scenario where this is impossible
    await context.on_server_action(step.value)


STEPS: dict[str, Play] = {
    "connect": _connect,
    "send": _send,
    "send_raw": _send_raw,
    "expect": _expect,
    "expect_nothing": _expect_nothing,
    "expect_close": _expect_close,
    "close": _close,
    "http": _http,
    "sleep": _sleep,
    "parallel": _parallel,
    "barrier": _barrier,
    "repeat": _repeat,
    "server": _server,
}
