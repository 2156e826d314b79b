"""The fields of a message in words: what a schema asks for, as rows of a table.

References to shared parts are followed; what is inside of objects and arrays gets rows of its own, called
by the way to it: ``d.content``, ``messages[].seq``, ``clients.*.ip`` for the values of a map.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chateau.reference.pages.model import Block, Code, Paragraph, Piece, Table, Text, joined

if TYPE_CHECKING:
    from chateau.reference.specifications.components import Schemas

Schema = dict[str, Any]

HEAD = ("field", "required", "type", "what it is")
WHOLE = "the whole"

_TYPES = {"boolean": "true or false"}
_PLURALS = {"string": "strings", "integer": "integers", "number": "numbers", "object": "objects"}
_RANGES = (
    ("minLength", "maxLength", "characters"),
    ("minimum", "maximum", ""),
    ("minItems", "maxItems", "items"),
)
_LONG = "^" * 50  # a pattern of so many characters tells people nothing that its description does not
_LARGEST = 2**53 - 1
_TO_THE_LAST = r"(?!\n)"  # what a pattern of ours ends with, for readers whose $ lets a line's end pass


def fields(schemas: Schemas, path: str) -> tuple[Block, ...]:
    """What the message *path* holds, told in full."""
    reader = _Reader(schemas, path.rpartition("/")[0])
    schema = reader.resolved(schemas[path])
    rows = tuple(reader.rows(schema, "", required=True))
    conditions = tuple(Paragraph(condition) for condition in _conditions(schema))
    return (Table(HEAD, rows), *conditions) if rows else conditions


class _Reader:
    """Reads the schemas of one *folder*."""

    def __init__(self, schemas: Schemas, folder: str) -> None:
        self._schemas = schemas
        self._folder = folder

    def resolved(self, schema: Schema) -> Schema:
        """*schema*, with what it refers to below what it says itself."""
        reference = schema.get("$ref")
        if reference is None:
            return schema
        file, _, place = str(reference).partition("#/$defs/")
        shared = self._schemas[f"{self._folder}/{file.removesuffix('.json') or 'common'}"]["$defs"][place]
        return self.resolved(shared) | {key: value for key, value in schema.items() if key != "$ref"}

    def rows(self, schema: Schema, name: str, *, required: bool) -> Iterator[tuple[Text, ...]]:
        """The row of *name*, and those of all that is inside it."""
        schema = self.resolved(schema)
        if name or "properties" not in schema:
            yield self._row(schema, name, required=required)
        for inner, within, is_required in self._inside(schema):
            way = inner if inner == "[]" or not name else f".{inner}"
            yield from self.rows(within, name + way, required=is_required)

    def _row(self, schema: Schema, name: str, *, required: bool) -> tuple[Text, ...]:
        about = joined([_described(schema), self._limits(schema)], " ")
        return ((Code(name),) if name else WHOLE, "yes" if required else "no", self._type(schema), about)

    def _inside(self, schema: Schema) -> Iterator[tuple[str, Schema, bool]]:
        needed = schema.get("required", ())
        for name, inner in schema.get("properties", {}).items():
            yield name, inner, name in needed
        values, items = schema.get("additionalProperties"), schema.get("items")
        if isinstance(values, dict):
            yield "*", values, False
        if isinstance(items, dict) and self._holds_more(items):
            yield "[]", items, True
        for form in schema.get("anyOf", ()):
            yield from self._inside(self.resolved(form))

    def _holds_more(self, items: Schema) -> bool:
        """Whether the items of an array say more than their type does."""
        return bool({"properties", "anyOf", "description", "items"} & self.resolved(items).keys())

    def _type(self, schema: Schema) -> Text:
        if "const" in schema:
            return ("always ", _value(schema["const"]))
        if "enum" in schema:
            return ("one of ", *_values(schema["enum"]))
        if "anyOf" in schema:
            return self._forms(schema["anyOf"])
        types = schema.get("type", "any JSON")
        if types == "array":
            return self._array(self.resolved(schema.get("items", {})))
        listed: list[str] = types if isinstance(types, list) else [types]
        return " or ".join(_TYPES.get(type_, type_) for type_ in listed)

    def _array(self, items: Schema) -> Text:
        if "enum" in items:
            return ("array of ", *_values(items["enum"]))
        return f"array of {_PLURALS.get(items.get('type', ''), 'values')}"

    def _forms(self, forms: list[Schema]) -> Text:
        told: list[Text] = []
        for form in map(self.resolved, forms):
            keys = form.get("required")
            kind: Text = ("object with ", *_names(keys)) if keys else self._type(form)
            told.append(joined([kind, self._limits(form)], " "))
        return joined(told, ", or ")

    def _limits(self, schema: Schema) -> Text:
        """How long, how many, how large, written how, and what it is where it is left out."""
        told: list[Text] = [
            _range(_bound(schema, low), _bound(schema, high), unit) for low, high, unit in _RANGES
        ]
        if len(schema.get("pattern", _LONG)) < len(_LONG):
            told.append(("written as ", Code(schema["pattern"].removesuffix(_TO_THE_LAST))))
        if "default" in schema:
            told.append((_value(schema["default"]), " where it is left out"))
        limits = joined(told, ", ")
        return ("(", *limits, ")") if limits else ""


def _bound(schema: Schema, name: str) -> int | None:
    """The bound *name*, unless it is only how far integers go that every reader of JSON agrees on."""
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
    """What *schema* says of itself, unless it is that it always is what it always is."""
    says = str(schema.get("description", ""))
    return "" if says == f"Always {schema.get('const')}." else says


def _value(value: Any) -> Code:
    return Code(json.dumps(value, ensure_ascii=False))


def _values(values: list[Any]) -> Text:
    return joined([(_value(value),) for value in values], ", ")


def _names(names: list[str]) -> Text:
    return joined([(Code(name),) for name in names], ", ")


def _conditions(schema: Schema) -> Iterator[Text]:
    """In words, what fields another field's value asks for or shuts out."""
    for part in (schema, *schema.get("allOf", ()), *schema.get("properties", {}).values()):
        always = part.get("required", schema.get("required", ()))
        needed = [key for key in part.get("then", {}).get("required", ()) if key not in always]
        others = part.get("else", {}).get("properties", {})
        shut_out = [key for key, allowed in others.items() if allowed is False]
        for name, value in part.get("if", {}).get("properties", {}).items():
            if "const" in value and needed:
                yield _condition(name, value["const"], needed, shut_out)


def _condition(name: str, value: Any, needed: list[str], shut_out: list[str]) -> Text:
    where: tuple[Piece, ...] = ("Where ", Code(name), " is ", _value(value), ", ")
    there = (*where, *_names(needed), f" {_are(needed)} there")
    if not shut_out:
        return (*there, ".")
    return (*there, "; ", *_names(shut_out), f" {_are(shut_out)} nowhere else.")


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
