"""Frames as the protocols encode them, and requests of the chateau protocol in each of the other protocols.

``REQUESTS`` has a row for each protocol and type of request: a function that encodes the request, or the
reason why the protocol has none. Requests are valid by their schemas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from chateau.hub.registry import id_of
from chateau.protocols.argsplit import word
from chateau.protocols.channels import channel_name
from chateau.protocols.json_text import encode
from chateau.protocols.lines_commands import NICK, ROOM, command_in
from chateau.protocols.opcodes import GENERAL
from chateau.protocols.opcodes_commands import is_command

Frame = dict[str, Any]
Transport = Literal["WebSocket", "TCP", "HTTP", "server-sent events"]
Side = Literal["client", "server"]

PROTOCOLS = ("chateau", "functions", "lines", "opcodes", "channels")
"""The protocols, in the order in which they are shown."""


class EncodedFrame(NamedTuple):
    """*payload*, UTF-8, is a message, a line, an event, or a whole HTTP message of *protocol*.

    *note* describes how it differs from the chateau protocol. Without a payload, *note* is the reason why the
    protocol has no equivalent.
    """

    protocol: str
    transport: Transport | None = None
    sender: Side | None = None
    payload: bytes | None = None
    note: str | None = None


class TargetServer(NamedTuple):
    """The server that the shown requests are for. *host* is the value of the ``Host`` header."""

    host: str
    url_prefix: str = ""
    command_prefix: str = "!"


class NoEquivalentError(Exception):
    """A protocol has nothing for the same purpose; the message is the reason."""


def require(condition: object, reason: str) -> None:
    """Raise :class:`NoEquivalentError` with *reason*, unless *condition* is true."""
    if not condition:
        raise NoEquivalentError(reason)


def encoded(
    protocol: str, sender: Side, value: object, *notes: str | None, transport: Transport = "WebSocket"
) -> EncodedFrame:
    """Return *value*, bytes or a JSON value, as a frame of *protocol*, with all *notes* as one."""
    payload = value if isinstance(value, bytes) else encode(value)
    used: Transport = "TCP" if protocol == "lines" else transport
    return EncodedFrame(protocol, used, sender, payload, " ".join(filter(None, notes)) or None)


RequestEncoder = Callable[[Frame, TargetServer], list[EncodedFrame]]

LINES_LIMIT = 100
"""Maximum number of lines shown: a text of 64 KiB may consist of line ends."""

FIRST_ID = 17
"""The first session id in examples; only a running server knows the actual ids."""

SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The ``Sec-WebSocket-Key`` of the example in RFC 6455."""

FUNCTIONS = {1: "set_custom_variables", 3: "send_message", 4: "retrieve_clients"}
"""The function for each type of request."""

NO_ROOMS = "The functions protocol has no rooms."
CLIENT_LIST = "The response lists the clients with their ids, addresses and custom variables."
NAME_RELEASED = "The username is released when the connection ends."
FIRST_LOGIN = f"The first op 1 is the login; the client is then in the room {GENERAL}."
BLANK = "A message must not be blank."
IS_COMMAND = "This text is a command: it cannot be a message or a username."
CURRENT_ROOM = "The message goes to the client's current room."
ONE_ROOM = "A client is in one room at a time: it leaves its previous room."
ONE_RECIPIENT = "Each of the other recipients needs a message like this one."
EVENT_STREAM: Frame = {"Accept": "text/event-stream"}


def translate_request(type_: int, request: Frame, server: TargetServer) -> list[EncodedFrame]:
    """Return what clients of the four other protocols send for *request*, which is of *type_*."""
    frames: list[EncodedFrame] = []
    for protocol, rows in REQUESTS.items():
        row = rows[type_]
        try:
            frames += [EncodedFrame(protocol, note=row)] if isinstance(row, str) else row(request, server)
        except NoEquivalentError as reason:
            frames.append(EncodedFrame(protocol, note=str(reason)))
    return frames


# Functions


def _call(request: Frame, note: str | None, **arguments: object) -> list[EncodedFrame]:
    call = {"function": FUNCTIONS[int(request["type"])], **arguments}
    if "ref" in request:
        call["callback"] = str(request["ref"])
    return [encoded("functions", "client", call, note)]


