"""Counterparts: what a client of another protocol sends where one of chateau's sends a request.

``COUNTERPARTS`` has a row for each type of request and each of the four others: a function that writes it,
or the sentence that says why there is no such thing. Requests are as their schemas have them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chateau.protocols.argsplit import word
from chateau.protocols.json_text import encode
from chateau.protocols.lines_commands import NICK, ROOM, command_in
from chateau.protocols.opcodes import GENERAL
from chateau.protocols.opcodes_commands import is_command
from chateau.reference.renderings.channel_requests import catch_up, post, subscribe, unsubscribe
from chateau.reference.renderings.writings import Place, Writing, joined, nothing

Frame = dict[str, Any]
Maker = str | Callable[[Frame, Place], list[Writing]]

MOST_LINES = 100
"""Lines that a text is written in at most: a text is 64 KiB at most, and may be nothing but line ends."""

FIRST_ID = 17
"""The first of the ids that stand for those that only a running house knows."""


def counterparts(type_: int, request: Frame, place: Place) -> list[Writing]:
    """What clients of the four other protocols send in place of *request*, which is of *type_*."""
    writings = []
    for protocol, rows in COUNTERPARTS.items():
        row = rows[type_]
        writings += nothing(protocol, row) if isinstance(row, str) else row(request, place)
    return writings


# Functions


def _call(request: Frame, note: str | None = None, **call: object) -> list[Writing]:
    if "ref" in request:
        call["callback"] = str(request["ref"])
    return [Writing("functions", "WebSocket", "client", encode(call), note)]


def _set_name(request: Frame, _: Place) -> list[Writing]:
    note = "A name is a custom variable here. Where it is taken it stays one, and nothing is refused."
    variables = {"name": request["username"]}
    return _call(request, note, function="set_custom_variables", custom_variables=variables)


def _send_message(request: Frame, _: Place) -> list[Writing]:
    note = "Functions address ids, which retrieve_clients tells. Those here are examples."
    ids = [_id_of(name, FIRST_ID + number) for number, name in enumerate(request["clients"])]
    return _call(
        request,
        None if all(name[0] == "#" for name in request["clients"]) else note,
        function="send_message",
        recipient_ids=ids,
        message=request["content"],
    )


def _id_of(name: str, example: int) -> str:
    number = name[1:]
    return number if name[0] == "#" and number.isascii() and number.isdigit() else str(example)


def _retrieve_clients(request: Frame, _: Place) -> list[Writing]:
    note = "It tells the clients by their ids, with addresses and custom variables."
    return _call(request, note, function="retrieve_clients")


NO_ROOMS = "The functions protocol has no rooms."

# Lines


def _line(*lines: str, note: str | None = None) -> list[Writing]:
    assert not any("\n" in line for line in lines), "a line has one end"
    return [Writing("lines", "TCP", "client", "\n".join(lines).encode(), note)]


def _login(request: Frame, _: Place) -> list[Writing]:
    if NICK.fullmatch(request["username"]) is None:
        return nothing("lines", "A nickname has 3 to 16 letters and digits.")
    return _line(f"LOGIN {request['username']}")


def _msg(request: Frame, _: Place) -> list[Writing]:
    name, *others = request["clients"]
    if name.split() != [name]:
        return nothing("lines", "What has spaces in its name cannot be named on a line.")
    texts = [text for line in request["content"].split("\n") if (text := line.strip())]
    if not texts:
        return nothing("lines", "A message of no letters cannot be sent on a line.")
    note = joined(
        _cut_note(texts),
        "Each line is a message of its own." if len(texts) > 1 else None,
        "Each of the others gets a line of its own, like this one for the first." if others else None,
    )
    return _line(*(f"MSG {name} {text}" for text in texts[:MOST_LINES]), note=note)


def _enter(request: Frame, _: Place) -> list[Writing]:
    room, password = request["room"], request.get("password", "")
    if ROOM.fullmatch(room) is None:
        return nothing("lines", "A room that is named on a line has letters and digits only.")
    if not password:
        return _line(f"JOIN {room}", note=ONE_ROOM)
    if "\n" in password or password != password.strip():
        return nothing("lines", "The password cannot be given on a line.")
    note = f"{ONE_ROOM} A password stands there only where the room is locked."
    return _line(f"JOIN {room} {password}", note=note)


def _say(request: Frame, _: Place) -> list[Writing]:
    texts = [line for line in request["content"].split("\n") if line and not line.isspace()]
    if not texts:
        return nothing("lines", "A line with nothing on it says nothing.")
    if any(command_in(text) is not None for text in texts):
        return nothing("lines", "A line like this is a command there, and cannot be said.")
    note = joined(
        IN_ITS_ROOM,
        _cut_note(texts),
        "Each line is a message of its own." if len(texts) > 1 else None,
    )
    return _line(*texts[:MOST_LINES], note=note)


def _history(request: Frame, _: Place) -> list[Writing]:
    times = [request[key] for key in ("from", "to") if key in request]
    if "to" in request and "from" not in request:
        times.insert(0, "1970-01-01")
    is_cut = "since" in request or "limit" in request
    note = "It tells of the room that one is in" + (
        ", by times; a number and a limit are not asked for." if is_cut else "."
    )
    return _line(" ".join(["HISTORY", *times]), note=note)


def _cut_note(texts: list[str]) -> str | None:
    return f"Of {len(texts)} lines the first {MOST_LINES}." if len(texts) > MOST_LINES else None


ONE_ROOM = "One is in one room at a time: it leaves the one before."
IN_ITS_ROOM = "It is said to the room that one is in."

# Opcodes


def _create(content: str, note: str | None = None) -> list[Writing]:
    return [Writing("opcodes", "WebSocket", "client", encode({"op": 1, "d": {"content": content}}), note)]


def _command(name: str, *words: str, place: Place, note: str | None = None) -> list[Writing]:
    if not place.command_prefix:
        return nothing("opcodes", "This server has no commands.")
    return _create(" ".join([place.command_prefix + name, *words]), note)


def _log_in(request: Frame, place: Place) -> list[Writing]:
    if is_command(request["username"], place.command_prefix):
        return nothing("opcodes", "A name like this is a command there.")
    return _create(request["username"], f"The first op 1 is the login. One is in the room {GENERAL} then.")


def _whisper(request: Frame, place: Place) -> list[Writing]:
    name, *others = request["clients"]
    text = request["content"].strip()
    if not text:
        return nothing("opcodes", "A message of no letters cannot be sent by a command.")
    note = joined(
        "White space at the ends is lost." if text != request["content"] else None,
        "Each of the others gets a frame of its own, like this one for the first." if others else None,
    )
    return _command("msg", word(name), text, place=place, note=note)


def _ask_for_cache(*_: object) -> list[Writing]:
    note = "The cache tells who is in which room, and more."
    return [Writing("opcodes", "WebSocket", "client", encode({"op": 4}), note)]


def _move(request: Frame, place: Place) -> list[Writing]:
    words = [word(request["room"])]
    if request.get("password"):
        words.append(word(request["password"]))
    return _command("join", *words, place=place, note=ONE_ROOM)


def _go_back(request: Frame, place: Place) -> list[Writing]:
    if request["room"].lower() == GENERAL:
        return nothing("opcodes", "One leaves a room by joining another one.")
    return _command("join", GENERAL, place=place, note="One leaves a room by joining another one.")


def _speak(request: Frame, place: Place) -> list[Writing]:
    if is_command(request["content"], place.command_prefix):
        return nothing("opcodes", "A text like this is a command there, and cannot be said.")
    return _create(request["content"], IN_ITS_ROOM)


def _list_rooms(_: Frame, place: Place) -> list[Writing]:
    return _command("rooms", place=place)


COUNTERPARTS: dict[str, dict[int, Maker]] = {
    "functions": {
        1: _set_name,
        2: "A name is given back when the connection ends.",
        3: _send_message,
        4: _retrieve_clients,
        **dict.fromkeys(range(5, 10), NO_ROOMS),
    },
    "lines": {
        1: _login,
        2: lambda *_: _line("QUIT", note="The nickname is free when the connection has ended."),
        3: _msg,
        4: lambda *_: _line("WHO", note="Inside a room it tells who is there, outside who is in the house."),
        5: _enter,
        6: lambda *_: _line("LEAVE", note="It leaves the room that one is in."),
        7: _say,
        8: _history,
        9: lambda *_: _line("ROOMS"),
    },
    "opcodes": {
        1: _log_in,
        2: "A name is given back when the connection ends.",
        3: _whisper,
        4: _ask_for_cache,
        5: _move,
        6: _go_back,
        7: _speak,
        8: "The opcodes protocol does not tell what was said before.",
        9: _list_rooms,
    },
    "channels": {
        1: "Subscribers and publishers have no names.",
        2: "Subscribers and publishers have no names.",
        3: "A channel has no direct messages.",
        4: "A channel does not tell who is there.",
        5: subscribe,
        6: unsubscribe,
        7: post,
        8: catch_up,
        9: "A channel does not tell of other channels.",
    },
}
