"""An unexpected log line fails a test of a protocol: what clients send is never worth one."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A test that expects a log line looks at it, then clears *caplog*."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call")] == []
