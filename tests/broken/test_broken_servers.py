"""The conformance suites find the fault of every broken server, and correct servers pass them.

``tests/broken/PROTOCOL/FAULT.py`` is ``tests/broken/right_PROTOCOL.py`` with one fault; its ``BREAKS`` names
the scenarios in messages/conformance/PROTOCOL/ that fail because of it. These are played here, and must fail.
The correct servers, this project's among them, pass the whole suite.

To check that no other scenario fails takes a minute per protocol; ``BROKEN_SERVERS=whole`` enables it:

    BROKEN_SERVERS=whole pytest tests/broken -k chateau
"""

from __future__ import annotations

import ast
import asyncio
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from forked_server import ForkedServer

from chateau.client.protocols import Server
from chateau.client.scenarios.load import load
from chateau.client.scenarios.model import Result, Scenario, Verdict
from chateau.client.scenarios.run import ManagedServer, Runner, RunOptions, SystemUnderTest
from chateau.client.under_test.server import ServerUnderTest

BROKEN = Path(__file__).resolve().parent
ROOT = BROKEN.parents[1]
SUITES = ROOT / "messages" / "conformance"
SECRET = "swordfish"
AT_ONCE = 8  # servers that are under test at the same time
PLAYED_WHOLE = os.environ.get("BROKEN_SERVERS") == "whole"

FAST = RunOptions(jobs=8, timeout_seconds=1.0)
SLOW = RunOptions(jobs=1, timeout_seconds=10.0)


@dataclass(frozen=True, slots=True)
class Launch:
    """The flags for the servers of one protocol, and the variables of its scenarios."""

    flags: str
    variables: Mapping[str, str]


