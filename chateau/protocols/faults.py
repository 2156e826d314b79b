"""Faults: what is wrong with a message that violates its schema, found at a cost that the schema bounds.

The errors of jsonschema-rs have all that an explanation needs, and are too expensive for messages of any
size: each has a copy of the invalid value, as an object and as text (1 to 80 ms per megabyte), and its
``iter_errors`` collects all of them. So only its verdicts are used. Each keyword of a schema has a validator
of its own, and the first one that rejects the value is the fault; it does not matter to a verdict how large
the value is. jsonschema-rs therefore remains the only validator here, and no keyword is implemented twice.

Of several faults, the one that is the least deep in the message is reported; of several keys in an object,
the last one by alphabet, as jsonschema's ``best_match`` does; of several items in a list, the first.
"""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote, urljoin

import jsonschema_rs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    IsValid = Callable[[object], bool]

_ANNOTATIONS = frozenset(
    ("$schema", "$id", "$defs", "title", "description", "examples", "default", "format", "contentEncoding")
)

_APPLICATORS = frozenset(("$ref", "properties", "items", "allOf", "if", "then", "else"))
"""Keywords that only apply other schemas: the faults are those of these schemas."""

_ALTERNATIVES = frozenset(("anyOf", "oneOf"))
"""Keywords that are one fault if no alternative matches, since nobody knows which one was meant."""

_OF_ALL_KEYS = frozenset(
    (*_ALTERNATIVES, "not", "propertyNames", "minProperties", "maxProperties", "const", "enum")
)
"""Keywords that need an object as a whole; for others, the keys that the schema knows are enough."""

_JOINT = frozenset(
    (
        "patternProperties",
        "prefixItems",
        "contains",
        "minContains",
        "maxContains",
        "dependentSchemas",
        "dependentRequired",
        "unevaluatedProperties",
        "unevaluatedItems",
        "$dynamicRef",
    )
)
"""Keywords that are judged with their whole schema only, and after its other keywords.

The schemas here have none of them; those of a protocol that is added can.
"""


class Fault(NamedTuple):
    """*value*, at *path* of the message, violates the *keyword* of *schema*."""

    path: tuple[str | int, ...]
    keyword: str
    schema: Any
    value: Any

    @property
    def limit(self) -> Any:
        """The value of the keyword."""
        return self.schema[self.keyword]


class SchemaParts:
    """The schemas *by_url*, which refer to each other, and the parts of them that were used."""

    def __init__(self, by_url: Mapping[str, Any], registry: jsonschema_rs.Registry) -> None:
        self._by_url = by_url
        self._registry = registry
        self._parts: dict[str, Part] = {}

    def at(self, url: str) -> Part:
        """Return the part at *url*, the URL of a schema with a JSON Pointer as the fragment."""
        part = self._parts.get(url)
        if part is None:
            file, _, path = url.partition("#")
            schema = self._by_url[file]
            for written in path.split("/")[1:]:
                step = unquote(written).replace("~1", "/").replace("~0", "~")
                schema = schema[int(step) if isinstance(schema, list) else step]
            part = self._parts[url] = Part(self, url if "#" in url else f"{url}#", schema)
        return part

    def compiled(self, schema: Any) -> IsValid:
        """Return the function that validates a value by *schema*, whose references are absolute."""
        return jsonschema_rs.Draft202012Validator(schema, registry=self._registry).is_valid


