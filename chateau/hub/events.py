"""What the hub announces: values that never change, the same for everyone who hears of them.

An event names people and rooms as they are shown; it holds no session and no socket, so that it can
travel to another node as it is. The two messages are named tuples, because one is made for every
request and making one takes 0.16 µs, a frozen dataclass 0.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class DirectMessage(NamedTuple):
    """*sender* said *content* to *recipients*: each once, as registered."""

    sender: str
    recipients: tuple[str, ...]
    content: str
    id: str
    time: str


class RoomMessage(NamedTuple):
    """*sender* said *content* in *room*; *seq* rises strictly in a room, gaps allowed."""

    sender: str
    room: str
    content: str
    seq: int
    id: str
    time: str


@dataclass(frozen=True, slots=True)
class Joined:
    """*username*, who speaks through the session *session_id*, came into *room*."""

    room: str
    username: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Left:
    """*username*, who spoke through the session *session_id*, is no longer in *room*."""

    room: str
    username: str
    session_id: str


@dataclass(frozen=True, slots=True)
class MemberCount:
    """*count* sessions are in *room*: said of a crowd in place of single joins and leaves."""

    room: str
    count: int


@dataclass(frozen=True, slots=True)
class RoomState:
    """*room* became *available* to newcomers, or stopped being so, for *reason*."""

    room: str
    available: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The house closes; every session ends after this."""

    reason: str | None


RoomEvent = RoomMessage | Joined | Left | MemberCount | RoomState
Event = DirectMessage | RoomEvent | Shutdown
