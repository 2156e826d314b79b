"""Rules from a file, whose form schemas/proxy-rules.json describes."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from chateau.client import strict_json
from chateau.client.paths import schemas_folder
from chateau.client.proxy.frame import DATA, Kind, Speech, Way
from chateau.client.proxy.rule import Cut, Do, Ending, Rule, When

SCHEMA = "proxy-rules.json"
BOTH = "both"


class RulesError(Exception):
    """A rules file cannot be read, or is wrong; the text names it, and the place."""


def read_rules(name: str) -> list[Rule]:
    """The rules in the file *name*.

    Raises:
        RulesError: it cannot be read, or is wrong.
    """
    try:
        return rules(strict_json.decode(Path(name).read_text("utf-8-sig")))
    except json.JSONDecodeError as exc:
        raise RulesError(f"{name}, line {exc.lineno}, column {exc.colno}: not JSON: {exc.msg}") from exc
    except UnicodeDecodeError as exc:
        raise RulesError(f"{name}, byte {exc.start}: not UTF-8") from exc
    except OSError as exc:
        raise RulesError(f"{name}: {exc.strerror}") from exc
    except ValueError as exc:  # from open(), a name with a zero byte
        raise RulesError(f"{name!r} is no name of a file: {exc}") from exc
    except RulesError as exc:
        raise RulesError(f"{name}, {exc}") from exc


def rules(value: Any) -> list[Rule]:
    """The rules that *value* is, read from JSON.

    Raises:
        RulesError: it breaks the schema, or has a pattern that is none.
    """
    schema = json.loads((schemas_folder() / SCHEMA).read_bytes())
    error = best_match(Draft202012Validator(schema).iter_errors(value))
    if error is not None:
        raise RulesError(f"{_place(error.absolute_path)}: {error.message}")
    return [_rule(number, one) for number, one in enumerate(value)]


def _rule(number: int, one: dict[str, Any]) -> Rule:
    return Rule(_when(number, one.get("when", {})), _do(one["do"]), one.get("probability", 1.0))


def _when(number: int, when: dict[str, Any]) -> When:
    way, speech = when.get("direction", BOTH), when.get("protocol")
    return When(
        way=None if way == BOTH else Way(way),
        connection=when.get("connection"),
        speech=Speech(speech) if speech else None,
        kinds=_kinds(when.get("opcode")),
        payload=_pattern(number, when.get("payload")),
        value=when.get("json"),
        nth=when.get("nth"),
        from_nth=when.get("from_nth"),
        to_nth=when.get("to_nth"),
    )


def _kinds(opcode: str | list[str] | None) -> frozenset[Kind]:
    match opcode:
        case None:
            return DATA
        case "any":
            return frozenset(Kind)
        case str():
            return frozenset({Kind(opcode)})
    return frozenset(map(Kind, opcode))


def _pattern(number: int, pattern: str | None) -> re.Pattern[str] | None:
    try:
        return None if pattern is None else re.compile(pattern)
    except re.error as exc:
        raise RulesError(f"{_place((number, 'when', 'payload'))}: not a regular expression: {exc}") from exc


def _do(do: dict[str, Any]) -> Do:
    """JSON Schema has 2.0 for an integer, too."""
    ending = next((ending for ending in Ending if ending in do), None)
    return Do(
        drop="drop" in do,
        delay_seconds=do.get("delay", 0.0),
        jitter_seconds=do.get("jitter", 0.0),
        copies=int(do.get("duplicate", 1)),
        overtaken_by=int(do.get("reorder", 0)),
        cut=_cut(do.get("cut")),
        joined=int(do.get("join", 1)),
        ending=ending,
        code=int(do.get("close", 1000)),
    )


def _cut(cut: Any) -> Cut | int | tuple[int, ...] | None:
    match cut:
        case None:
            return None
        case str():
            return Cut(cut)
        case list():
            return tuple(map(int, cut))
    return int(cut)


def _place(path: Iterable[Any]) -> str:
    """RFC 6901; a rule is counted from 0, as JSON Pointers do."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in steps) or "the top"
