"""What the entry of an opening says: where the client went, and as whom."""

import json
from typing import Any

from chateau.client.transcript import Entry


def opening(entry: Entry) -> dict[str, Any]:
    """``protocol`` and ``url``; where there were some, ``headers``, as pairs, and ``from``, an address."""
    try:
        said = json.loads(entry.payload)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        said = {"url": entry.text}
    said = {"protocol": "", "url": "", **said}
    return {key: value for key, value in said.items() if _is_right(key, value)}


def _is_right(key: str, value: Any) -> bool:
    if key == "headers":
        return isinstance(value, list) and all(map(_is_header, value))
    return key in {"protocol", "url", "from"} and isinstance(value, str)


def _is_header(value: Any) -> bool:
    match value:
        case [str(), str()]:
            return True
    return False
