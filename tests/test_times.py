"""Times as text: exact to the millisecond, and sorted chronologically."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chateau.times import parse_lower_bound, parse_upper_bound, rfc3339


def test_time_is_formatted_in_utc_with_milliseconds() -> None:
    moment = datetime(2026, 11, 20, 10, 30, 0, 123_999, tzinfo=timezone(timedelta(hours=1)))

    assert rfc3339(moment) == "2026-11-20T09:30:00.123Z"


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_formatted_times_sort_chronologically(one: datetime, other: datetime) -> None:
    if rfc3339(one) < rfc3339(other):
        assert one < other


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11-20T09:30:00Z", "2026-11-20T09:30:00.000Z", "2026-11-20T09:30:00.000Z"),
        ("2026-11-20T09:30:00.0005Z", "2026-11-20T09:30:00.001Z", "2026-11-20T09:30:00.000Z"),
        ("2026-11-20T10:30:00.25+01:00", "2026-11-20T09:30:00.250Z", "2026-11-20T09:30:00.250Z"),
        ("2026-11-20T09:30:00.1234567Z", "2026-11-20T09:30:00.124Z", "2026-11-20T09:30:00.123Z"),
        ("2026-11-20T09:30:00.000000001Z", "2026-11-20T09:30:00.001Z", "2026-11-20T09:30:00.000Z"),
        ("2026-11-20T09:30:00.123000000Z", "2026-11-20T09:30:00.123Z", "2026-11-20T09:30:00.123Z"),
        ("2026-12-31T23:59:59.9999Z", "2027-01-01T00:00:00.000Z", "2026-12-31T23:59:59.999Z"),
        ("2028-02-29T00:00:00-00:00", "2028-02-29T00:00:00.000Z", "2028-02-29T00:00:00.000Z"),
        ("2026-01-01T00:00:00+23:59", "2025-12-31T00:01:00.000Z", "2025-12-31T00:01:00.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z"),
        ("0001-01-01T00:00:00-01:00", "0001-01-01T01:00:00.000Z", "0001-01-01T01:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_bound_is_rounded_into_the_interval(text: str, first: str, last: str) -> None:
    assert (parse_lower_bound(text), parse_upper_bound(text)) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00:00Z",
        "2026-11-20T09:30:60Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-00:01",
        "0000-01-01T00:00:00Z",
    ],
)
@pytest.mark.parametrize("bound", [parse_lower_bound, parse_upper_bound])
def test_nonexistent_time_is_rejected(text: str, bound: Callable[[str], str]) -> None:
    with pytest.raises(ValueError, match=r"year|day|second|range"):
        bound(text)


OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
YEARS = {"min_value": datetime(2, 1, 1), "max_value": datetime(9998, 12, 31)}  # noqa: DTZ001 - hypothesis asks it so


@given(st.datetimes(**YEARS, timezones=OFFSETS))
def test_bounds_are_less_than_a_millisecond_from_the_time(moment: datetime) -> None:
    first, last = (
        datetime.fromisoformat(bound(moment.isoformat())) for bound in (parse_lower_bound, parse_upper_bound)
    )

    assert timedelta() <= first - moment < timedelta(milliseconds=1)
    assert timedelta() <= moment - last < timedelta(milliseconds=1)


def test_last_instant_east_of_utc_has_a_later_bound() -> None:
    assert parse_lower_bound("9999-12-31T23:59:59.9999+01:00") == "9999-12-31T23:00:00.000Z"


def test_last_instant_in_utc_has_no_later_bound() -> None:
    with pytest.raises(ValueError, match="the year is out of range"):
        parse_lower_bound("9999-12-31T23:59:59.9999Z")
