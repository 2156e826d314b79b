"""Renderings: one frame of the chateau protocol, and how each of the five protocols writes the same.

A push is read back into the event that it tells of, a refusal into the error: each protocol's own encoders
then write it. What clients send in place of a request is told by
:mod:`counterparts <chateau.reference.renderings.counterparts>`. Bytes on a wire are the matter of
:mod:`chateau.net.reference_handlers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from chateau.hub.events import (
    CHANNEL,
    DirectMessage,
    Event,
    Joined,
    Left,
    MemberCount,
    Publication,
    RoomMessage,
    RoomState,
    Shutdown,
    TapChanged,
)
from chateau.hub.registry import id_of
from chateau.hub.rooms import BANNED
from chateau.protocols import channels, chateau, event_streams, functions, lines_frames, opcodes
from chateau.protocols.errors import UnknownType
from chateau.protocols.json_peer import unknown_type
from chateau.protocols.json_text import decode, encode
from chateau.reference.renderings.counterparts import FIRST_ID, NO_ROOMS, counterparts
from chateau.reference.renderings.refusals import refusals
from chateau.reference.renderings.writings import PROTOCOLS, Place, Writing, nothing

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.errors import HubError
    from chateau.protocols.schemas import SchemaSet

Frame = dict[str, Any]
Kind = Literal["request", "response", "push"]


class Rendering(NamedTuple):
    """A frame of *kind*, about *event*, in all protocols' writings; each has one at least."""

    event: str
    kind: Kind
    writings: list[Writing]


class Renderer:
    """Renders frames as a server with this *schemas* and *server_name* would write them."""

    def __init__(
        self, schemas: SchemaSet, *, server_name: str, http_error: Callable[[HubError], bytes]
    ) -> None:
        """*schemas* is the chateau protocol's; *http_error* writes a refused publish."""
        self._contract = schemas
        self._http_error = http_error
        self._opcodes_pushes = opcodes.pushes(server_name)

    def render(self, text: str, place: Place) -> Rendering:
        """The frame *text*, which a client of the server at *place* sends or gets.

        Raises:
            InvalidJson, NotAnObject, UnknownType, InvalidMessage.
        """
        frame = decode(text)
        if "sender" in frame or "event" in frame:
            return self._push(frame, text)
        if frame.get("status") == 400:
            return self._refusal(frame, text)
        type_ = chateau.type_of(frame)
        row = None if type_ is None else chateau.REQUESTS.get(type_)
        if type_ is None or row is None:
            raise unknown_type("type", frame, chateau.ChateauProtocol.expected)
        if "status" in frame:
            return self._answer(row.schema.removesuffix("-request"), frame, text)
        self._check(row.schema, frame, text)
        own = Writing("chateau", "WebSocket", "client", text.encode())
        return Rendering(
            row.schema.removesuffix("-request"), "request", [own, *counterparts(type_, frame, place)]
        )

    def _push(self, frame: Frame, text: str) -> Rendering:
        event = frame.get("event")
        key = (chateau.type_of(frame), event if isinstance(event, str) else None)
        if key not in PUSHES:
            raise UnknownType('There is no push with this "type" and this "event".')
        schema, read = PUSHES[key]
        self._check(schema, frame, text)
        told = read(frame)
        return Rendering(NAMES[told.__class__], "push", self._writings(told))

    def _answer(self, name: str, frame: Frame, text: str) -> Rendering:
        self._check(f"{name}-response", frame, text)
        writings = [Writing("chateau", "WebSocket", "server", encode(frame))]
        for protocol in PROTOCOLS[1:]:
            writings += nothing(protocol, "Each protocol answers in a way of its own.")
        return Rendering(name, "response", writings)

    def _refusal(self, frame: Frame, text: str) -> Rendering:
        self._check("error-response", frame, text)
        return Rendering("refusal", "response", refusals(frame, self._http_error))

    def _check(self, schema: str, frame: Frame, text: str) -> None:
        if not self._contract.validator(schema)(frame):
            raise self._contract.validation_error(schema, frame, text)

    # Events, as each protocol's own encoders write them

    def _writings(self, event: Event) -> list[Writing]:
        kind = event.__class__
        lines = encode(lines_frames.PUSHES[kind](event))
        return [
            Writing("chateau", "WebSocket", "server", encode(chateau.PUSHES[kind](event))),
            *_in_functions(event),
            Writing("lines", "TCP", "server", lines),
            Writing("opcodes", "WebSocket", "server", encode(self._opcodes_pushes[kind](event))),
            *_in_channels(event),
        ]


