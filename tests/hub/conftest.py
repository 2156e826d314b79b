"""The harness of most tests of the hub."""

import pytest
from hub_harness import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness()
