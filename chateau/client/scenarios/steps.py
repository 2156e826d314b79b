"""The steps: what each kind does. A table, so that a new kind is one function and one line of it.

A step that went wrong raises what :mod:`chateau.client.scenarios.stage` makes of it.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from chateau.client import strict_json
from chateau.client.addresses import HTTP
from chateau.client.messages import WHITE_SPACE, MessageError, find
from chateau.client.scenarios.content import BadContent, body_of, bytes_of, frame_of
from chateau.client.scenarios.difference import explain
from chateau.client.scenarios.document import Step, every_step
from chateau.client.scenarios.expecting import Expectation, Unmet, Wish
from chateau.client.scenarios.inbox import close_words
from chateau.client.scenarios.matching import match
from chateau.client.scenarios.stage import Scope, Stage
from chateau.client.transcript import ABNORMAL, NO_STATUS, close_of
from chateau.client.under_test.server import ServerDidNotStart
from chateau.client.wires import CannotConnect, NotPossible, RequestFailed, Response, WireClosed, request

Play = Callable[[Step, Stage, Scope], Coroutine[Any, Any, None]]

JSON_TYPE = re.compile(r"application/(.+\+)?json")
NORMAL_CLOSURE = 1000
NOTHING_SECONDS = 0.25
PAUSE_SECONDS = 0.01


async def play_all(steps: Sequence[Step], stage: Stage, scope: Scope | None = None) -> None:
    """Play *steps* one after the other."""
    scope = scope or stage.scope
    for step in steps:
        stage.at = step
        await PLAYS[step.kind](step, stage, scope)


async def _connect(step: Step, stage: Stage, scope: Scope) -> None:
    for name in step.clients:
        guest = stage.guest(name)
        if guest.wire is not None and guest.wire.is_open:
            raise stage.cannot(step, f"{name} is connected already", name)
        await stage.connect(step, guest, scope)


async def _send(step: Step, stage: Stage, scope: Scope) -> None:
    (name,) = step.clients
    wire = await stage.wire(step, name, scope)
    try:
        value = _file_text(step, stage) if _is_file(step.value) else stage.filled(step, scope, step.value)
        opcode, payload = frame_of(value, step.options.get("as"), stage.guest(name).spec.protocol)
    except (BadContent, MessageError) as exc:
        raise stage.cannot(step, str(exc), name) from exc
    try:
        await wire.send(opcode, payload, *_cuts(step))
    except NotPossible as exc:
        raise stage.cannot(step, str(exc), name) from exc
    except WireClosed as exc:
        raise _gone(step, stage, name) from exc


async def _send_raw(step: Step, stage: Stage, scope: Scope) -> None:
    (name,) = step.clients
    wire = await stage.wire(step, name, scope)
    try:
        payload = bytes_of(stage.filled(step, scope, step.value))
    except BadContent as exc:
        raise stage.cannot(step, str(exc), name) from exc
    try:
        await wire.send_raw(payload, *_cuts(step))
    except NotPossible as exc:
        raise stage.cannot(step, str(exc), name) from exc
    except WireClosed as exc:
        raise _gone(step, stage, name) from exc


async def _expect(step: Step, stage: Stage, scope: Scope) -> None:
    (name,) = step.clients
    await stage.wire(step, name, scope)
    options = step.options
    wish = Wish(
        frames=tuple(step.value) if isinstance(step.value, list) else (step.value,),
        exact=options.get("exact", False),
        unordered=options.get("unordered", False),
        read_as=options.get("as"),
        strict=stage.scenario.strict,
        within_seconds=stage.within(step),
    )
    expectation = Expectation(
        wish,
        stage.guest(name).inbox,
        stage.schemas,
        lambda value: stage.filled(step, scope, value),
        scope.capture,
    )
    try:
        await expectation.take()
    except Unmet as exc:
        raise stage.failed(step, exc.sentence, name, exc.differences, exc.diff) from exc


async def _expect_nothing(step: Step, stage: Stage, scope: Scope) -> None:
    until = asyncio.get_running_loop().time() + step.options.get("within", NOTHING_SECONDS)
    for name in step.clients:
        await stage.wire(step, name, scope)
        inbox = stage.guest(name).inbox
        while not inbox.frames and inbox.close is None and await inbox.wait(until):
            continue
        if inbox.frames:
            raise stage.failed(step, f"a frame came to {name}: {inbox.frames[0].text[:200]}", name)
        if inbox.close is not None:
            raise stage.failed(step, f"the server closed the connection {close_words(inbox.close)}", name)


async def _expect_close(step: Step, stage: Stage, scope: Scope) -> None:
    for name in step.clients:
        await stage.wire(step, name, scope)
        guest = stage.guest(name)
        until = asyncio.get_running_loop().time() + stage.within(step)
        while guest.inbox.close is None:
            if not await guest.inbox.wait(until):
                raise stage.failed(step, f"the connection is still open after {stage.within(step):g} s", name)
        guest.end_was_asked_for = True
        _check_close(step, stage, scope, name)


def _check_close(step: Step, stage: Stage, scope: Scope, name: str) -> None:
    close = stage.guest(name).inbox.close
    assert close is not None
    code, reason = close_of(close.payload)
    codes = step.options.get("code")
    if codes is not None:
        right = codes if isinstance(codes, list) else [codes]
        came = {code} if code is not None else {NO_STATUS, ABNORMAL}
        if not came & set(right):
            wanted = " or ".join(map(str, right))
            sentence = f"the server closed the connection {close_words(close)} instead of with {wanted}"
            raise stage.failed(step, sentence, name)
    if "reason" in step.options:
        _compare(
            step, stage, scope, step.options["reason"], reason, "the reason of the close is another", name
        )


async def _close(step: Step, stage: Stage, scope: Scope) -> None:
    how = step.options.get("how", "goodbye")
    for name in step.clients:
        wire = await stage.wire(step, name, scope)
        guest = stage.guest(name)
        guest.end_was_asked_for = True
        try:
            if how == "abort":
                guest.left = True
                wire.abort()
            elif how == "half":
                await wire.half_close()
            else:
                guest.left = True
                await wire.close(step.options.get("code", NORMAL_CLOSURE), step.options.get("reason", ""))
        except NotPossible as exc:
            raise stage.cannot(step, str(exc), name) from exc
        except WireClosed as exc:
            raise stage.failed(step, str(exc), name) from exc


async def _http(step: Step, stage: Stage, scope: Scope) -> None:
    (name,) = step.clients
    spec = stage.scenario.clients.get(name)
    method, path = stage.filled(step, scope, step.value).split(" ", 1)
    base = stage.filled(step, scope, spec.url) if spec and spec.url else stage.server.url(HTTP, "")
    try:
        body, content_type = body_of(stage.filled(step, scope, step.options.get("body")))
    except BadContent as exc:
        raise stage.cannot(step, str(exc), name) from exc
    headers = {**(spec.headers if spec else {}), **step.options.get("headers", {})}
    if content_type and "content-type" not in {key.lower() for key in headers}:
        headers["Content-Type"] = content_type
    try:
        response = await request(
            name,
            method,
            base.rstrip("/") + path,
            tuple(stage.filled(step, scope, headers).items()),
            body,
            stage.on_entry,
            stage.within(step),
            stage.filled(step, scope, spec.local_address) if spec and spec.local_address else None,
        )
    except CannotConnect as exc:
        raise stage.unreachable(step, exc, name) from exc
    except RequestFailed as exc:
        raise stage.failed(step, str(exc), name) from exc
    _check_status(step, stage, response.status, response.body)
    if "answer" in step.options:
        got = _answer(response)
        _compare(step, stage, scope, step.options["answer"], got, "the body of the answer is another", name)
    if "answer_headers" in step.options:
        expected = {key.lower(): value for key, value in step.options["answer_headers"].items()}
        came = {key.lower(): value for key, value in response.headers}
        _compare(step, stage, scope, expected, came, "the headers of the answer are others", name)


def _check_status(step: Step, stage: Stage, status: int, body: bytes) -> None:
    right = step.options.get("status")
    if right is None:
        return
    statuses = right if isinstance(right, list) else [right]
    if status not in statuses:
        wanted = " or ".join(map(str, statuses))
        said = body[:200].decode("utf-8", "backslashreplace")
        raise stage.failed(
            step, f"the status is {status}, not {wanted}; the body is {said!r}", step.clients[0]
        )


async def _sleep(step: Step, stage: Stage, scope: Scope) -> None:
    await asyncio.sleep(step.value)


async def _parallel(step: Step, stage: Stage, scope: Scope) -> None:
    """All branches at once; the first that goes wrong ends the others, and is the one that is told."""
    inner = scope.within_parallel(_barriers(step))
    tasks = [asyncio.create_task(play_all(branch, stage, inner)) for branch in step.branches]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _barriers(step: Step) -> dict[str, asyncio.Barrier]:
    """A barrier for each name, with as many parties as there are branches that have it."""
    names = [
        {inner.value for inner in every_step(branch) if inner.kind == "barrier"} for branch in step.branches
    ]
    return {name: asyncio.Barrier(sum(name in branch for branch in names)) for name in set().union(*names)}


async def _barrier(step: Step, stage: Stage, scope: Scope) -> None:
    barrier = scope.barriers[step.value]
    try:
        async with asyncio.timeout(stage.within(step)):
            await barrier.wait()
    except TimeoutError as exc:
        sentence = (
            f"only {barrier.n_waiting + 1} of {barrier.parties} came to it within {stage.within(step):g} s"
        )
        raise stage.failed(step, sentence) from exc
    except asyncio.BrokenBarrierError as exc:
        raise stage.failed(step, "the others did not come to it") from exc


async def _repeat(step: Step, stage: Stage, scope: Scope) -> None:
    for index in range(step.value):
        await play_all(step.branches[0], stage, scope.within_repeat(index))


async def _server(step: Step, stage: Stage, scope: Scope) -> None:
    assert stage.on_server is not None  # the runner skips such scenarios where it cannot be done
    try:
        await stage.on_server(step.value)
    except ServerDidNotStart as exc:
        raise stage.failed(step, str(exc)) from exc


def _compare(
    step: Step, stage: Stage, scope: Scope, expected: Any, got: Any, sentence: str, name: str
) -> None:
    """Match *got*, which no inbox holds, as a frame would be matched."""
    wanted = stage.filled(step, scope, expected)
    found = match(wanted, got, exact=step.options.get("exact", False), schemas=stage.schemas)
    if not found.matches:
        raise stage.failed(step, sentence, name, *explain(wanted, got, found.mismatches))
    scope.capture(found.captures)


def _answer(response: Response) -> Any:
    """The body of an answer: JSON where its content type says so, or text, or hex where it is no UTF-8.

    What says that it is JSON and is none must match nothing: the answer OK is not the answer "OK".
    """
    try:
        text = response.body.decode()
    except UnicodeDecodeError:
        return response.body.hex()
    headers = {name.lower(): value for name, value in response.headers}
    is_json = JSON_TYPE.fullmatch(headers.get("content-type", "").split(";")[0].strip().lower())
    try:
        value = strict_json.decode(text)
    except ValueError:
        return {"not JSON": text} if is_json else text
    return value if is_json or isinstance(value, dict | list) else text


def _is_file(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"$file"}


def _file_text(step: Step, stage: Stage) -> str:
    """The text of the file that a step sends: beside the scenario, or in messages/."""
    name = step.value["$file"]
    beside = stage.scenario.folder / name
    path: Path = beside if beside.is_file() else find(name)
    try:
        return path.read_text("utf-8-sig").strip(WHITE_SPACE)
    except (OSError, UnicodeDecodeError) as exc:
        raise MessageError(f"{path}: {exc}") from exc


def _cuts(step: Step) -> tuple[Any, float]:
    return step.options.get("split"), step.options.get("pause", PAUSE_SECONDS)


def _gone(step: Step, stage: Stage, name: str) -> Exception:
    close = stage.guest(name).inbox.close
    how = f" {close_words(close)}" if close else ""
    return stage.failed(step, f"it cannot be sent: the connection is closed{how}", name)


PLAYS: dict[str, Play] = {
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
