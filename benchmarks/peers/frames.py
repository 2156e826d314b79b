"""The frames that every Python peer sends, so that the peers differ in nothing but their library.

JSON is read and written by orjson, as in Chateau: the benchmark compares servers, not JSON libraries. There
is no schema check, no rate limit and no history here.
"""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson

REGISTERED = b'{"type":1,"status":200}'

_numbers = count(1)


def message(sender: str, request: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return the push of a direct message, for every recipient, and the response to its sender."""
    end = _end(next(_numbers))
    body = {"sender": sender, "clients": request["clients"], "content": request["content"]}
    return orjson.dumps({"type": 3, "status": 200, **body, **end}), orjson.dumps(
        {"type": 3, "status": 200, **end}
    )


def joined(request: dict[str, Any]) -> bytes:
    """Return the response to a join. Its list of members is empty: joins are not measured."""
    return orjson.dumps({"type": 5, "status": 200, "room": request["room"], "members": []})


def publish(sender: str, request: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return the push of a room message, for every member, and the response to its sender."""
    seq = next(_numbers)
    room, end = request["room"], _end(seq)
    body = {"sender": sender, "room": room, "content": request["content"], "seq": seq}
    return (
        orjson.dumps({"type": 7, "status": 200, **body, **end}),
        orjson.dumps({"type": 7, "status": 200, "room": room, "seq": seq, **end}),
    )


def _end(number: int) -> dict[str, str]:
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": f"{number:026}", "time": time}
