"""SchemaSet: the JSON Schemas of a protocol, compiled once, and the errors for messages that violate them.

jsonschema-rs validates: 0.3 µs for a valid message. What is wrong with an invalid one, is found by
:mod:`chateau.protocols.faults`; this module has the sentences. Neither takes longer for a longer message:
what a client sent is quoted up to a limit, and never copied as a whole.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from chateau.hub.errors import cut, quoted
from chateau.protocols.errors import InvalidMessage
from chateau.protocols.faults import Part, SchemaParts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from chateau.protocols.faults import Fault

KEY_LENGTH = 256
"""Maximum length of a key that a path repeats; if a key is longer, the path ends before it."""


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
        by_url = {schema["$id"]: schema for schema in self.schemas.values()}
        shared = jsonschema_rs.Registry(list(by_url.items()))
        self._validators = {
            name: jsonschema_rs.Draft202012Validator(schema, registry=shared)
            for name, schema in self.schemas.items()
        }
        self._parts = SchemaParts(by_url, shared)

    def validator(self, name: str) -> Callable[[object], bool]:
        """Return the function that validates a message by the schema *name*."""
        return self._validators[name].is_valid

    def check(self, name: str, message: dict[str, Any]) -> None:
        """Check that *message* is valid by the schema *name*.

        Raises:
            InvalidMessage.
        """
        if not self._validators[name].is_valid(message):
            raise self.validation_error(name, message)

    def validation_error(self, name: str, message: object) -> InvalidMessage:
        """Return the error for *message*, which is invalid by the schema *name*."""
        fault = self._root(name).fault_of(message)
        assert fault is not None, f"nothing is wrong with the message by {name}"
        path = fault.path
        if fault.keyword == "additionalProperties":
            path = (*path, _surplus(fault))
        return self.validation_error_at(
            name, path, _SENTENCES.get(fault.keyword, _other)(_place(path), fault)
        )

    def validation_error_at(self, name: str, path: Sequence[str | int], sentence: str) -> InvalidMessage:
        """Return the error *sentence* about the value at *path* of a message of the schema *name*."""
        shown = takewhile(lambda part: isinstance(part, int) or len(part) <= KEY_LENGTH, path)
        return InvalidMessage(sentence, path=pointer(shown), schema=f"{self._url}/{name}.json")

    def _root(self, name: str) -> Part:
        return self._parts.at(self.schemas[name]["$id"])


def pointer(path: Iterable[str | int]) -> str:
    """Return *path* as a JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _place(path: Sequence[str | int]) -> str:
    return quoted("/".join(cut(str(part)) for part in path)) if path else "the message"


def _surplus(fault: Fault) -> str:
    allowed: Mapping[str, Any] = fault.schema.get("properties", {})
    return str(next(key for key in fault.value if key not in allowed))


def _missing(fault: Fault) -> str:
    return str(next(key for key in fault.limit if key not in fault.value))


def _keys(schema: Mapping[str, Any]) -> str:
    known = schema.get("properties")
    return f"its keys are {', '.join(known)}" if known else "it has no keys"


def _types(fault: Fault) -> str:
    return fault.limit if isinstance(fault.limit, str) else " or ".join(fault.limit)


def _description(fault: Fault) -> str:
    return str(fault.schema.get("description", "The schema has the details."))


def _other(place: str, fault: Fault) -> str:
    return f"{place} violates the keyword {quoted(fault.keyword)} of the schema."


_SENTENCES: dict[str, Callable[[str, Fault], str]] = {
    "required": lambda place, fault: f"{quoted(_missing(fault))} is missing from {place}.",
    "additionalProperties": lambda place, fault: (
        f"{place} is not a key of this message; {_keys(fault.schema)}."
    ),
    "type": lambda place, fault: f"{place} must be of the type {_types(fault)}.",
    "const": lambda place, fault: f"{place} must be {json.dumps(fault.limit)}.",
    "minLength": lambda place, fault: f"{place} must have at least {fault.limit} character(s).",
    "maxLength": lambda place, fault: (
        f"{place} must have at most {fault.limit} characters; it has {len(fault.value)}."
    ),
    "minItems": lambda place, fault: f"{place} must have at least {fault.limit} item(s).",
    "maxItems": lambda place, fault: (
        f"{place} must have at most {fault.limit} items; it has {len(fault.value)}."
    ),
    "minimum": lambda place, fault: f"{place} must be at least {fault.limit}.",
    "maximum": lambda place, fault: f"{place} must be at most {fault.limit}.",
    "pattern": lambda place, fault: f"{place} does not match the required format. {_description(fault)}",
    "enum": lambda place, fault: f"{place} must be one of {', '.join(map(str, fault.limit))}.",
    "oneOf": lambda place, fault: (
        f"{place} matches none of the allowed forms, or several. {_description(fault)}"
    ),
    "anyOf": lambda place, fault: f"{place} matches none of the allowed forms. {_description(fault)}",
    "false": lambda place, _: f"{place} must be absent.",
}
