"""Talking: the steps that open, use and end a client's connection."""

import asyncio
from pathlib import Path
from typing import Any

from chateau.client.messages import WHITE_SPACE, MessageError, find
from chateau.client.scenarios.content import BadContent, bytes_of, frame_of
from chateau.client.scenarios.document import Step
from chateau.client.scenarios.expecting import Expectation, Unmet, Wish
from chateau.client.scenarios.inbox import close_words
from chateau.client.scenarios.scope import Scope
from chateau.client.scenarios.stage import Stage
from chateau.client.transcript import ABNORMAL, NO_STATUS, close_of
from chateau.client.transports import ConnectionClosed, NotPossible

NORMAL_CLOSURE = 1000
NOTHING_SECONDS = 0.25
PAUSE_SECONDS = 0.01


async def play_connect(step: Step, stage: Stage, scope: Scope) -> None:
    for name in step.clients:
        guest = stage.guest(name)
        if guest.wire is not None and guest.wire.is_open:
            raise stage.cannot(step, f"{name} is connected already", name)
        await stage.connect(step, guest, scope)


async def play_send(step: Step, stage: Stage, scope: Scope) -> None:
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
    except ConnectionClosed as exc:
        raise _gone(step, stage, name) from exc


async def play_send_raw(step: Step, stage: Stage, scope: Scope) -> None:
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
    except ConnectionClosed as exc:
        raise _gone(step, stage, name) from exc


async def play_expect(step: Step, stage: Stage, scope: Scope) -> None:
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


async def play_expect_nothing(step: Step, stage: Stage, scope: Scope) -> None:
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


async def play_expect_close(step: Step, stage: Stage, scope: Scope) -> None:
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
        wanted = step.options["reason"]
        stage.compare(step, scope, wanted, reason, "the reason of the close is another", name)


async def play_close(step: Step, stage: Stage, scope: Scope) -> None:
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
        except ConnectionClosed as exc:
            raise stage.failed(step, str(exc), name) from exc


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