class _Nobody:
    """A house where nobody is: its senders are known by what their messages tell."""

    def session(self, id: str) -> None:  # noqa: A002
        """There is none."""


def _in_functions(event: Event) -> list[Writing]:
    push = functions.pushes(_Nobody()).get(event.__class__)
    if push is None:
        return nothing("functions", NO_ROOMS)
    payload = encode(push(event))
    return [Writing("functions", "WebSocket", "server", payload, _faintness(event))]


def _faintness(event: Event) -> str | None:
    if not isinstance(event, DirectMessage):
        return None
    example = "" if id_of(event.sender) else ", and the id is an example"
    return f"The card of a sender who is here has its address, port and custom variables too{example}."


def _in_channels(event: Event) -> list[Writing]:
    if isinstance(event, DirectMessage):
        return nothing("channels", "A subscriber is nobody's recipient.")
    if isinstance(event, RoomState) and event.username is not None:
        return nothing("channels", "Subscribers have no names that could be banned.")
    note = None
    if isinstance(event, Publication):
        note = "A package, taken for a text: from chateau's frame one cannot tell. Bytes go out as bytes."
        payload = event.payload
    else:
        payload = encode(channels.push_frame(event))
    return [
        Writing("channels", "WebSocket", "server", payload, note),
        Writing("channels", "server-sent events", "server", event_streams.encode_event(event), note),
    ]


# Events, read back from chateau's pushes


def _direct_message(frame: Frame) -> DirectMessage:
    sender = frame["sender"]
    sender_id = id_of(sender) or str(FIRST_ID)
    names = tuple(frame["clients"])
    return DirectMessage(sender, names, frame["content"], frame["id"], frame["time"], sender_id)


def _room_message(frame: Frame) -> RoomMessage | Publication:
    sender, room, content, seq = frame["sender"], frame["room"], frame["content"], int(frame["seq"])
    if sender == CHANNEL:
        return Publication(room, "text", content.encode(), seq, frame["id"], frame["time"])
    return RoomMessage(sender, room, content, seq, frame["id"], frame["time"])


def _state(frame: Frame) -> RoomState:
    room, available, reason = frame["room"], frame["available"], frame["reason"]
    return RoomState(room, available, reason, username="" if reason == BANNED else None)


PUSHES: dict[tuple[int | None, str | None], tuple[str, Callable[[Frame], Event]]] = {
    (0, "shutdown"): ("shutdown-push", lambda frame: Shutdown(frame["reason"])),
    (0, "tapped"): ("tapped-push", lambda frame: TapChanged("", frame["active"])),
    (3, None): ("message-push", _direct_message),
    (5, "joined"): ("joined-push", lambda frame: Joined(frame["room"], frame["username"], "")),
    (6, "left"): ("left-push", lambda frame: Left(frame["room"], frame["username"], "")),
    (7, None): ("publish-push", _room_message),
    (9, "members"): ("members-push", lambda frame: MemberCount(frame["room"], int(frame["count"]))),
    (9, "state"): ("state-push", _state),
}
"""The schema of each push, and what event it is."""

NAMES: dict[type, str] = {
    DirectMessage: "direct message",
    RoomMessage: "room message",
    Publication: "package",
    Joined: "joined",
    Left: "left",
    MemberCount: "crowd",
    RoomState: "room state",
    TapChanged: "tapped",
    Shutdown: "shutdown",
}
