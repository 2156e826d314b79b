"""The frames of the lines protocol: each is a JSON object that goes out as one line.

What the seed shows has the seed's keys, in the seed's order, and no others. schemas/lines/ has them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chateau.hub.errors import HubError
from chateau.hub.events import (
    DirectMessage,
    Joined,
    Left,
    MemberCount,
    Publication,
    RoomMessage,
    RoomState,
    Shutdown,
    TapChanged,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Frame = dict[str, Any]


class Refusal(HubError):
    """What this protocol refuses in words of its own. The seed's errors show no code, and none is sent."""

    code = "invalid_message"


def result(text: str = "OK", **more: object) -> Frame:
    """The answer to a command that worked, or to a message that is kept."""
    return {"type": "commandResult", "result": text, **more}


def refusal(error: HubError) -> Frame:
    """The answer to what was refused."""
    return {"type": "error", "error": str(error)}


def message(sender: str, text: str) -> Frame:
    """*sender* said *text* in the room."""
    return {"from": sender, "type": "message", "body": text}


def user_joined(nick: str) -> Frame:
    """*nick* came into the room."""
    return {"from": nick, "type": "userJoined", "body": f"User {nick} has joined the room"}


def user_left(nick: str) -> Frame:
    """*nick* went out of the room."""
    return {"from": nick, "type": "userLeft", "body": f"User {nick} has left the room"}


def _push_direct_message(event: DirectMessage) -> Frame:
    return {"from": event.sender, "type": "directMessage", "body": event.content}


def _push_room_message(event: RoomMessage) -> Frame:
    return message(event.sender, event.content)


def _push_package(event: Publication) -> Frame:
    return _push_room_message(event.as_message())


def _push_joined(event: Joined) -> Frame:
    return user_joined(event.username)


def _push_left(event: Left) -> Frame:
    return user_left(event.username)


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
    Publication: _push_package,
    Joined: _push_joined,
    Left: _push_left,
    MemberCount: _push_count,
    RoomState: _push_state,
    Shutdown: _push_shutdown,
    TapChanged: _push_tapped,
}
