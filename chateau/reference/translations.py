"""A frame of the chateau protocol, as each of the five protocols encodes it.

A push is decoded to its event, and an error response to its error; the protocols' own encoders encode them
again. For requests see :mod:`chateau.reference.request_translations`. :mod:`chateau.net` adds the framing of
the transport.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from chateau.hub import errors as hub_errors
from chateau.hub import events
from chateau.hub.errors import HubError
from chateau.hub.events import CHANNEL, DirectMessage, Publication, RoomMessage, RoomState
from chateau.hub.registry import id_of
from chateau.hub.rooms import BANNED
from chateau.protocols import (
    channels,
    chateau,
    event_streams,
    functions,
    lines_commands,
    lines_frames,
    opcodes,
)
from chateau.protocols import errors as protocol_errors
from chateau.protocols.errors import InvalidMessage, UnknownType
from chateau.protocols.json_peer import unknown_type
from chateau.protocols.json_text import decode
from chateau.reference.request_translations import (
    FIRST_ID,
    FUNCTIONS,
    NO_ROOMS,
    PROTOCOLS,
    REQUESTS,
    EncodedFrame,
    TargetServer,
    encoded,
    translate_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.hub.events import Event
    from chateau.protocols.schemas import SchemaSet

Frame = dict[str, Any]
Kind = Literal["request", "response", "push"]


class Translation(NamedTuple):
    """A frame of *kind*, about *event*, in all protocols: at least one encoded frame for each."""

    event: str
    kind: Kind
    frames: list[EncodedFrame]


class Translator:
    """Translates frames into what a server with *schemas* and *server_name* sends."""

    def __init__(
        self, schemas: SchemaSet, *, server_name: str, http_error: Callable[[HubError], bytes]
    ) -> None:
        """*schemas* are those of the chateau protocol; *http_error* encodes errors of a publish over HTTP."""
        self._schemas = schemas
        self._http_error = http_error
        self._opcodes_pushes = opcodes.pushes(server_name)
        self._functions_pushes = functions.pushes(_NoSessions())

    def translate(self, text: str, server: TargetServer) -> Translation:
        """Return the frame *text*, which a client of *server* sends or receives, in all protocols.

        Raises:
            InvalidJson, NotAnObject, UnknownType, InvalidMessage.
        """
        frame = decode(text)
        if "sender" in frame or "event" in frame:
            return self._push(frame)
        if frame.get("status") == 400:
            self._schemas.check("error-response", frame)
            return Translation("refusal", "response", self._error(frame))
        type_ = chateau.type_of(frame)
        row = None if type_ is None else chateau.REQUESTS.get(type_)
        if type_ is None or row is None:
            raise unknown_type("type", frame, chateau.ChateauProtocol.expected)
        name = row.schema.removesuffix("-request")
        if "status" in frame:
            self._schemas.check(f"{name}-response", frame)
            reason = "Each protocol has its own form of response."
            others = [EncodedFrame(protocol, note=reason) for protocol in PROTOCOLS[1:]]
            return Translation(name, "response", [encoded("chateau", "server", frame), *others])
        self._schemas.check(row.schema, frame)
        own = encoded("chateau", "client", text.encode())
        return Translation(name, "request", [own, *translate_request(type_, frame, server)])

    def _push(self, frame: Frame) -> Translation:
        event = frame.get("event")
        key = (chateau.type_of(frame), event if isinstance(event, str) else None)
        if key not in PUSHES:
            raise UnknownType('Unknown push: no push has this "type" and this "event".')
        schema, decode_event = PUSHES[key]
        self._schemas.check(schema, frame)
        decoded = decode_event(frame)
        return Translation(NAMES[decoded.__class__], "push", self._event(decoded))

    def _event(self, event: Event) -> list[EncodedFrame]:
        kind = event.__class__
        push = self._functions_pushes.get(kind)
        return [
            encoded("chateau", "server", chateau.PUSHES[kind](event)),
            encoded("functions", "server", push(event), _sender_note(event)) if push else _NO_ROOMS,
            encoded("lines", "server", lines_frames.PUSHES[kind](event)),
            encoded("opcodes", "server", self._opcodes_pushes[kind](event)),
            *_channel_event(event),
        ]

    def _error(self, frame: Frame) -> list[EncodedFrame]:
        error = decode_error(frame)
        type_ = chateau.type_of(frame)
        call = {"function": FUNCTIONS.get(type_ or 0), "callback": str(frame.get("ref", ""))}
        source = "The path and the schema are those of the chateau request."
        note = source if isinstance(error, InvalidMessage) else None
        line = LINES_TEXTS.get((error.code, type_)) or LINES_TEXTS.get((error.code, None)) or str(error)
        publish = "This is the response to a publish. A rejected subscriber gets the status and plain text."
        frames = [
            encoded("chateau", "server", chateau.error_response(error, frame)),
            encoded("functions", "server", functions.error_response(error, call), note),
            encoded("lines", "server", lines_frames.error_response(HubError(line))),
            encoded("opcodes", "server", opcodes.error_response(error), note),
            encoded("channels", "server", self._http_error(error), publish, transport="HTTP"),
        ]
        return [_or_reason(each, error.code, type_) for each in frames]


class _NoSessions:
    """Finds no session, so that a sender is known by its message only."""

    def session(self, id: str) -> None:  # noqa: A002
        """Return None."""


def _sender_note(event: Event) -> str | None:
    if not isinstance(event, DirectMessage):
        return None
    example = "" if id_of(event.sender) else " The id is an example."
    return f"For a connected sender, the address, port and custom variables are filled in.{example}"


def _channel_event(event: Event) -> list[EncodedFrame]:
    if isinstance(event, DirectMessage):
        return [EncodedFrame("channels", note="Subscribers do not receive direct messages.")]
    if isinstance(event, RoomState) and event.username is not None:
        return [EncodedFrame("channels", note="Subscribers have no usernames that could be banned.")]
    is_publication = isinstance(event, Publication)
    note = "The publication is shown as text; it may also be JSON or bytes." if is_publication else None
    push = event.payload if isinstance(event, Publication) else channels.push_frame(event)
    stream = event_streams.encode_event(event)
    return [
        encoded("channels", "server", push, note),
        encoded("channels", "server", stream, note, transport="server-sent events"),
    ]


# Events, decoded from pushes


def _direct_message(frame: Frame) -> Event:
    sender, recipients = frame["sender"], tuple(frame["clients"])
    sender_id = id_of(sender) or str(FIRST_ID)
    return DirectMessage(sender, recipients, frame["content"], frame["id"], frame["time"], sender_id)


def _room_message(frame: Frame) -> Event:
    sender, room, content, seq = frame["sender"], frame["room"], frame["content"], int(frame["seq"])
    if sender == CHANNEL:
        return Publication(room, "text", content.encode(), seq, frame["id"], frame["time"])
    return RoomMessage(sender, room, content, seq, frame["id"], frame["time"])


def _state(frame: Frame) -> Event:
    username = "" if frame["reason"] == BANNED else None
    return RoomState(frame["room"], frame["available"], frame["reason"], username=username)


PUSHES: dict[tuple[int | None, str | None], tuple[str, Callable[[Frame], Event]]] = {
    (0, "shutdown"): ("shutdown-push", lambda frame: events.Shutdown(frame["reason"])),
    (0, "tapped"): ("tapped-push", lambda frame: events.TapChanged("", frame["active"])),
    (3, None): ("message-push", _direct_message),
    (5, "joined"): ("joined-push", lambda frame: events.Joined(frame["room"], frame["username"], "")),
    (6, "left"): ("left-push", lambda frame: events.Left(frame["room"], frame["username"], "")),
    (7, None): ("publish-push", _room_message),
    (9, "members"): ("members-push", lambda frame: events.MemberCount(frame["room"], int(frame["count"]))),
    (9, "state"): ("state-push", _state),
}
"""The schema of each push and the decoder of its event, by type and event."""

NAMES: dict[type, str] = {
    DirectMessage: "direct message",
    RoomMessage: "room message",
    Publication: "package",
    events.Joined: "joined",
    events.Left: "left",
    events.MemberCount: "crowd",
    RoomState: "room state",
    events.TapChanged: "tapped",
    events.Shutdown: "shutdown",
}
"""The ``event`` of the response, by class."""

# Errors, decoded from error responses

_MODULES = (hub_errors.__name__, protocol_errors.__name__)
ERRORS = {each.code: each for each in HubError.__subclasses__() if each.__module__ in _MODULES}
"""A class for each code. If two have the same code, it is the protocols' class."""