class Part:
    """The *schema* at *url*, one of *parts*. Its validators are compiled when they are used first."""

    _schema: dict[str, Any]

    def __init__(self, parts: SchemaParts, url: str, schema: Any) -> None:
        self._parts = parts
        self._url = url
        self._schema = schema if isinstance(schema, dict) else {} if schema else {"false": False}

    def fault_of(self, value: Any) -> Fault | None:
        """Return what is wrong with *value*, or None if it is valid."""
        known = self._known(value)
        for keyword, is_valid in self._keywords.items():
            if not is_valid(known):
                return Fault((), keyword, self._schema, value)
        fault = max(self._faults_inside(value), key=_relevance, default=None)
        if fault is None and self._joint and not self._is_valid(value):
            return Fault((), self._joint, self._schema, value)
        return fault

    def _faults_inside(self, value: Any) -> Iterator[Fault]:
        """Yield the fault of each schema that this one applies to *value* or to values in it."""
        for part in self._parts_of_same_value(value):
            if fault := part.fault_of(value):
                yield fault
        if value.__class__ is dict:
            for key in self._schema.get("properties", ()):
                if key in value and (fault := self._inner("properties", key).fault_of(value[key])):
                    yield below(key, fault)
            if self._others:
                known = self._schema.get("properties")
                others = {key: value[key] for key in value if key not in known} if known else value
                place = first_invalid(others.values(), self._others)
                if place is not None:
                    key = next(islice(others, place, None))
                    yield from self._fault_at("additionalProperties", key, value[key])
        elif value.__class__ is list and self._items:
            place = first_invalid(value, self._items)
            if place is not None:
                yield from self._fault_at("items", place, value[place])

    def _fault_at(self, keyword: str, key: str | int, value: Any) -> Iterator[Fault]:
        """Yield the fault of the invalid *value* at *key*."""
        fault = self._inner(keyword).fault_of(value)
        assert fault is not None, "it is invalid as one of many"
        yield below(key, fault)

    def _parts_of_same_value(self, value: Any) -> Iterator[Part]:
        if "$ref" in self._schema:
            yield self._parts.at(urljoin(self._url, self._schema["$ref"]))
        for place in range(len(self._schema.get("allOf", ()))):
            yield self._inner("allOf", str(place))
        if "if" in self._schema:
            branch = "then" if self._condition(value) else "else"
            if branch in self._schema:
                yield self._inner(branch)

    def _known(self, value: Any) -> Any:
        """Return *value*; of a dictionary, which may have any number of keys, what decides on the fault."""
        if value.__class__ is not dict or not self._keywords.keys().isdisjoint(_OF_ALL_KEYS):
            return value
        keys = self._schema.get("properties", {}).keys() | self._schema.get("required", ())
        unknown = next((key for key in value if key not in keys), None)
        shown = keys if unknown is None else keys | {unknown}
        return {key: value[key] for key in shown if key in value}

    def _inner(self, *steps: str) -> Part:
        written = (quote(step.replace("~", "~0").replace("/", "~1"), safe="~") for step in steps)
        return self._parts.at("/".join((self._url, *written)))

    # Compiled on the first use: most schemas are never violated

    @cached_property
    def _keywords(self) -> dict[str, IsValid]:
        """The validator of each keyword, in the order of the schema."""
        silent = _ANNOTATIONS | _APPLICATORS | _JOINT
        if self._has_others or "patternProperties" in self._schema:
            silent |= {"additionalProperties"}
        return {
            keyword: self._parts.compiled(self._alone(keyword))
            for keyword in self._schema
            if keyword not in silent
        }

    def _alone(self, keyword: str) -> Any:
        """Return a schema of *keyword* only."""
        limit = self._schema[keyword]
        if keyword == "false":
            return False
        if keyword in _ALTERNATIVES:
            limit = [{"$ref": f"{self._url}/{keyword}/{place}"} for place in range(len(limit))]
        elif isinstance(limit, dict) and keyword != "const":
            limit = {"$ref": f"{self._url}/{keyword}"}
        alone = {keyword: limit}
        if keyword == "additionalProperties":
            alone["properties"] = dict.fromkeys(self._schema.get("properties", ()), True)
        return alone

    @cached_property
    def _items(self) -> IsValid | None:
        """The validator of a list of items."""
        has_items = "items" in self._schema and "prefixItems" not in self._schema
        return self._list_of("items") if has_items else None

    @cached_property
    def _others(self) -> IsValid | None:
        """The validator of a list of the values of an object whose keys are not in the schema."""
        return self._list_of("additionalProperties") if self._has_others else None

    @cached_property
    def _condition(self) -> IsValid:
        return self._parts.compiled({"$ref": f"{self._url}/if"})

    @cached_property
    def _joint(self) -> str | None:
        """The first keyword of the schema that is judged with the whole of it."""
        return next((keyword for keyword in self._schema if keyword in _JOINT), None)

    @cached_property
    def _is_valid(self) -> IsValid:
        return self._parts.compiled({"$ref": self._url})

    @property
    def _has_others(self) -> bool:
        others = self._schema.get("additionalProperties")
        return isinstance(others, dict) and "patternProperties" not in self._schema

    def _list_of(self, keyword: str) -> IsValid:
        return self._parts.compiled({"items": {"$ref": f"{self._url}/{keyword}"}})


def first_invalid(values: Iterable[Any], are_valid: IsValid) -> int | None:
    """Return the place of the first of *values* that is invalid; *are_valid* judges lists of them.

    It is called some 40 times for a million values, and validates each about twice.
    """
    unread = iter(values)
    place, size = 0, 1
    while part := list(islice(unread, size)):
        if not are_valid(part):
            return place + _first_invalid_of(part, are_valid)
        place += size
        size *= 2
    return None


def _first_invalid_of(values: list[Any], are_valid: IsValid) -> int:
    start, end = 0, len(values)
    while end - start > 1:
        middle = (start + end) // 2
        if are_valid(values[start:middle]):
            start = middle
        else:
            end = middle
    return start


def below(key: str | int, fault: Fault) -> Fault:
    """Return *fault*, of the value at *key*, as one of the object or list that contains it."""
    return fault._replace(path=(key, *fault.path))


def _relevance(fault: Fault) -> tuple[int, tuple[str | int, ...]]:
    return -len(fault.path), fault.path
