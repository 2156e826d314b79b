"""Times as text: RFC 3339, in UTC, to the millisecond, so that the texts sort as the times do."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_MILLISECOND = timedelta(milliseconds=1)
_FINER = re.compile(r"\.[0-9]{3}0*[1-9]")  # something other than zeros below the millisecond


def rfc3339(moment: datetime) -> str:
    """Return *moment*, which has a time zone, as ``2026-11-20T09:30:00.000Z``, cut to milliseconds."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse_lower_bound(text: str) -> str:
    """Return the first millisecond that is not before the RFC 3339 time *text*.

    Raises:
        ValueError: the time is invalid.
    """
    return _normalized(text, _MILLISECOND if _FINER.search(text) else timedelta())


def parse_upper_bound(text: str) -> str:
    """Return the last millisecond that is not after the RFC 3339 time *text*.

    Raises:
        ValueError: the time is invalid.
    """
    return _normalized(text, timedelta())


def _normalized(text: str, shift: timedelta) -> str:
    try:
        return rfc3339(datetime.fromisoformat(text).astimezone(UTC) + shift)
    except OverflowError as exc:
        raise ValueError("the year is out of range") from exc
