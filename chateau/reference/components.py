"""The schemas as parts of one document: each under a unique name, with references that stay inside.

A file's ``common.json#/$defs/room`` becomes ``#/components/schemas/chateau.common.room``. A schema loses the
address that it had as a file. Its title becomes unique, since generators name types by it: each protocol has
an ``Error (response)``.
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
    """Return what the schema *name* is for: one of KINDS, or empty if it is not a message."""
    kind = name.rpartition("-")[2]
    return kind if kind in KINDS else ""


def messages_of(schemas: Schemas, protocol: str) -> dict[str, Any]:
    """Return the messages of *protocol*, by the names of their files."""
    folder = f"{protocol}/"
    names = (path.removeprefix(folder) for path in schemas if path.startswith(folder))
    return {name: schemas[folder + name] for name in names if kind_of(name)}


def components(schemas: Schemas, protocol: str) -> dict[str, Any]:
    """Return the schemas of *protocol*, with the shared parts, by their names below :data:`PLACE`."""
    parts: dict[str, Any] = {}
    for path, schema in schemas.items():
        folder, _, name = path.rpartition("/")
        if folder != protocol:
            continue
        if kind_of(name):
            parts[f"{protocol}.{name}"] = _relocated(schema, protocol, name)
        for part, inner in schema.get("$defs", {}).items():
            parts[f"{protocol}.{name}.{part}"] = _relocated(inner, protocol, name)
    for name, part in parts.items():
        part.pop("title", None)
        parts[name] = {"title": type_name(name), **part}
    return parts


def type_name(name: str) -> str:
    """Return *name* in the form of a type's name: ``ChateauJoinRequest``."""
    return "".join(word[0].upper() + word[1:] for word in re.findall("[A-Za-z0-9]+", name))


def reference_to(protocol: str, name: str) -> dict[str, str]:
    """Return a reference to the schema *name* of *protocol*."""
    return {"$ref": f"{PLACE}{protocol}.{name}"}


def _relocated(value: Any, protocol: str, name: str) -> Any:
    """Return *value*, a schema or a list of schemas in the file *name*, as it stands in the document."""
    if isinstance(value, list):
        return [_relocated(inner, protocol, name) for inner in value]
    if not isinstance(value, dict):
        return value
    relocated = dict(value)
    for keyword, inner in value.items():
        if keyword in _OF_A_FILE:
            del relocated[keyword]
        elif keyword == "$ref":
            relocated[keyword] = _reference(inner, protocol, name)
        elif keyword in _BY_NAME:
            relocated[keyword] = {key: _relocated(each, protocol, name) for key, each in inner.items()}
        elif keyword not in _LITERAL:
            relocated[keyword] = _relocated(inner, protocol, name)
    return relocated


def _reference(reference: str, protocol: str, name: str) -> str:
    file, _, place = reference.partition("#")
    target = f"{PLACE}{protocol}.{file.removesuffix('.json') or name}"
    return f"{target}.{place.removeprefix('/$defs/')}" if place.startswith("/$defs/") else target + place
