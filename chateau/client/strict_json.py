"""Reading JSON as RFC 8259 has it, where Python's reader is more liberal.

Whatever is wrong comes out as a :class:`json.JSONDecodeError`, which knows the line and the column.
"""

import json
import re
from typing import Any

# Python reads these three as numbers. The first alternative keeps those inside strings out of it.
_NOT_NUMBERS = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)')


def decode(text: str) -> Any:
    """The value that *text* stands for.

    Raises:
        json.JSONDecodeError: *text* is not JSON, or more than this program can hold.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError:
        raise
    except RecursionError as exc:
        raise json.JSONDecodeError("Nested too deeply", text, 0) from exc
    except _NotANumberError as exc:
        raise json.JSONDecodeError(f"{exc} is not JSON", text, _position(text)) from exc
    except ValueError as exc:  # an integer of thousands of digits
        raise json.JSONDecodeError(str(exc), text, 0) from exc


class _NotANumberError(ValueError):
    pass


def _refuse(word: str) -> Any:
    raise _NotANumberError(word)


def _position(text: str) -> int:
    return next((found.start(1) for found in _NOT_NUMBERS.finditer(text) if found.group(1)), 0)
