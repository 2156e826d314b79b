"""The fields of a message as rows of a table, from its schema.

References to shared definitions are followed. Fields inside objects and arrays have rows named by their path:
``d.content``, ``messages[].seq``, ``clients.*.ip`` for the values of a map.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from chateau.reference.markdown import blocks, code, escape, table

if TYPE_CHECKING:
    from chateau.reference.components import Schemas

Schema = dict[str, Any]

HEAD = ("field", "required", "type", "description")
WHOLE = "message"

_TYPES = {"boolean": "true or false"}
_PLURALS = {"string": "strings", "integer": "integers", "number": "numbers", "object": "objects"}
_RANGES = (
    ("minLength", "maxLength", "characters"),
    ("minimum", "maximum", ""),
    ("minItems", "maxItems", "items"),
)
_LONG = "^" * 50  # a longer pattern is left out: its description is easier to read
_LARGEST = 2**53 - 1
_TO_THE_LAST = (
    r"(?!\n)"  # the end of our patterns, for regex engines in which $ also matches before a final newline
)


def fields(schemas: Schemas, path: str) -> str:
    """Return the fields of the message *path* as a table, and the conditions between them."""
    reader = _Reader(schemas, path.rpartition("/")[0])
    schema = reader.resolved(schemas[path])
    rows = list(reader.rows(schema, "", required=True))
    return blocks(table(HEAD, rows) if rows else "", *_conditions(schema))


class _Reader:
    """Reads the schemas of one *folder*."""

    def __init__(self, schemas: Schemas, folder: str) -> None:
        self._schemas = schemas
        self._folder = folder

    def resolved(self, schema: Schema) -> Schema:
        """Return *schema* merged over the schema that it refers to."""
        reference = schema.get("$ref")
        if reference is None:
            return schema
        file, _, part = str(reference).partition("#/$defs/")
        shared = self._schemas[f"{self._folder}/{file.removesuffix('.json') or 'common'}"]["$defs"][part]
        return self.resolved(shared) | {key: value for key, value in schema.items() if key != "$ref"}

    def rows(self, schema: Schema, name: str, *, required: bool) -> Iterator[tuple[str, ...]]:
        """Yield the row of *name*, and those of the fields inside it."""
        schema = self.resolved(schema)
        if name or "properties" not in schema:
            yield self._row(schema, name, required=required)
        for inner, within, is_required in self._inside(schema):
            path = inner if inner == "[]" or not name else f".{inner}"
            yield from self.rows(within, name + path, required=is_required)

    def _row(self, schema: Schema, name: str, *, required: bool) -> tuple[str, ...]:
        about = _joined([escape(_described(schema)), self._limits(schema)], " ")
        return code(name) if name else WHOLE, "yes" if required else "no", self._type(schema), about

    def _inside(self, schema: Schema) -> Iterator[tuple[str, Schema, bool]]:
        needed = schema.get("required", ())
        for name, inner in schema.get("properties", {}).items():
            yield name, inner, name in needed
        values, items = schema.get("additionalProperties"), schema.get("items")
        if isinstance(values, dict):
            yield "*", values, False
        if (
            isinstance(items, dict)
            and {"properties", "anyOf", "description", "items"} & self.resolved(items).keys()
        ):
            yield "[]", items, True
        for form in schema.get("anyOf", ()):
            yield from self._inside(self.resolved(form))

    def _type(self, schema: Schema) -> str:
        if "const" in schema:
            return f"always {_value(schema['const'])}"
        if "enum" in schema:
            return f"one of {_values(schema['enum'])}"
        if "anyOf" in schema:
            return self._forms(schema["anyOf"])
        types = schema.get("type", "any JSON")
        if types == "array":
            return self._array(self.resolved(schema.get("items", {})))
        listed: list[str] = types if isinstance(types, list) else [types]
        return " or ".join(_TYPES.get(type_, type_) for type_ in listed)

    def _array(self, items: Schema) -> str:
        if "enum" in items:
            return f"array of {_values(items['enum'])}"
        return f"array of {_PLURALS.get(items.get('type', ''), 'values')}"

    def _forms(self, forms: list[Schema]) -> str:
        shown = []
        for form in map(self.resolved, forms):
            keys = form.get("required")
            kind = f"object with {_names(keys)}" if keys else self._type(form)
            shown.append(_joined([kind, self._limits(form)], " "))
        return _joined(shown, ", or ")

    def _limits(self, schema: Schema) -> str:
        """Return the lengths, counts, range, pattern and default of *schema*."""
        limits = [_range(_bound(schema, low), _bound(schema, high), unit) for low, high, unit in _RANGES]
        if len(schema.get("pattern", _LONG)) < len(_LONG):
            limits.append(f"pattern {code(schema['pattern'].removesuffix(_TO_THE_LAST))}")
        if "default" in schema:
            limits.append(f"default {_value(schema['default'])}")
        joined = _joined(limits, ", ")
        return f"({joined})" if joined else ""


def _joined(texts: Iterable[str], separator: str) -> str:
    return separator.join(text for text in texts if text)


def _bound(schema: Schema, name: str) -> int | None:
    """Return the bound *name*, unless it is the largest integer that every JSON reader represents exactly."""
    bound: int | None = schema.get(name)
    return None if bound is None or abs(bound) == _LARGEST else bound


def _range(low: int | None, high: int | None, unit: str) -> str:
    match low, high:
        case None, None:
            return ""
        case None, _:
            span = f"at most {high:,}"
        case _, None:
            span = f"at least {low:,}"
        case _:
            span = f"{low:,} to {high:,}"
    return f"{span} {unit[:-1] if span.endswith(' 1') else unit}".rstrip()


def _described(schema: Schema) -> str:
    """Return the description of *schema*, unless it only repeats its constant."""
    description = str(schema.get("description", ""))
    return "" if description == f"Always {schema.get('const')}." else description


def _value(value: Any) -> str:
    return code(json.dumps(value, ensure_ascii=False))


def _values(values: list[Any]) -> str:
    return ", ".join(map(_value, values))


def _names(names: list[str]) -> str:
    return ", ".join(map(code, names))


def _conditions(schema: Schema) -> Iterator[str]:
    """Yield in words which fields the value of another field requires or excludes."""
    for part in (schema, *schema.get("allOf", ()), *schema.get("properties", {}).values()):
        always = part.get("required", schema.get("required", ()))
        needed = [key for key in part.get("then", {}).get("required", ()) if key not in always]
        others = part.get("else", {}).get("properties", {})
        excluded = [key for key, allowed in others.items() if allowed is False]
        for name, value in part.get("if", {}).get("properties", {}).items():
            if "const" in value and needed:
                start = (
                    f"If {code(name)} is {_value(value['const'])}, {_names(needed)} {_are(needed)} required"
                )
                yield (
                    f"{start}; otherwise {_names(excluded)} {_are(excluded)} absent."
                    if excluded
                    else f"{start}."
                )


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
