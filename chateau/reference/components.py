"""The schemas as parts of one document: each under a name of its own, with references that stay inside.

A file's ``common.json#/$defs/room`` becomes ``#/components/schemas/chateau.common.room``. What a schema
asks for is left alone; it loses the address that it had as a file, and its title becomes one that no other
has, since generators name types by it: each protocol has an ``Error (answer)``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Schemas = Mapping[str, Any]
"""Schemas by their paths below schemas/, without the ending."""

PLACE = "#/components/schemas/"
KINDS = ("request", "response", "push")

_OF_A_FILE = {"$schema", "$id", "$defs"}
_LITERAL = {"const", "default", "enum", "examples"}
_BY_NAME = {"properties", "patternProperties", "dependentSchemas"}


def kind_of(name: str) -> str:
    """What the schema *name* is for: one of KINDS, or empty where it is no message."""
    kind = name.rpartition("-")[2]
    return kind if kind in KINDS else ""


def messages_of(schemas: Schemas, protocol: str) -> dict[str, Any]:
    """The messages of *protocol*, by the names of their files."""
    folder = f"{protocol}/"
    names = (path.removeprefix(folder) for path in schemas if path.startswith(folder))
    return {name: schemas[folder + name] for name in names if kind_of(name)}


def components(schemas: Schemas, protocol: str) -> dict[str, Any]:
    """The schemas of *protocol*, the shared parts too, by the names that :data:`PLACE` goes before."""
    parts: dict[str, Any] = {}
    for path, schema in schemas.items():
        folder, _, name = path.rpartition("/")
        if folder != protocol:
            continue
        if kind_of(name):
            parts[f"{protocol}.{name}"] = _moved(schema, protocol, name)
        for part, inner in schema.get("$defs", {}).items():
            parts[f"{protocol}.{name}.{part}"] = _moved(inner, protocol, name)
    return {name: {"title": type_name(name)} | _untitled(schema) for name, schema in parts.items()}


def type_name(name: str) -> str:
    """*name* as a programmer would write a type's: ``ChateauJoinRequest``."""
    return "".join(word[0].upper() + word[1:] for word in re.findall("[A-Za-z0-9]+", name))


def reference_to(protocol: str, name: str) -> dict[str, str]:
    """A reference to the schema *name* of *protocol*."""
    return {"$ref": f"{PLACE}{protocol}.{name}"}


def _untitled(schema: Any) -> dict[str, Any]:
    return {keyword: value for keyword, value in schema.items() if keyword != "title"}


def _moved(schema: Any, protocol: str, name: str) -> Any:
    """*schema*, out of the file *name*, as it stands in the document."""
    if isinstance(schema, list):
        return [_moved(inner, protocol, name) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        keyword: _moved_value(keyword, value, protocol, name)
        for keyword, value in schema.items()
        if keyword not in _OF_A_FILE
    }


def _moved_value(keyword: str, value: Any, protocol: str, name: str) -> Any:
    if keyword in _LITERAL:
        return value
    if keyword == "$ref":
        return _moved_reference(value, protocol, name)
    if keyword in _BY_NAME:
        return {key: _moved(inner, protocol, name) for key, inner in value.items()}
    return _moved(value, protocol, name)


def _moved_reference(reference: str, protocol: str, name: str) -> str:
    file, _, place = reference.partition("#")
    target = f"{PLACE}{protocol}.{file.removesuffix('.json') or name}"
    return f"{target}.{place.removeprefix('/$defs/')}" if place.startswith("/$defs/") else target + place
