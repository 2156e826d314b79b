"""The player: one scenario, from its first step to its clients' goodbyes, and what came of it.

What each kind of step does is told in :mod:`chateau.client.scenarios.steps`; playing many, in
:mod:`chateau.client.scenarios.runner`.
"""

import asyncio
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from chateau.client.addresses import Server
from chateau.client.scenarios.document import Scenario
from chateau.client.scenarios.matching import Schemas
from chateau.client.scenarios.result import Failure, Result, Verdict
from chateau.client.scenarios.stage import Cannot, Failed, OnServer, Stage
from chateau.client.scenarios.steps import play_all
from chateau.client.transcript import Entry, OnEntry

RUN_LETTERS = string.ascii_lowercase + string.digits
RUN_LENGTH = 6


async def play(
    scenario: Scenario,
    server: Server,
    *,
    timeout_seconds: float,
    variables: Mapping[str, Any],
    on_entry: OnEntry | None = None,
    on_server: OnServer | None = None,
) -> Result:
    """Play *scenario* against *server*.

    *timeout_seconds* is what a step may take that does not say otherwise, *variables* what the command line
    has set. Whatever the server does becomes a verdict; nothing is raised.
    """
    transcript: list[Entry] = []

    def keep(entry: Entry) -> None:
        transcript.append(entry)
        if on_entry is not None:
            on_entry(entry)

    stage = Stage(
        scenario,
        server,
        variables={**scenario.variables, **variables, **server.variables(), "run": _run_name()},
        schemas=Schemas(scenario.folder),
        timeout_seconds=timeout_seconds,
        on_entry=keep,
        on_server=on_server,
    )
    started_at, began = datetime.now(UTC), time.monotonic()
    ending = await _ending(scenario, stage)
    return replace(
        blank(scenario, ending.verdict, started_at),
        seconds=time.monotonic() - began,
        transcript=tuple(transcript),
        failure=ending.failure,
        reason=ending.failure.sentence if ending.failure and ending.verdict is Verdict.ERROR else "",
        is_file_at_fault=ending.is_file_at_fault,
    )


def blank(scenario: Scenario, verdict: Verdict, started_at: datetime, reason: str = "") -> Result:
    """The result of *scenario* without a transcript: all that there is of one that was not played."""
    return Result(
        name=scenario.name,
        file=scenario.file,
        verdict=verdict,
        started_at=started_at,
        seconds=0.0,
        rule=scenario.rule,
        description=scenario.description,
        points=scenario.points,
        visibility=scenario.visibility,
        clients=tuple((client.name, client.protocol) for client in scenario.clients.values()),
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class _Ending:
    verdict: Verdict
    failure: Failure | None = None
    is_file_at_fault: bool = False


async def _ending(scenario: Scenario, stage: Stage) -> _Ending:
    """How playing *scenario* ends; nothing stays open."""
    try:
        async with asyncio.timeout(scenario.timeout_seconds):
            await play_all(scenario.steps, stage)
            await stage.say_goodbye()
        stage.check_what_is_left()
    except Failed as exc:
        return _Ending(Verdict.FAILED, exc.failure)
    except Cannot as exc:
        return _Ending(Verdict.ERROR, exc.failure, exc.is_miswritten)
    except TimeoutError:
        sentence = f"the scenario took longer than {scenario.timeout_seconds:g} s"
        return _Ending(Verdict.FAILED, Failure(stage.at.place, str(stage.at), sentence))
    finally:
        stage.leave()
    return _Ending(Verdict.PASSED)


def _run_name() -> str:
    return "".join(secrets.choice(RUN_LETTERS) for _ in range(RUN_LENGTH))
