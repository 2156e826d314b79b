"""Broken servers: each has one fault, and its protocol's suite finds it at the rule that it breaks.

``tests/broken/PROTOCOL/FAULT.py`` is ``tests/broken/right_PROTOCOL.py`` with one fault; its ``BREAKS`` names
the scenarios in messages/conformance/PROTOCOL/ that fail because of it. Here these are played, and have to
fail; the servers that are right, this project's among them, pass the whole suite.

That no other scenario fails takes a minute a protocol, and is played where ``BROKEN_SERVERS=whole`` says so:

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

from chateau.client.addresses import Server
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

HASTE = RunOptions(jobs=8, timeout_seconds=1.0)
PATIENCE = RunOptions(jobs=1, timeout_seconds=10.0)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the servers of one protocol are started, and the variables that its scenarios need for it."""

    flags: str
    variables: Mapping[str, str]


MANNERS = {
    "chateau": Manner("--port {port}", {}),
    "functions": Manner(f"--port {{port}} --secret-key {SECRET}", {"secret_key": SECRET}),
    "lines": Manner("--lines-port {lines_port}", {}),
    "opcodes": Manner(f"--port {{port}} --secret-key {SECRET}", {"secret_key": SECRET}),
    "channels": Manner(f"--port {{port}} --pwd {SECRET}", {"pwd": SECRET}),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """A server, and what comes of its protocol's suite: all scenarios pass, but for ``breaks``.

    It is a script of this folder, started with ``flags``, or this project's own server.
    """

    protocol: str
    name: str
    flags: str
    variables: Mapping[str, str]
    script: Path | None = None
    breaks: frozenset[str] | None = None  # None: nothing, for it is right

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
        """Nothing of the other protocols, where it does not speak all."""
        others = MANNERS if self.script is not None else ()
        return {other: frozenset() for other in others if other != self.protocol}


@cache
def suite_of(protocol: str) -> dict[str, Scenario]:
    """The scenarios of a protocol, by the names of their files."""
    return {path.stem: load(path) for path in sorted((SUITES / protocol).glob("*.json"))}


def trial_of(path: Path, protocol: str) -> Trial:
    manner = MANNERS[protocol]
    breaks = None if path.parent == BROKEN else breaks_of(path)
    return Trial(protocol, path.stem, manner.flags, manner.variables, path, breaks)


def breaks_of(path: Path) -> frozenset[str]:
    """The value of ``BREAKS`` in the file at *path*, which is not run."""
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "BREAKS":
            return frozenset(ast.literal_eval(node.value))
    raise AssertionError(f"{path} does not say what it breaks")


def this_server(protocol: str, data: Path) -> Trial:
    """This project's server, told all that the protocol's scenarios need."""
    variables = {**MANNERS[protocol].variables, "secret_key": SECRET, "data": str(data)}
    flags = (
        f"--port {{port}} --lines-port {{lines_port}} --secret-key {SECRET} --data {shlex.quote(str(data))}"
    )
    password = f" --pwd {SECRET}" if "pwd" in variables else ""
    return Trial(protocol, "this_server", f"{flags}{password} --log-level warning", variables)


FAULTY = [
    trial_of(path, protocol) for protocol in MANNERS for path in sorted((BROKEN / protocol).glob("*.py"))
]
RIGHT = [trial_of(BROKEN / f"right_{protocol}.py", protocol) for protocol in MANNERS]

Outcomes = Mapping[str, dict[str, Result]]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What came of the trials that the selected tests are about, all played now, by the trials' names."""
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
    """What came of each scenario, by the names of their files.

    What did not come out as it should is played once more, slowly: a busy machine is no fault.
    """
    system = ground_of(trial)
    try:
        results = await run(system, trial, trial.scenarios, HASTE)
        doubtful = [one for one in trial.scenarios if not is_right(results[stem_of(one)], trial)]
        return results | await run(system, trial, doubtful, PATIENCE)
    finally:
        await system.do("stop")


def ground_of(trial: Trial) -> SystemUnderTest:
    if trial.script is not None:
        return ForkedServer(trial.script, trial.flags)
    command = f"{shlex.quote(sys.executable)} server.py {trial.flags}"
    return ManagedServer(ServerUnderTest(command, start_seconds=30, cwd=ROOT), Server())


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


def told(results: Mapping[str, Result]) -> dict[str, str]:
    """What did not pass, and why."""
    return {
        stem: f"{result.verdict}: {result.failure.sentence if result.failure else result.reason}"
        for stem, result in results.items()
        if result.verdict not in {Verdict.PASSED, Verdict.SKIPPED}
    }


@pytest.mark.parametrize("trial", FAULTY, ids=str)
def test_the_suite_finds_the_fault(trial: Trial, outcomes: Outcomes) -> None:
    found = told(outcomes[str(trial)])

    assert set(found) == trial.breaks, found
    assert all(why.startswith("failed: ") for why in found.values()), found


@pytest.mark.parametrize("trial", RIGHT, ids=str)
def test_a_right_server_passes(trial: Trial, outcomes: Outcomes) -> None:
    results = outcomes[str(trial)]

    assert told(results) == {}
    assert any(result.verdict is Verdict.PASSED for result in results.values())


@pytest.mark.parametrize("trial", list(MANNERS))
def test_this_server_passes(trial: str, outcomes: Outcomes) -> None:
    results = outcomes[f"{trial}/this_server"]

    assert told(results) == {}
    assert {stem for stem, result in results.items() if result.verdict is Verdict.SKIPPED} == set()


def test_every_fault_is_found_by_a_scenario_that_there_is() -> None:
    assert len(FAULTY) >= 30
    for trial in FAULTY:
        assert trial.breaks, f"{trial} breaks nothing"
        assert trial.breaks <= set(suite_of(trial.protocol)), f"{trial} breaks what is not there"


@pytest.mark.parametrize("protocol", list(MANNERS))
def test_every_scenario_says_its_rule_and_is_in_the_table(protocol: str) -> None:
    read_me = (SUITES / "README.md").read_text("utf-8")

    for stem, scenario in suite_of(protocol).items():
        assert scenario.rule, f"{stem} says no rule"
        assert f"{protocol}/{stem}.json" in read_me, f"{stem} is not in messages/conformance/README.md"
