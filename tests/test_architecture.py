"""docs/architecture.md lists the whole way of a room message through the server."""

from __future__ import annotations

import asyncio
import re
import sys

import pytest
from running_server import ROOT

sys.path.insert(0, str(ROOT / "tools"))

import tour

MOST_STEPS = 14


@pytest.fixture(scope="module")
def steps() -> list[tour.Step]:
    return tour.steps((ROOT / "docs" / "architecture.md").read_text("utf-8"))


@pytest.fixture(scope="module")
def ran() -> list[tuple[str, str]]:
    """Return the functions that run for one room message, in order."""
    return [(call.file, call.function) for call in asyncio.run(tour.trace())]


def test_way_of_a_message_has_at_most_14_steps(steps: list[tour.Step]) -> None:
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert 10 <= len(steps) <= MOST_STEPS


def test_every_function_on_the_way_is_listed(steps: list[tour.Step], ran: list[tuple[str, str]]) -> None:
    listed = {function for step in steps for function in step.functions}

    assert [function for function in ran if function not in listed] == []


def test_steps_are_on_the_way_and_in_order(steps: list[tour.Step], ran: list[tuple[str, str]]) -> None:
    starts = [ran.index(step.functions[0]) for step in steps]

    assert starts == sorted(starts)


def test_names_in_the_steps_of_the_test_client_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    section = page.partition("\n## The test client\n")[2].partition("\n## ")[0]
    named = re.findall(r"`(\w+\.py): (?:\w+\.)?(\w+)`", section)

    assert len(named) > 10
    for file, name in named:
        source = (ROOT / "chateau" / "client" / "scenarios" / file).read_text("utf-8")
        assert re.search(rf"^ *(?:async def|def|class) {name}\b|^{name}\b.* = ", source, re.M), (
            f"{file}: {name}"
        )
