"""Times as text: exact to the millisecond, in an order that is the times' own."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chateau.times import earliest, latest, rfc3339


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    moment = datetime(2026, 11, 20, 10, 30, 0, 123_999, tzinfo=timezone(timedelta(hours=1)))

    assert rfc3339(moment) == "2026-11-20T09:30:00.123Z"


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_the_texts_sort_as_the_times_do(one: datetime, other: datetime) -> None:
    if rfc3339(one) < rfc3339(other):
        assert one < other


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11-20T09:30:00Z", "2026-11-20T09:30:00.000Z", "2026-11-20T09:30:00.000Z"),
        ("2026-11-20T09:30:00.0005Z", "2026-11-20T09:30:00.001Z", "2026-11-20T09:30:00.000Z"),
        ("2026-11-20T10:30:00.25+01:00", "2026-11-20T09:30:00.250Z", "2026-11-20T09:30:00.250Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_bound_is_rounded_so_that_it_takes_in_no_more_than_it_says(
    text: str, first: str, last: str
) -> None:
    assert (earliest(text), latest(text)) == (first, last)


@pytest.mark.parametrize(
    "text", ["2026-02-30T00:00:00Z", "0001-01-01T00:00:00+01:00", "0000-01-01T00:00:00Z"]
)
def test_a_time_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"year|day|range"):
        latest(text)


def test_the_last_instant_of_all_has_none_after_it() -> None:
    with pytest.raises(ValueError, match="the year is out of range"):
        earliest("9999-12-31T23:59:59.9999Z")