def decode_error(frame: Frame) -> HubError:
    """Return the error that *frame*, an error response, reports."""
    error_class = ERRORS[frame["code"]]
    error = error_class.__new__(error_class, frame["error"])
    for key in ("path", "schema", "unknown"):
        if key in frame:
            setattr(error, key, frame[key])
    return error


def _or_reason(frame: EncodedFrame, code: str, type_: int | None) -> EncodedFrame:
    """Return *frame*, or the reason why its protocol has no such error, or no request of *type_*."""
    row = REQUESTS.get(frame.protocol, {}).get(type_ or 0)
    reason = NEVER.get(frame.protocol, {}).get(code) or (row if isinstance(row, str) else None)
    return frame if reason is None else EncodedFrame(frame.protocol, note=reason)


LINES_TEXTS: dict[tuple[str, int | None], str] = {
    ("not_registered", None): lines_commands.LOGIN_REQUIRED,
    ("name_taken", None): lines_commands.NICKNAME_REGISTERED,
    ("name_taken", 5): lines_commands.NICKNAME_PRESENT,
    ("already_in_room", None): lines_commands.NICKNAME_PRESENT,
    ("not_in_room", None): lines_commands.NO_ROOM,
    ("invalid_name", 1): lines_commands.INVALID_NICKNAME,
}
"""The fixed error texts of the lines protocol, by code and type of request; None is any type."""

