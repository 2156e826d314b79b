"""The layout of a scenario that people edit: what fits on a line stands on one, a step above all."""

import json
from typing import Any

WIDTH = 110
INDENT = 2
SPREAD = frozenset({"clients", "steps"})  # always an item a line


def laid_out(scenario: dict[str, Any]) -> str:
    """The text of a file with *scenario*."""
    return _spread(scenario, 0, SPREAD) + "\n"


def _laid_out(value: Any, indent: int, used: int) -> str:
    """*value*, on a line of which *used* characters are taken, a comma's among them."""
    line = json.dumps(value, ensure_ascii=False)
    if used + len(line) <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    return _spread(value, indent)


def _spread(value: Any, indent: int, spread: frozenset[str] = frozenset()) -> str:
    inner = indent + INDENT
    blanks = " " * inner
    if isinstance(value, list):
        items = [blanks + _laid_out(item, inner, inner + 1) for item in value]
        begin, end = "[]"
    else:
        items = [blanks + _item(name, item, inner, is_spread=name in spread) for name, item in value.items()]
        begin, end = "{}"
    return "\n".join([begin, ",\n".join(items), " " * indent + end])


def _item(name: str, value: Any, indent: int, *, is_spread: bool) -> str:
    key = f"{json.dumps(name, ensure_ascii=False)}: "
    if is_spread and value:
        return key + _spread(value, indent)
    return key + _laid_out(value, indent, indent + len(key) + 1)
