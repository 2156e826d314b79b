"""jsonschema, the reference implementation, as the measure of the server's validation and of its errors.

The server uses jsonschema-rs. The relevance of errors is that of ``jsonschema.exceptions.best_match``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from referencing import Registry, Resource

from chateau.protocols.schemas import SchemaSet, pointer


@cache
def reference(schemas: SchemaSet, name: str) -> Draft202012Validator:
    """Return jsonschema's validator for the schema *name* of *schemas*."""
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in schemas.schemas.values()]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(schemas.schemas[name], registry=registry)


MARKS = {
    "required": "is missing from",
    "additionalProperties": "is not a key of this message",
    "type": "must be of the type",
    "const": "must be",
    "minLength": "must have at least",
    "maxLength": "must have at most",
    "minItems": "must have at least",
    "maxItems": "must have at most",
    "minimum": "must be at least",
    "maximum": "must be at most",
    "pattern": "does not match the required format",
    "enum": "must be one of",
    "anyOf": "matches none of the allowed forms",
}
"""A part of the server's sentence for each keyword; other keywords are named."""


class ReferenceFault(NamedTuple):
    """The error that best_match picks: the *path* that the server's error has to have, and the keyword."""

    path: str
    keyword: str

    @property
    def mark(self) -> str:
        """The part of the server's sentence that the keyword requires."""
        return MARKS.get(self.keyword, f'violates the keyword "{self.keyword}"')


def reference_fault(validator: Draft202012Validator, message: Any) -> ReferenceFault | None:
    """Return the fault that the server has to report in *message*, which is invalid.

    Of several invalid items in a list, or values in a map, it is the first one; best_match takes the last.
    Return None where the two differ on purpose, which only schemas with a condition allow: jsonschema reports
    a key that must be absent without its path, and prefers a fault by the condition to the schema's own.
    """
    errors = list(validator.iter_errors(message))
    if any(error.validator is None or "then" in error.absolute_schema_path for error in errors):
        return None
    error = best_match(iter(_first_of_each_list(errors, message)))
    assert error is not None, f"jsonschema finds nothing wrong: {message}"
    while error.parent is not None:  # it goes into alternatives, and guesses which one was meant
        error = error.parent
    path = list(error.absolute_path)
    if error.validator == "additionalProperties":
        path.append(next(key for key in error.instance if key not in error.schema["properties"]))
    keyword = "propertyNames" if "propertyNames" in error.absolute_schema_path else error.validator
    return ReferenceFault(pointer(path), str(keyword))


def _first_of_each_list(errors: list[ValidationError], message: Any) -> list[ValidationError]:
    """Return *errors* without those in items of a list, or values of a map, that follow an invalid one."""
    firsts: dict[tuple[Any, ...], int] = {}
    for error in errors:
        for path, place in _places(error, message):
            firsts[path] = min(place, firsts.get(path, place))
    return [error for error in errors if all(firsts[path] == at for path, at in _places(error, message))]


def _places(error: ValidationError, message: Any) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Yield the path of each list and map that *error* is in, with the place of the item or value in it."""
    path, container = tuple(error.absolute_path), message
    for depth, applied in enumerate(_applied(error)):
        if applied != "properties":
            yield path[:depth], path[depth] if applied == "items" else list(container).index(path[depth])
        container = container[path[depth]]


def _applied(error: ValidationError) -> Iterator[str]:
    """Yield the keyword that applied a schema to each value on the path of *error*."""
    *steps, _ = error.absolute_schema_path
    while steps:
        step = steps.pop(0)
        if step in ("properties", "items", "additionalProperties"):
            yield step
        if step in ("properties", "allOf"):
            steps.pop(0)  # the key, or the number of the alternative
