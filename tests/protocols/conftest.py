"""Fail a test of a protocol on an unexpected log line: requests of clients are never logged."""

from collections.abc import Generator, Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that nothing was logged; a test that expects a log line checks it and clears *caplog*."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call")] == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Escape lone surrogates in the captured log, which a worker of pytest-xdist cannot send."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report
