"""Variables: ``${name}`` in the strings of a step, and ``$repeat`` for strings too long to write down.

Where the values come from is the player's business.
"""

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from chateau.client.scenarios.excerpt import as_json
from chateau.client.scenarios.flaws import Flaw, Path
from chateau.client.scenarios.operators import is_integer

LITERAL = "$literal"
MOST_CHARACTERS = 64 * 1024 * 1024
_WHOLE = re.compile(r"\$\{([^{}]*)\}")
_PLACES = re.compile(r"(?P<escape>\$\$\{)|\$\{(?P<name>[^{}]*)\}")


class UnknownVariable(LookupError):
    """A variable has no value; ``near`` are the names that it may have been meant to be."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name = name
        self.near = tuple(get_close_matches(name, sorted(known), n=3))
        hint = f"; did you mean {' or '.join(f'${{{one}}}' for one in self.near)}?" if self.near else ""
        super().__init__(f"${{{name}}} has no value{hint}")


class BadRepeat(ValueError):
    """A ``$repeat`` cannot be carried out; the exception's text says why."""


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """*value* with its variables filled in, but for what is inside ``$literal``.

    Raises:
        UnknownVariable: one of them has no value.
    """
    match value:
        case str():
            return _filled(value, variables)
        case list():
            return [fill(item, variables) for item in value]
        case dict():
            return {
                _text(key, variables): item if key == LITERAL else fill(item, variables)
                for key, item in value.items()
            }
    return value


def names_in(value: Any) -> set[str]:
    """The variables that :func:`fill` would need."""
    match value:
        case str():
            return {found["name"] for found in _PLACES.finditer(value) if found["name"] is not None}
        case list():
            return set().union(*map(names_in, value))
        case dict():
            parts = [names_in(key) | (set() if key == LITERAL else names_in(value[key])) for key in value]
            return set().union(*parts)
    return set()


def expand_repeats(value: Any) -> Any:
    """*value* with each ``{"$repeat": "ab", "$times": 3}`` as the string that it stands for.

    Raises:
        BadRepeat: one of them is written wrongly, or too long.
    """
    match value:
        case list():
            return [expand_repeats(item) for item in value]
        case dict() if "$repeat" in value:
            return _repeated(value)
        case dict():
            return {key: item if key == LITERAL else expand_repeats(item) for key, item in value.items()}
    return value


def repeat_flaws_of(value: Any, path: Path = ()) -> list[Flaw]:
    """What is wrong with the ``$repeat`` in *value*; one with variables is judged when it is sent."""
    match value:
        case list():
            return [
                flaw for index, item in enumerate(value) for flaw in repeat_flaws_of(item, (*path, index))
            ]
        case dict() if "$repeat" in value:
            sentence = None if _is_open(value) else _repeat_flaw(value)
            return [] if sentence is None else [Flaw(path, sentence)]
        case dict():
            below = ((item, (*path, key)) for key, item in value.items() if key != LITERAL)
            return [flaw for item, place in below for flaw in repeat_flaws_of(item, place)]
    return []


def _filled(text: str, variables: Mapping[str, Any]) -> Any:
    whole = _WHOLE.fullmatch(text)
    return _text(text, variables) if whole is None else _value(whole[1], variables)


def _text(text: str, variables: Mapping[str, Any]) -> str:
    def put(found: re.Match[str]) -> str:
        if found["escape"]:
            return "${"
        value = _value(found["name"], variables)
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return _PLACES.sub(put, text)


def _value(name: str, variables: Mapping[str, Any]) -> Any:
    if name not in variables:
        raise UnknownVariable(name, variables)
    return variables[name]


def _repeated(value: dict[str, Any]) -> str:
    sentence = _repeat_flaw(value)
    if sentence is not None:
        raise BadRepeat(sentence)
    text: str = value["$repeat"]
    return text * int(value["$times"])


def _repeat_flaw(value: dict[str, Any]) -> str | None:
    if value.keys() != {"$repeat", "$times"}:
        return "$repeat stands with $times, and with nothing else"
    text, times = value["$repeat"], value["$times"]
    if not isinstance(text, str):
        return f"$repeat takes a string, not {as_json(text)}"
    if not is_integer(times) or not 0 <= times <= MOST_CHARACTERS:
        return f"$times takes a number from 0 to {MOST_CHARACTERS}, not {as_json(times)}"
    if len(text) * times > MOST_CHARACTERS:
        return f"$repeat makes {len(text) * int(times)} characters; {MOST_CHARACTERS} are allowed"
    return None


def _is_open(value: dict[str, Any]) -> bool:
    return any(names_in(item) for item in value.values())
