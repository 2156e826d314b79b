"""Channel requests: what a client of the channels protocol sends for the same purpose as one of chateau's.

The other protocols' requests are in :mod:`chateau.reference.renderings.counterparts`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from chateau.protocols.channels import channel_name
from chateau.reference.renderings.writings import Place, Writing, joined, nothing

Frame = dict[str, Any]

SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The ``Sec-WebSocket-Key`` of RFC 6455's example."""

NO_CHANNEL = "No channel has this name: in a channel's name each _ becomes a colon."


def _http(head: str, body: bytes = b"", note: str | None = None) -> Writing:
    return Writing("channels", "HTTP", "client", head.encode() + b"\r\n" + body, note)


def _head(start: str, place: Place, **headers: str) -> str:
    """The first line and the headers; in their names ``_`` stands for ``-``."""
    lines = [f"{start} HTTP/1.1", f"Host: {place.host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "".join(f"{line}\r\n" for line in lines)


def _is_channel(room: str) -> bool:
    return channel_name(room) == room.lower()


def _channel_path(room: str, place: Place) -> str:
    return f"{place.url_prefix}/channel/{quote(room, safe='')}/"


def subscribe(request: Frame, place: Place) -> list[Writing]:
    """A WebSocket, or an event stream, on which a room is heard."""
    room = request["room"]
    if not _is_channel(room):
        return nothing("channels", NO_CHANNEL)
    path = _channel_path(room, place)
    note = "A subscriber hears the room and is no member of it; a room that is locked is closed to it."
    upgrade = _head(
        f"GET {path}",
        place,
        Upgrade="websocket",
        Connection="Upgrade",
        Sec_WebSocket_Key=SAMPLE_KEY,
        Sec_WebSocket_Version="13",
    )
    stream = _head(f"GET {path}", place, Accept="text/event-stream")
    return [
        _http(upgrade, note=f"It opens a WebSocket. {note} The key is that of RFC 6455's example."),
        _http(stream, note=f"It opens an event stream. {note}"),
    ]


def unsubscribe(*_: object) -> list[Writing]:
    """The end of a subscription."""
    note = "The word ends the subscription, and the connection with it. An event stream is just closed."
    return [Writing("channels", "WebSocket", "client", b"close", note)]


def post(request: Frame, place: Place) -> list[Writing]:
    """A package of what is said."""
    if not _is_channel(request["room"]):
        return nothing("channels", NO_CHANNEL)
    body, key = request["content"].encode(), request.get("key", "")
    headers = {"Package_Type": "text", "Content_Length": str(len(body))}
    is_lost = not (key.isascii() and key.isprintable() and key == key.strip())
    if key and not is_lost:
        headers["Idempotency_Key"] = key
    note = joined(
        "A publisher has no name and need not be inside: the room hears it from channel.",
        "The key cannot stand in a header." if is_lost else None,
    )
    return [_http(_head(f"POST {_channel_path(request['room'], place)}", place, **headers), body, note)]


def catch_up(request: Frame, place: Place) -> list[Writing]:
    """An event stream that begins with what was said before."""
    if not _is_channel(request["room"]):
        return nothing("channels", NO_CHANNEL)
    since = int(request.get("since", 0))
    headers = {"Accept": "text/event-stream", "Last_Event_ID": str(since)}
    note = "An event stream begins with all that was kept since that number, and goes on with what is said."
    return [_http(_head(f"GET {_channel_path(request['room'], place)}", place, **headers), note=note)]
