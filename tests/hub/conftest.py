"""The house that most of the hub's tests happen in."""

import pytest
from recorded_house import House


@pytest.fixture
def house() -> House:
    return House()
