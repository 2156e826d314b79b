"""HISTORY in the lines protocol: the times it is asked for, and the lines it is answered with.

A time is ISO 8601 in one word, or a date and a time of day in two, as the answers themselves write it.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from chateau.hub.errors import cut
from chateau.hub.events import JoinRecord, Publication, RoomMessage
from chateau.protocols.json_text import encode
from chateau.protocols.lines_frames import Frame, Refusal, message, user_joined
from chateau.times import parse_lower_bound, parse_upper_bound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chateau.hub.events import StoredRecord

LINE_END_BYTES = 2


def interval(text: str) -> tuple[str | None, str | None]:
    """The first and the last millisecond that *text*, ``[from [to]]``, asks for; None where it is open.

    Raises:
        Refusal: there is something in it that is no time.
    """
    words = text.split()
    start = _instant(words, parse_lower_bound)
    end = _instant(words, parse_upper_bound)
    if words:
        raise _unknown(" ".join(words))
    return start, end


def lines_about(
    records: Sequence[StoredRecord], *, start: str | None, reader: str, max_bytes: int
) -> list[bytes]:
    """The last of *records*, from *start* on, as *reader* gets them: oldest first, in *max_bytes* of lines.

    The very last one is there however long it is: it has reached the room's members before.
    """
    lines: list[bytes] = []
    for record in reversed(records):
        if start is not None and record.time < start:
            break
        line = encode(_shown(record, reader))
        max_bytes -= len(line) + LINE_END_BYTES
        if max_bytes < 0 and lines:
            break
        lines.append(line)
    return lines[::-1]


def _shown(record: StoredRecord, reader: str) -> Frame:
    frame = _SAID[record.__class__](record)
    body = {
        "body": frame["body"],
        "from": frame["from"],
        "room": record.room,
        "utctimestamp": _timestamp(record.time),
        "to": reader,
        "type": frame["type"],
    }
    return {"body": body, "type": "history", "from": frame["from"]}


def _timestamp(moment: str) -> str:
    """``2015-05-24T15:17:19.209Z`` as the seed writes it: ``2015-05-24 15:17:19.209000``."""
    read = datetime.fromisoformat(moment).replace(tzinfo=None)
    return read.isoformat(" ", timespec="microseconds")


def _message(record: RoomMessage) -> Frame:
    return message(record.sender, record.content)


def _package(record: Publication) -> Frame:
    return _message(record.as_message())


def _arrival(record: JoinRecord) -> Frame:
    return user_joined(record.username)


_SAID: dict[type, Callable[[Any], Frame]] = {
    RoomMessage: _message,
    Publication: _package,
    JoinRecord: _arrival,
}


def _instant(words: list[str], read: Callable[[str], str]) -> str | None:
    """The time that *words* begin with, which is taken out of them; None where there are no words."""
    if not words:
        return None
    word = words.pop(0)
    if _is(date, word) and words and _is(time, words[0]) and not _is(date, words[0]):
        text = f"{word} {words.pop(0)}"
    else:
        text = word
    try:
        return read(_with_offset(text))
    except ValueError as exc:
        raise _unknown(text) from exc


def _with_offset(text: str) -> str:
    """*text* as one time in UTC, where it names no offset; a date alone is its midnight.

    Raises:
        ValueError: it is no time.
    """
    day, _, clock = text.partition(" ")
    if clock:
        text = f"{day}T{clock.removeprefix('T')}"
    text = text.replace(",", ".")  # ISO 8601 knows both; chateau.times looks for the point
    if datetime.fromisoformat(text).tzinfo is not None:
        return text
    return f"{text}T00:00Z" if _is(date, text) else f"{text}Z"


def _is(kind: type[date | time], word: str) -> bool:
    try:
        kind.fromisoformat(word)
    except ValueError:
        return False
    return True


def _unknown(text: str) -> Refusal:
    return Refusal(f"Unknown time: {cut(text)}")
