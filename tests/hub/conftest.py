"""The house that most of the hub's tests happen in."""

import pytest
from hub_harness import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()
