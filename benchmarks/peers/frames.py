"""The part that all Python peers share, so that they differ in nothing but their library.

JSON is read and written by orjson, as in Chateau: the benchmark compares servers, not JSON libraries. There
is no schema check, no rate limit and no history here.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from itertools import count
from typing import Any, Generic, TypeVar

import orjson

Connection = TypeVar("Connection")

REGISTERED = b'{"type":1,"status":200}'

_numbers = count(1)


class Chat(Generic[Connection]):
    """The usernames and rooms of a peer."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}
        self._usernames: dict[Connection, str] = {}
        self._rooms: dict[str, set[Connection]] = {}

    def handle(
        self, connection: Connection, frame: str | bytes | memoryview
    ) -> tuple[bytes, Collection[Connection], bytes]:
        """Return the push of the request *frame*, its recipients, and the response."""
        request = orjson.loads(frame)
        match request["type"]:
            case 1:
                self._usernames[connection] = request["username"]
                self._connections[request["username"]] = connection
                return b"", (), REGISTERED
            case 3:
                push, response = _message(self._usernames[connection], request)
                return push, [self._connections[name] for name in request["clients"]], response
            case 5:
                self._rooms.setdefault(request["room"], set()).add(connection)
                # The list of members is empty: joins are not measured.
                return b"", (), _encode(5, room=request["room"], members=[])
            case _:
                push, response = _publish(self._usernames[connection], request)
                return push, self._rooms[request["room"]], response

    def remove(self, connection: Connection) -> None:
        """Remove *connection*, which has ended."""
        self._connections.pop(self._usernames.pop(connection, ""), None)
        for members in self._rooms.values():
            members.discard(connection)


def _message(sender: str, request: dict[str, Any]) -> tuple[bytes, bytes]:
    end = _end(next(_numbers))
    push = _encode(3, sender=sender, clients=request["clients"], content=request["content"], **end)
    return push, _encode(3, **end)


def _publish(sender: str, request: dict[str, Any]) -> tuple[bytes, bytes]:
    seq = next(_numbers)
    room, end = request["room"], _end(seq)
    push = _encode(7, sender=sender, room=room, content=request["content"], seq=seq, **end)
    return push, _encode(7, room=room, seq=seq, **end)


def _encode(type_: int, **fields: object) -> bytes:
    return orjson.dumps({"type": type_, "status": 200, **fields})


def _end(number: int) -> dict[str, str]:
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": f"{number:026}", "time": time}
