"""The contract: a protocol's JSON Schemas, compiled once, and the sentence for what breaks them.

Validity is jsonschema-rs's verdict (0.4 µs for a valid message, jsonschema takes 30). Why a message is
not valid is said by jsonschema, the reference, which picks the error that says it best; a test holds
the two to one verdict. What is long is explained by jsonschema-rs too: the reference takes 15 µs for
each item of a list, and a list can be as long as a frame.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

from chateau.hub.errors import quoted
from chateau.protocols.errors import InvalidMessage
from chateau.protocols.json_text import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

REFERENCE_LIMIT = 4096
"""Bytes of a message, as JSON, that jsonschema explains; longer ones are explained by jsonschema-rs."""

ERRORS_COMPARED = 20
"""Errors that the best one is picked from."""


class Contract:
    """The schemas in *folder*; *url* is where this server shows that folder."""

    def __init__(self, folder: Path, *, url: str) -> None:
        self._url = url
        self.schemas: dict[str, Any] = {
            path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))
        }
        self._registry = Registry[Any]().with_resources(
            (schema["$id"], Resource.from_contents(schema)) for schema in self.schemas.values()
        )
        self._rs_registry = jsonschema_rs.Registry(
            [(schema["$id"], schema) for schema in self.schemas.values()]
        )

    def validator(self, name: str) -> Callable[[object], bool]:
        """The check of a message against the schema *name*."""
        return self._rs(name).is_valid

    def reference(self, name: str) -> Draft202012Validator:
        """The same by jsonschema, for a second opinion."""
        return Draft202012Validator(self.schemas[name], registry=self._registry)

    def fault(self, name: str, message: dict[str, Any]) -> InvalidMessage:
        """What is wrong with *message*, which the schema *name* does not allow."""
        if len(encode(message)) > REFERENCE_LIMIT:
            return self._fault_in_long(name, message)
        error = best_match(islice(self.reference(name).iter_errors(message), ERRORS_COMPARED))
        assert error is not None, f"jsonschema finds nothing wrong by {name}: {message}"
        error = error.parent or error  # of several forms none fits: which one was meant is a guess
        explain = _SENTENCES.get(error.validator, _other)
        path = list(error.absolute_path)
        if error.validator == "additionalProperties":
            path.append(_surplus(error))
        return self.fault_at(name, path, explain(_place(path), error))

    def fault_at(self, name: str, path: Sequence[str | int], sentence: str) -> InvalidMessage:
        """A fault at *path* of a message that the schema *name* is for, told by *sentence*."""
        return InvalidMessage(sentence, path=pointer(path), schema=f"{self._url}/{name}.json")

    def _fault_in_long(self, name: str, message: object) -> InvalidMessage:
        error = next(self._masked(name).iter_errors(message))
        place = _place(error.instance_path)
        return self.fault_at(name, error.instance_path, error.message.replace(_MASK, place, 1)[:300])

    def _rs(self, name: str, **options: Any) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator(self.schemas[name], registry=self._rs_registry, **options)

    @cache  # noqa: B019 - a contract lives as long as the server
    def _masked(self, name: str) -> jsonschema_rs.Draft202012Validator:
        return self._rs(name, mask=_MASK)


def pointer(path: Iterable[str | int]) -> str:
    """*path* as a JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


_MASK = "\0"  # stands for the faulty value in what jsonschema-rs says; no schema holds it


def _place(path: Sequence[str | int]) -> str:
    return quoted("/".join(map(str, path))) if path else "the message"


def _surplus(error: Any) -> str:
    allowed: Mapping[str, Any] = error.schema["properties"]
    return str(next(key for key in error.instance if key not in allowed))


def _missing(error: Any) -> str:
    return str(next(key for key in error.validator_value if key not in error.instance))


def _other(place: str, error: Any) -> str:
    return f"{place} does not keep to the schema's {quoted(str(error.validator))}."


def _description(error: Any) -> str:
    return str(error.schema.get("description", "The schema says more."))


_SENTENCES: dict[str, Callable[[str, Any], str]] = {
    "required": lambda place, error: f"{quoted(_missing(error))} is missing from {place}.",
    "additionalProperties": lambda place, error: (
        f"{place} is not a key of this message; its keys are {', '.join(error.schema['properties'])}."
    ),
    "type": lambda place, error: f"{place} must be of the type {error.validator_value}.",
    "minLength": lambda place, error: f"{place} must have at least {error.validator_value} character(s).",
    "maxLength": lambda place, error: (
        f"{place} must have at most {error.validator_value} characters; it has {len(error.instance)}."
    ),
    "minItems": lambda place, error: f"{place} must have at least {error.validator_value} item(s).",
    "maxItems": lambda place, error: (
        f"{place} must have at most {error.validator_value} items; it has {len(error.instance)}."
    ),
    "minimum": lambda place, error: f"{place} must be at least {error.validator_value}.",
    "maximum": lambda place, error: f"{place} must be at most {error.validator_value}.",
    "pattern": lambda place, error: f"{place} is not written as it must be. {_description(error)}",
    "anyOf": lambda place, error: f"{place} has none of the forms allowed. {_description(error)}",
}