def _set_name(request: Frame, _: TargetServer) -> list[EncodedFrame]:
    note = "The name is a custom variable. If the username is taken, the call still succeeds."
    return _call(request, note, custom_variables={"name": request["username"]})


def _send_message(request: Frame, _: TargetServer) -> list[EncodedFrame]:
    ids = [id_of(name) if name.isascii() else None for name in request["clients"]]
    note = "Recipients are addressed by the ids that retrieve_clients returns. The ids here are examples."
    recipients = [id_ or str(FIRST_ID + number) for number, id_ in enumerate(ids)]
    return _call(request, None if all(ids) else note, recipient_ids=recipients, message=request["content"])


# Lines


def _lines(lines: list[str], *notes: str | None) -> list[EncodedFrame]:
    assert not any("\n" in line for line in lines), "a line has one end"
    cut = f"The first {LINES_LIMIT} of {len(lines)} lines are shown." if len(lines) > LINES_LIMIT else None
    each = "Each line is a separate message." if len(lines) > 1 else None
    return [encoded("lines", "client", "\n".join(lines[:LINES_LIMIT]).encode(), *notes, cut, each)]


def _log_in_by_line(request: Frame, _: TargetServer) -> list[EncodedFrame]:
    require(NICK.fullmatch(request["username"]), "A nickname has 3 to 16 letters and digits.")
    return _lines([f"LOGIN {request['username']}"])


def _message_by_line(request: Frame, _: TargetServer) -> list[EncodedFrame]:
    name, *others = request["clients"]
    require(name.split() == [name], "A recipient's name must not contain spaces.")
    texts = [text for line in request["content"].split("\n") if (text := line.strip())]
    require(texts, BLANK)
    return _lines([f"MSG {name} {text}" for text in texts], ONE_RECIPIENT if others else None)


def _join_by_line(request: Frame, _: TargetServer) -> list[EncodedFrame]:
    room, password = request["room"], request.get("password", "")
    require(ROOM.fullmatch(room), "The name of a room has letters and digits only.")
    is_sendable = "\n" not in password and password == password.strip()
    require(is_sendable, "A password must not contain line ends, nor spaces at its ends.")
    note = "The password is accepted only if the room is locked." if password else None
    return _lines([f"JOIN {room} {password}".rstrip()], ONE_ROOM, note)


def _publish_by_line(request: Frame, _: TargetServer) -> list[EncodedFrame]:
    texts = [line for line in request["content"].split("\n") if line.strip()]
    require(texts, BLANK)
    require(not any(map(command_in, texts)), IS_COMMAND)
    return _lines(texts, CURRENT_ROOM)


def _history_by_line(request: Frame, _: TargetServer) -> list[EncodedFrame]:
    start = request.get("from", "1970-01-01" if "to" in request else "")
    line = " ".join(filter(None, ("HISTORY", start, request.get("to"))))
    limit = (
        "HISTORY takes neither a sequence number nor a limit."
        if request.keys() & {"since", "limit"}
        else None
    )
    return _lines([line], "The response has the history of the client's current room, by time.", limit)


# Opcodes


def _create(server: TargetServer, content: str, note: str) -> list[EncodedFrame]:
    require(not is_command(content, server.command_prefix), IS_COMMAND)
    return [encoded("opcodes", "client", {"op": 1, "d": {"content": content}}, note)]


def _command(server: TargetServer, command: str, *notes: str | None) -> list[EncodedFrame]:
    require(server.command_prefix, "Commands are disabled on this server.")
    request = {"op": 1, "d": {"content": server.command_prefix + command}}
    return [encoded("opcodes", "client", request, *notes)]


def _message_by_command(request: Frame, server: TargetServer) -> list[EncodedFrame]:
    name, *others = request["clients"]
    text = request["content"].strip()
    require(text, BLANK)
    trimmed = "White space at the ends is removed." if text != request["content"] else None
    return _command(server, f"msg {word(name)} {text}", trimmed, ONE_RECIPIENT if others else None)


def _join_by_command(request: Frame, server: TargetServer) -> list[EncodedFrame]:
    words = [word(request[key]) for key in ("room", "password") if request.get(key)]
    return _command(server, " ".join(["join", *words]), ONE_ROOM)


