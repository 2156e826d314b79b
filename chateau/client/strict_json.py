"""JSON as RFC 8259 defines it, where Python's parser is more liberal, and JSON Pointers.

Every error is a :class:`json.JSONDecodeError`, which has the line and the column.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

# Python reads these three as numbers. The first alternative skips those inside strings.
_NOT_NUMBERS = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)')


def decode(text: str) -> Any:
    """Return the value of *text*.

    Raises:
        json.JSONDecodeError: *text* is not JSON, or exceeds what Python can represent.
    """
    try:
        return json.loads(text, parse_constant=_reject)
    except json.JSONDecodeError:
        raise
    except RecursionError as exc:
        raise json.JSONDecodeError("Nested too deeply", text, 0) from exc
    except _NotANumberError as exc:
        found = (match.start(1) for match in _NOT_NUMBERS.finditer(text) if match.group(1))
        raise json.JSONDecodeError(f"{exc} is not JSON", text, next(found, 0)) from exc
    except ValueError as exc:  # an integer of thousands of digits
        raise json.JSONDecodeError(str(exc), text, 0) from exc


def pointer(keys: Iterable[Any]) -> str:
    """Return the JSON Pointer (RFC 6901) of *keys*; the whole document is the empty string."""
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in keys)


class _NotANumberError(ValueError):
    pass


def _reject(word: str) -> Any:
    raise _NotANumberError(word)
