"""SchemaSet: the JSON Schemas of a protocol, compiled once, and the explanation of invalid messages.

jsonschema-rs decides whether a message is valid (0.3 µs for a valid message, jsonschema takes 40). jsonschema
explains an invalid one, because it picks the most relevant error. A test checks that both always agree. Long
messages are explained by jsonschema-rs: jsonschema takes 15 µs per item of a list, and a list can be as long
as a frame.
"""

from __future__ import annotations

import json
from functools import cache, cached_property, reduce
from itertools import islice
from operator import getitem
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

from chateau.hub.errors import quoted
from chateau.protocols.errors import InvalidMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

REFERENCE_LENGTH = 4096
"""Maximum length of a message that jsonschema explains; jsonschema-rs explains longer ones."""

EXPLAINED_LEVELS = 8
"""Levels of a message that are explained: neither validator can handle a value 1,000 levels deep."""

ERRORS_COMPARED = 20
"""Number of errors that the most relevant one is picked from."""


def schemas_folder() -> Path:
    """Return the folder ``schemas/``: inside an installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "schemas"
    return installed if installed.is_dir() else package.parent / "schemas"


@cache
def compiled_schemas(folder: Path, url: str) -> SchemaSet:
    """Return the schemas in *folder*, compiled once per process; *url* as for :class:`SchemaSet`."""
    return SchemaSet(folder, url=url)


class SchemaSet:
    """The schemas in *folder*, which this server serves at *url*."""

    def __init__(self, folder: Path, *, url: str) -> None:
        self._url = url
        self.schemas: dict[str, Any] = {
            path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))
        }
        shared = jsonschema_rs.Registry([(schema["$id"], schema) for schema in self.schemas.values()])
        self._validators = {
            name: jsonschema_rs.Draft202012Validator(schema, registry=shared)
            for name, schema in self.schemas.items()
        }

    def validator(self, name: str) -> Callable[[object], bool]:
        """Return the function that validates a message by the schema *name*."""
        return self._validators[name].is_valid

    def check(self, name: str, message: dict[str, Any], text: str) -> None:
        """Check that *message*, decoded from *text*, is valid by the schema *name*.

        Raises:
            InvalidMessage.
        """
        if not self._validators[name].is_valid(message):
            raise self.validation_error(name, message, text)

    def reference(self, name: str) -> Draft202012Validator:
        """Return jsonschema's validator for the schema *name*."""
        return Draft202012Validator(self.schemas[name], registry=self._registry)

    @cached_property
    def _registry(self) -> Registry[Any]:
        resources = [(schema["$id"], Resource.from_contents(schema)) for schema in self.schemas.values()]
        return Registry[Any]().with_resources(resources)

    def validation_error(self, name: str, message: dict[str, Any], text: str) -> InvalidMessage:
        """Return the error for *message*, decoded from *text*, which is invalid by the schema *name*."""
        if text.count("[") + text.count("{") > EXPLAINED_LEVELS:
            message = _shallow(message, EXPLAINED_LEVELS)
        find = self._best_fault if len(text) <= REFERENCE_LENGTH else self._first_fault
        fault = find(name, message)
        path = fault.path
        if fault.keyword == "additionalProperties":
            path = [*path, _surplus(fault)]
        return self.validation_error_at(
            name, path, _SENTENCES.get(fault.keyword, _other)(_place(path), fault)
        )

    def validation_error_at(self, name: str, path: Sequence[str | int], sentence: str) -> InvalidMessage:
        """Return the error *sentence* about the value at *path* of a message of the schema *name*."""
        return InvalidMessage(sentence, path=pointer(path), schema=f"{self._url}/{name}.json")

    def _best_fault(self, name: str, message: object) -> _Fault:
        """Return the error that jsonschema considers most relevant."""
        error = best_match(islice(self.reference(name).iter_errors(message), ERRORS_COMPARED))
        assert error is not None, f"jsonschema finds nothing wrong by {name}: {message}"
        error = error.parent or error  # if none of several forms matches, do not guess which one was meant
        return _Fault(list(error.absolute_path), str(error.validator), error.schema, error.instance)

    def _first_fault(self, name: str, message: object) -> _Fault:
        """Return the first error that jsonschema-rs finds."""
        try:
            self._validators[name].validate(message)
        except jsonschema_rs.ValidationError as error:
            schema, keyword = self._located(str(error.absolute_keyword_location))
            return _Fault(error.instance_path, keyword, schema, error.instance)
        raise AssertionError(f"jsonschema-rs finds nothing wrong by {name}: {message}")

    def _located(self, location: str) -> tuple[Any, str]:
        """Return the (sub)schema and the keyword that the URL *location* points to."""
        url, _, place = location.partition("#")
        *steps, keyword = place.split("/")[1:]
        return reduce(getitem, steps, self.schemas[PurePosixPath(url).stem]), keyword


class _Fault(NamedTuple):
    """*instance*, at *path* of the message, violates the *keyword* of *schema*."""

    path: Sequence[str | int]
    keyword: str
    schema: Any
    instance: Any

    @property
    def limit(self) -> Any:
        return self.schema[self.keyword]


def pointer(path: Iterable[str | int]) -> str:
    """Return *path* as a JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _shallow(value: Any, levels: int) -> Any:
    """Return *value* with all containers emptied that are more than *levels* deep."""
    if isinstance(value, dict):
        return {key: _shallow(inner, levels - 1) for key, inner in value.items()} if levels else {}
    if isinstance(value, list):
        return [_shallow(inner, levels - 1) for inner in value] if levels else []
    return value


def _place(path: Sequence[str | int]) -> str:
    return quoted("/".join(map(str, path))) if path else "the message"


def _surplus(fault: _Fault) -> str:
    allowed: Mapping[str, Any] = fault.schema["properties"]
    return str(next(key for key in fault.instance if key not in allowed))


def _missing(fault: _Fault) -> str:
    return str(next(key for key in fault.limit if key not in fault.instance))


def _description(fault: _Fault) -> str:
    return str(fault.schema.get("description", "The schema has the details."))


def _other(place: str, fault: _Fault) -> str:
    return f"{place} violates the keyword {quoted(fault.keyword)} of the schema."


_SENTENCES: dict[str, Callable[[str, _Fault], str]] = {
    "required": lambda place, fault: f"{quoted(_missing(fault))} is missing from {place}.",
    "additionalProperties": lambda place, fault: (
        f"{place} is not a key of this message; its keys are {', '.join(fault.schema['properties'])}."
    ),
    "type": lambda place, fault: f"{place} must be of the type {fault.limit}.",
    "minLength": lambda place, fault: f"{place} must have at least {fault.limit} character(s).",
    "maxLength": lambda place, fault: (
        f"{place} must have at most {fault.limit} characters; it has {len(fault.instance)}."
    ),
    "minItems": lambda place, fault: f"{place} must have at least {fault.limit} item(s).",
    "maxItems": lambda place, fault: (
        f"{place} must have at most {fault.limit} items; it has {len(fault.instance)}."
    ),
    "minimum": lambda place, fault: f"{place} must be at least {fault.limit}.",
    "maximum": lambda place, fault: f"{place} must be at most {fault.limit}.",
    "pattern": lambda place, fault: f"{place} does not match the required format. {_description(fault)}",
    "enum": lambda place, fault: f"{place} must be one of {', '.join(map(str, fault.limit))}.",
    "anyOf": lambda place, fault: f"{place} matches none of the allowed forms. {_description(fault)}",
}