def _leave_by_command(request: Frame, server: TargetServer) -> list[EncodedFrame]:
    note = "A client leaves a room by joining another one."
    require(request["room"].lower() != GENERAL, note)
    return _command(server, f"join {GENERAL}", note)


# Channels


def _http(
    method: str, request: Frame, server: TargetServer, headers: Frame, *notes: str | None, body: bytes = b""
) -> EncodedFrame:
    room = request["room"]
    require(channel_name(room) == room.lower(), "No channel has this name: a channel has a colon for each _.")
    start = f"{method} {server.url_prefix}/channel/{quote(room, safe='')}/ HTTP/1.1"
    lines = [start, f"Host: {server.host}", *(f"{name}: {value}" for name, value in headers.items()), ""]
    head = "".join(f"{line}\r\n" for line in lines)
    return encoded("channels", "client", head.encode() + body, *notes, transport="HTTP")


def _subscribe(request: Frame, server: TargetServer) -> list[EncodedFrame]:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
    upgrade |= {"Sec-WebSocket-Key": SAMPLE_KEY, "Sec-WebSocket-Version": "13"}
    note = "A subscriber receives messages but is not a member, and cannot subscribe to a locked room."
    example = "The key is that of the example in RFC 6455."
    return [
        _http("GET", request, server, upgrade, "This opens a WebSocket.", note, example),
        _http("GET", request, server, EVENT_STREAM, "This opens an event stream.", note),
    ]


def _unsubscribe(*_: object) -> list[EncodedFrame]:
    note = "This ends the subscription and the connection. To end an event stream, close its connection."
    return [encoded("channels", "client", b"close", note)]


def _publish(request: Frame, server: TargetServer) -> list[EncodedFrame]:
    body, key = request["content"].encode(), request.get("key", "")
    headers = {"Package-Type": "text", "Content-Length": len(body)}
    is_valid = key.isascii() and key.isprintable() and key == key.strip()
    if key and is_valid:
        headers["Idempotency-Key"] = key
    note = "A publisher has no username and need not be a member. Members see channel as the sender."
    key_note = None if is_valid else "The key is not a valid header value, and is left out."
    return [_http("POST", request, server, headers, note, key_note, body=body)]


def _catch_up(request: Frame, server: TargetServer) -> list[EncodedFrame]:
    headers = EVENT_STREAM | {"Last-Event-ID": int(request.get("since", 0))}
    note = "The event stream starts with the stored messages after this number, then continues with new ones."
    return [_http("GET", request, server, headers, note)]


REQUESTS: dict[str, dict[int, str | RequestEncoder]] = {
    "functions": {
        1: _set_name,
        2: NAME_RELEASED,
        3: _send_message,
        4: lambda request, _: _call(request, CLIENT_LIST),
        **dict.fromkeys(range(5, 10), NO_ROOMS),
    },
    "lines": {
        1: _log_in_by_line,
        2: lambda *_: _lines(["QUIT"], "The nickname is released when the connection ends."),
        3: _message_by_line,
        4: lambda *_: _lines(["WHO"], "In a room, the response lists its members; outside, all users."),
        5: _join_by_line,
        6: lambda *_: _lines(["LEAVE"], "The client leaves its current room."),
        7: _publish_by_line,
        8: _history_by_line,
        9: lambda *_: _lines(["ROOMS"]),
    },
    "opcodes": {
        1: lambda request, server: _create(server, request["username"], FIRST_LOGIN),
        2: NAME_RELEASED,
        3: _message_by_command,
        4: lambda *_: [encoded("opcodes", "client", {"op": 4}, "The cache lists the users of each room.")],
        5: _join_by_command,
        6: _leave_by_command,
        7: lambda request, server: _create(server, request["content"], CURRENT_ROOM),
        8: "The opcodes protocol has no history.",
        9: lambda _, server: _command(server, "rooms"),
    },
    "channels": {
        **dict.fromkeys((1, 2), "Subscribers and publishers have no usernames."),
        3: "A channel has no direct messages.",
        4: "A channel has no list of its members.",
        5: _subscribe,
        6: _unsubscribe,
        7: _publish,
        8: _catch_up,
        9: "A channel has no list of other channels.",
    },
}