LAUNCHES = {
    "chateau": Launch("--port {port}", {}),
    "functions": Launch(f"--port {{port}} --secret-key {SECRET}", {"secret_key": SECRET}),
    "lines": Launch("--lines-port {lines_port}", {}),
    "opcodes": Launch(f"--port {{port}} --secret-key {SECRET}", {"secret_key": SECRET}),
    "channels": Launch(f"--port {{port}} --pwd {SECRET}", {"pwd": SECRET}),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """A server, and the expected result of its protocol's suite: all scenarios pass, except for ``breaks``.

    The server is a script of this folder, started with ``flags``, or this project's own server.
    """

    protocol: str
    name: str
    flags: str
    variables: Mapping[str, str]
    script: Path | None = None
    breaks: frozenset[str] | None = None  # None for a correct server

    def __str__(self) -> str:
        return f"{self.protocol}/{self.name}"

    @property
    def scenarios(self) -> list[Scenario]:
        suite = suite_of(self.protocol)
        if PLAYED_WHOLE or self.breaks is None:
            return list(suite.values())
        return [suite[stem] for stem in sorted(self.breaks & set(suite))]

    @property
    def implements(self) -> dict[str, frozenset[str]]:
        """Return the protocols that the server lacks, each with no features."""
        others = LAUNCHES if self.script is not None else ()
        return {other: frozenset() for other in others if other != self.protocol}


@cache
def suite_of(protocol: str) -> dict[str, Scenario]:
    """Return the scenarios of a protocol, by the names of their files."""
    return {path.stem: load(path) for path in sorted((SUITES / protocol).glob("*.json"))}


def trial_of(path: Path, protocol: str) -> Trial:
    launch = LAUNCHES[protocol]
    breaks = None if path.parent == BROKEN else breaks_of(path)
    return Trial(protocol, path.stem, launch.flags, launch.variables, path, breaks)


def breaks_of(path: Path) -> frozenset[str]:
    """Return the value of ``BREAKS`` in the file at *path*, without running it."""
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "BREAKS":
            return frozenset(ast.literal_eval(node.value))
    raise AssertionError(f"{path} has no BREAKS")


def this_server(protocol: str, data: Path) -> Trial:
    """Return this project's server, with the flags that the protocol's scenarios need."""
    variables = {**LAUNCHES[protocol].variables, "secret_key": SECRET, "data": str(data)}
    flags = (
        f"--port {{port}} --lines-port {{lines_port}} --secret-key {SECRET} --data {shlex.quote(str(data))}"
    )
    password = f" --pwd {SECRET}" if "pwd" in variables else ""
    return Trial(protocol, "this_server", f"{flags}{password} --log-level warning", variables)


FAULTY = [
    trial_of(path, protocol) for protocol in LAUNCHES for path in sorted((BROKEN / protocol).glob("*.py"))
]
RIGHT = [trial_of(BROKEN / f"right_{protocol}.py", protocol) for protocol in LAUNCHES]

Outcomes = Mapping[str, dict[str, Result]]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Play the trials of the selected tests; return their results by the trials' names."""
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    specs = [getattr(test, "callspec", None) for test in tests if test.path == Path(__file__)]
    wanted = [spec.params["trial"] for spec in specs if spec is not None and "trial" in spec.params]
    trials = [
        one if isinstance(one, Trial) else this_server(one, tmp_path_factory.mktemp(one)) for one in wanted
    ]
    return asyncio.run(played_at_once(trials))


async def played_at_once(trials: Sequence[Trial]) -> Outcomes:
    places = asyncio.Semaphore(AT_ONCE)

    async def outcome(trial: Trial) -> dict[str, Result]:
        async with places:
            return await played(trial)

    found = await asyncio.gather(*(outcome(trial) for trial in trials))
    return {str(trial): results for trial, results in zip(trials, found, strict=True)}


async def played(trial: Trial) -> dict[str, Result]:
    """Return the result of each scenario, by the names of their files.

    Scenarios with an unexpected result are played again, with a longer timeout, for busy machines.
    """
    system = ground_of(trial)
    try:
        results = await run(system, trial, trial.scenarios, FAST)
        doubtful = [one for one in trial.scenarios if not is_right(results[stem_of(one)], trial)]
        return results | await run(system, trial, doubtful, SLOW)
    finally:
        await system.do("stop")


def ground_of(trial: Trial) -> SystemUnderTest:
    if trial.script is not None:
        return ForkedServer(trial.script, trial.flags)
    command = f"{shlex.join([sys.executable, str(ROOT / 'server.py')])} {trial.flags}"
    return ManagedServer(ServerUnderTest(command, start_seconds=30), Server())


async def run(
    system: SystemUnderTest, trial: Trial, scenarios: Sequence[Scenario], pace: RunOptions
) -> dict[str, Result]:
    options = replace(pace, variables=trial.variables, implements=trial.implements)
    runner = Runner(system, options, lambda _: None, lambda _: None)
    results = (await runner.run(scenarios)).results
    return {stem_of(scenario): result for scenario, result in zip(scenarios, results, strict=True)}


def is_right(result: Result, trial: Trial) -> bool:
    if Path(result.file).stem in (trial.breaks or ()):
        return result.verdict is Verdict.FAILED
    return result.verdict in {Verdict.PASSED, Verdict.SKIPPED}


def stem_of(scenario: Scenario) -> str:
    return Path(scenario.file).stem


def failures(results: Mapping[str, Result]) -> dict[str, str]:
    """Return the scenarios that did not pass, with the reason."""
    return {
        stem: f"{result.verdict}: {result.failure.sentence if result.failure else result.reason}"
        for stem, result in results.items()
        if result.verdict not in {Verdict.PASSED, Verdict.SKIPPED}
    }


@pytest.mark.parametrize("trial", FAULTY, ids=str)
def test_suite_finds_the_fault(trial: Trial, outcomes: Outcomes) -> None:
    found = failures(outcomes[str(trial)])

    assert set(found) == trial.breaks, found
    assert all(why.startswith("failed: ") for why in found.values()), found


@pytest.mark.parametrize("trial", RIGHT, ids=str)
def test_correct_server_passes(trial: Trial, outcomes: Outcomes) -> None:
    results = outcomes[str(trial)]

    assert failures(results) == {}
    assert any(result.verdict is Verdict.PASSED for result in results.values())


@pytest.mark.parametrize("trial", list(LAUNCHES))
def test_this_server_passes(trial: str, outcomes: Outcomes) -> None:
    results = outcomes[f"{trial}/this_server"]

    assert failures(results) == {}
    assert {stem for stem, result in results.items() if result.verdict is Verdict.SKIPPED} == set()


def test_breaks_names_known_scenarios() -> None:
    assert len(FAULTY) >= 30
    for trial in FAULTY:
        assert trial.breaks, f"{trial} breaks nothing"
        assert trial.breaks <= set(suite_of(trial.protocol)), f"{trial} breaks an unknown scenario"


@pytest.mark.parametrize("protocol", list(LAUNCHES))
def test_every_scenario_has_a_rule_and_is_in_the_table(protocol: str) -> None:
    read_me = (SUITES / "README.md").read_text("utf-8")

    for stem, scenario in suite_of(protocol).items():
        assert scenario.rule, f"{stem} has no rule"
        assert f"{protocol}/{stem}.json" in read_me, f"{stem} is not in messages/conformance/README.md"
