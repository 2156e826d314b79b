"""Variables: ``${name}`` in the strings of a step, and ``$repeat`` for long strings."""

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from chateau.client.scenarios.excerpts import as_json
from chateau.client.scenarios.json_positions import Path
from chateau.client.scenarios.lint import Flaw
from chateau.client.scenarios.operators import is_integer

LITERAL = "$literal"
MAX_CHARACTERS = 64 * 1024 * 1024
_WHOLE = re.compile(r"\$\{([^{}]*)\}")
_REFERENCES = re.compile(r"(?P<escape>\$\$\{)|\$\{(?P<name>[^{}]*)\}")


class UnknownVariable(LookupError):
    """A variable has no value; ``near`` has similar names that have one."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name = name
        self.near = tuple(get_close_matches(name, sorted(known), n=3))
        hint = f"; did you mean {' or '.join(f'${{{one}}}' for one in self.near)}?" if self.near else ""
        super().__init__(f"${{{name}}} has no value{hint}")


class BadRepeat(ValueError):
    """A ``$repeat`` is invalid; the exception's text explains why."""


class Scope:
    """The variables of a step, with the ``index`` of its ``repeat``, and the barriers of its ``parallel``.

    Captures are visible to all steps of the scenario.
    """

    def __init__(
        self,
        shared: dict[str, Any],
        own: Mapping[str, Any] | None = None,
        barriers: Mapping[str, asyncio.Barrier] | None = None,
    ) -> None:
        self._shared = shared
        self._own = own or {}
        self.barriers = barriers or {}

    def fill(self, value: Any) -> Any:
        return fill(value, {**self._shared, **self._own})

    def capture(self, captures: Mapping[str, Any]) -> None:
        self._shared.update(captures)

    def within_repeat(self, index: int) -> "Scope":
        return Scope(self._shared, {**self._own, "index": index}, self.barriers)

    def within_parallel(self, barriers: Mapping[str, asyncio.Barrier]) -> "Scope":
        return Scope(self._shared, self._own, {**self.barriers, **barriers})


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return *value* with its variables filled in, except inside ``$literal``.

    Raises:
        UnknownVariable: one of them has no value.
    """
    match value:
        case str():
            whole = _WHOLE.fullmatch(value)
            return _text(value, variables) if whole is None else _value(whole[1], variables)
        case list():
            return [fill(item, variables) for item in value]
        case dict():
            return {
                _text(key, variables): item if key == LITERAL else fill(item, variables)
                for key, item in value.items()
            }
    return value


def names_in(value: Any) -> set[str]:
    """Return the variables that :func:`fill` needs for *value*."""
    match value:
        case str():
            return {found["name"] for found in _REFERENCES.finditer(value) if found["name"] is not None}
        case list():
            return set().union(*map(names_in, value))
        case dict():
            parts = [names_in(key) | (set() if key == LITERAL else names_in(value[key])) for key in value]
            return set().union(*parts)
    return set()


def expand_repeats(value: Any) -> Any:
    """Return *value* with each ``{"$repeat": "ab", "$times": 3}`` replaced by its string.

    Raises:
        BadRepeat: one of them is invalid, or too long.
    """
    match value:
        case list():
            return [expand_repeats(item) for item in value]
        case dict() if "$repeat" in value:
            sentence = _repeat_flaw(value)
            if sentence is not None:
                raise BadRepeat(sentence)
            return value["$repeat"] * int(value["$times"])
        case dict():
            return {key: item if key == LITERAL else expand_repeats(item) for key, item in value.items()}
    return value


def repeat_flaws_of(value: Any, path: Path = ()) -> list[Flaw]:
    """Return the faults of each ``$repeat`` in *value*; one with variables is checked when it is sent."""
    items: Iterable[tuple[str | int, Any]] = ()
    match value:
        case list():
            items = enumerate(value)
        case dict() if "$repeat" in value:
            sentence = None if any(map(names_in, value.values())) else _repeat_flaw(value)
            return [] if sentence is None else [Flaw(path, sentence)]
        case dict():
            items = ((key, item) for key, item in value.items() if key != LITERAL)
    return [flaw for step, item in items for flaw in repeat_flaws_of(item, (*path, step))]


def _text(text: str, variables: Mapping[str, Any]) -> str:
    def put(found: re.Match[str]) -> str:
        if found["escape"]:
            return "${"
        value = _value(found["name"], variables)
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return _REFERENCES.sub(put, text)


def _value(name: str, variables: Mapping[str, Any]) -> Any:
    if name not in variables:
        raise UnknownVariable(name, variables)
    return variables[name]


def _repeat_flaw(value: dict[str, Any]) -> str | None:
    if value.keys() != {"$repeat", "$times"}:
        return "$repeat takes $times next to it, and no other key"
    text, times = value["$repeat"], value["$times"]
    if not isinstance(text, str):
        return f"$repeat takes a string, not {as_json(text)}"
    if not is_integer(times) or not 0 <= times <= MAX_CHARACTERS:
        return f"$times takes a number from 0 to {MAX_CHARACTERS}, not {as_json(times)}"
    if len(text) * times > MAX_CHARACTERS:
        return f"$repeat makes {len(text) * int(times)} characters, expected at most {MAX_CHARACTERS}"
    return None