_NO_ROOMS = EncodedFrame("functions", note=NO_ROOMS)
_CUSTOM_VARIABLE = "A name is a custom variable: it may change, and a call with a taken name succeeds."
_NOT_A_MEMBER = "A publisher needs no username, and is not a member of a room."

NEVER: dict[str, dict[str, str]] = {
    "functions": {
        "not_registered": "No function requires a username.",
        **dict.fromkeys(("already_registered", "name_taken", "invalid_name"), _CUSTOM_VARIABLE),
        "unknown_recipient": "The call succeeds, and the response lists these recipients in undelivered.",
        **dict.fromkeys(("unknown_room", "not_in_room", "already_in_room"), NO_ROOMS),
    },
    "lines": {
        **dict.fromkeys(("invalid_json", "not_an_object"), "A line is text, and need not be JSON."),
        "binary_frame": "The lines protocol has no binary frames.",
        "unknown_type": "A line that is not a command is a message.",
        "invalid_message": "A line has no keys; each command reports missing parameters in its own words.",
        "already_registered": 'The error is "User already logged in with name", followed by the name.',
        "unknown_room": "Only JOIN takes the name of a room.",
        "too_large": "A line that is too long ends the connection.",
    },
    "opcodes": {"already_registered": "After the login, each op 1 is a message or a command."},
    "channels": {
        **dict.fromkeys(("not_registered", "already_registered", "name_taken"), _NOT_A_MEMBER),
        **dict.fromkeys(("unknown_recipient", "unknown_room"), _NOT_A_MEMBER),
        **dict.fromkeys(("not_in_room", "already_in_room"), _NOT_A_MEMBER),
        "binary_frame": "A publication may consist of any bytes.",
    },
}
"""The reason why a protocol does not report a code, by protocol and code."""
