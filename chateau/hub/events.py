"""What the hub announces: values that never change, the same for everyone who hears of them.

An event names people and rooms as they are shown; it holds no session and no socket, so that it can
travel to another node as it is. The two messages are named tuples, because one is made for every
request and making one takes 0.16 µs, a frozen dataclass 0.4.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Literal, NamedTuple

CHANNEL = "channel"
"""Who chat members are told has published a package."""


class DirectMessage(NamedTuple):
    """*sender* said *content* to *recipients*: each once, as shown.

    The sender speaks through the session *sender_id*. Where not all who hold the recipients' names are to
    hear it, *recipient_ids* lists the sessions that are.
    """

    sender: str
    recipients: tuple[str, ...]
    content: str
    id: str
    time: str
    sender_id: str
    recipient_ids: tuple[str, ...] | None = None


class RoomMessage(NamedTuple):
    """*sender* said *content* in *room*; *seq* rises strictly in a room, gaps allowed."""

    sender: str
    room: str
    content: str
    seq: int
    id: str
    time: str


class Publication(NamedTuple):
    """*payload*, bytes of *kind*, was published to the channel that *room* is.

    *seq* is 0 where nobody counts: nothing is kept, and nobody chats there.
    """

    room: str
    kind: PayloadKind
    payload: bytes
    seq: int
    id: str
    time: str

    def as_message(self) -> RoomMessage:
        """The package as those who chat in the room hear it: text and JSON as text, bytes in base64."""
        text = (b64encode(self.payload) if self.kind == "bytes" else self.payload).decode()
        return RoomMessage(CHANNEL, self.room, text, self.seq, self.id, self.time)


class JoinRecord(NamedTuple):
    """*username* came into *room*: what is kept of a join."""

    username: str
    room: str
    seq: int
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
    """*room* became *available* to newcomers, or stopped being so, for *reason*.

    All members are told; where there is a *username*, that user alone, who is no member any more.
    """

    room: str
    available: bool
    reason: str | None
    username: str | None = None


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The house closes; every session ends after this."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class TapChanged:
    """A keeper of the house began to see what the session *session_id* sends and gets, or saw the last of it.

    That session alone is told.
    """

    session_id: str
    active: bool


PayloadKind = Literal["text", "json", "bytes"]
StoredRecord = RoomMessage | Publication | JoinRecord
RoomEvent = RoomMessage | Publication | Joined | Left | MemberCount | RoomState
Event = DirectMessage | RoomEvent | Shutdown | TapChanged
