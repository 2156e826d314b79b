"""The frames of the lines protocol: each is a JSON object that goes out as one line.

What the seed shows has the seed's keys, in the seed's order, and no others, except for the ``detail`` of an
error. Frames that the seed shows have nicks, also of the second session with a nick, which all other frames
call by its nick, ``#`` and its id. schemas/lines/ has them all.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from chateau.hub.errors import HubError, cut
from chateau.hub.events import (
    DirectMessage,
    Joined,
    JoinRecord,
    Left,
    MemberCount,
    Publication,
    RoomMessage,
    RoomState,
    Shutdown,
    TapChanged,
)
from chateau.hub.registry import nick_of
from chateau.protocols.json_text import encode
from chateau.times import parse_lower_bound, parse_upper_bound

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.events import StoredRecord

Frame = dict[str, Any]


class LinesError(HubError):
    """An error with a text of this protocol only. The seed's errors have no code, and none is sent.

    *detail* is the rule that was broken, where the text does not have it.
    """

    code = "invalid_message"

    def __init__(self, text: str, detail: str | None = None) -> None:
        super().__init__(text)
        self.detail = detail


def result(text: str = "OK", **more: object) -> Frame:
    """Return the response to a command that succeeded, or to a message that was stored."""
    return {"type": "commandResult", "result": text, **more}


def error_response(error: HubError) -> Frame:
    """Return the error response for *error*."""
    frame = {"type": "error", "error": str(error)}
    if isinstance(error, LinesError) and error.detail is not None:
        frame["detail"] = error.detail
    return frame


def message(sender: str, text: str) -> Frame:
    """Return the frame of a message of *sender* in the room."""
    return {"from": sender, "type": "message", "body": text}


def user_joined(nick: str) -> Frame:
    """Return the frame that announces that *nick* joined the room."""
    return {"from": nick, "type": "userJoined", "body": f"User {nick} has joined the room"}


def user_left(nick: str) -> Frame:
    """Return the frame that announces that *nick* left the room."""
    return {"from": nick, "type": "userLeft", "body": f"User {nick} has left the room"}


def _push_direct_message(event: DirectMessage) -> Frame:
    return {"from": event.sender, "type": "directMessage", "body": event.content}


def _push_room_message(event: RoomMessage) -> Frame:
    return message(nick_of(event.sender), event.content)


def _push_publication(event: Publication) -> Frame:
    return _push_room_message(event.as_message())


def _push_joined(event: Joined | JoinRecord) -> Frame:
    return user_joined(nick_of(event.username))


def _push_left(event: Left) -> Frame:
    return user_left(nick_of(event.username))


def _push_count(event: MemberCount) -> Frame:
    return {"type": "memberCount", "room": event.room, "count": event.count}


def _push_state(event: RoomState) -> Frame:
    return {"type": "roomState", "room": event.room, "available": event.available, "reason": event.reason}


def _push_shutdown(event: Shutdown) -> Frame:
    return {"type": "shutdown", "reason": event.reason}


def _push_tapped(event: TapChanged) -> Frame:
    return {"type": "tapped", "active": event.active}


PUSHES: dict[type, Callable[[Any], Frame]] = {
    DirectMessage: _push_direct_message,
    RoomMessage: _push_room_message,
    Publication: _push_publication,
    Joined: _push_joined,
    Left: _push_left,
    MemberCount: _push_count,
    RoomState: _push_state,
    Shutdown: _push_shutdown,
    TapChanged: _push_tapped,
}


# HISTORY

LINE_END_BYTES = 2


def interval(text: str) -> tuple[str | None, str | None]:
    """Return the first and the last millisecond of *text*, ``[from [to]]``; None where it is open.

    Raises:
        LinesError: a part of it is not a time.
    """
    words = text.split()
    start = _instant(words, parse_lower_bound)
    end = _instant(words, parse_upper_bound)
    if words:
        raise _unknown(" ".join(words))
    return start, end


def history_line(record: StoredRecord, reader: str) -> bytes:
    """Return the line that shows *record* to *reader*."""
    frame = _HISTORY_FRAMES[record.__class__](record)
    body = {
        "body": frame["body"],
        "from": frame["from"],
        "room": record.room,
        "utctimestamp": _timestamp(record.time),
        "to": reader,
        "type": frame["type"],
    }
    return encode({"body": body, "type": "history", "from": frame["from"]})


def _timestamp(moment: str) -> str:
    """Return ``2015-05-24T15:17:19.209Z`` in the seed's format: ``2015-05-24 15:17:19.209000``."""
    read = datetime.fromisoformat(moment).replace(tzinfo=None)
    return read.isoformat(" ", timespec="microseconds")


_HISTORY_FRAMES: dict[type, Callable[[Any], Frame]] = {
    RoomMessage: _push_room_message,
    Publication: _push_publication,
    JoinRecord: _push_joined,
}


def _instant(words: list[str], read: Callable[[str], str]) -> str | None:
    """Remove and return the time at the start of *words*; None if there are no words."""
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
    """Return *text* as one time, in UTC if it has no offset; a date alone is its midnight.

    Raises:
        ValueError: it is not a time.
    """
    day, _, clock = text.partition(" ")
    if clock:
        text = f"{day}T{clock.removeprefix('T')}"
    text = text.replace(",", ".")  # ISO 8601 has both; chateau.times expects the point
    if datetime.fromisoformat(text).tzinfo is not None:
        return text
    return f"{text}T00:00Z" if _is(date, text) else f"{text}Z"


def _is(kind: type[date | time], word: str) -> bool:
    try:
        kind.fromisoformat(word)
    except ValueError:
        return False
    return True


def _unknown(text: str) -> LinesError:
    return LinesError(f"Unknown time: {cut(text)}")
