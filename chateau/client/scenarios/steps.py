"""The steps: what each kind does. A table, so that a new kind is one function and one line of it.

Those about connections are in :mod:`chateau.client.scenarios.talking`; here are those about the order of
things. A step that went wrong raises what :mod:`chateau.client.scenarios.stage` makes of it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from chateau.client.scenarios import talking
from chateau.client.scenarios.document import Step, every_step
from chateau.client.scenarios.http_step import play_http
from chateau.client.scenarios.scope import Scope
from chateau.client.scenarios.stage import Stage
from chateau.client.under_test.server import ServerDidNotStart

Play = Callable[[Step, Stage, Scope], Coroutine[Any, Any, None]]


async def play_all(steps: Sequence[Step], stage: Stage, scope: Scope | None = None) -> None:
    """Play *steps* one after the other."""
    scope = scope or stage.scope
    for step in steps:
        stage.at = step
        await PLAYS[step.kind](step, stage, scope)


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


PLAYS: dict[str, Play] = {
    "connect": talking.play_connect,
    "send": talking.play_send,
    "send_raw": talking.play_send_raw,
    "expect": talking.play_expect,
    "expect_nothing": talking.play_expect_nothing,
    "expect_close": talking.play_expect_close,
    "close": talking.play_close,
    "http": play_http,
    "sleep": _sleep,
    "parallel": _parallel,
    "barrier": _barrier,
    "repeat": _repeat,
    "server": _server,
}
