"""The schemas that an expectation may name: found, read and made ready once each.

Nothing is fetched: a ``$ref`` leads to another file, or nowhere.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import DRAFT202012

from chateau.client import strict_json
from chateau.client.scenarios.excerpt import as_json, shortened

MOST_ERRORS = 5
LONGEST_SENTENCE = 300


class BadSchema(Exception):
    """A schema is not there, or cannot be used; the exception's text says why."""


class Schemas:
    """The schemas in ``schemas/``, and those in *folders*, such as the scenario's own."""

    def __init__(self, *folders: Path) -> None:
        self._folders = (schemas_folder(), *(folder.resolve() for folder in folders))
        self._ready: dict[str, Validator] = {}

    def errors(self, schema: Any, value: Any) -> list[ValidationError]:
        """What *schema*, a file's name or a schema itself, has against *value*; the first few of it.

        Raises:
            BadSchema: there is no such file, or it is no schema, or refers to none.
        """
        validator = self._validator(schema)
        try:
            found = zip(range(MOST_ERRORS), validator.iter_errors(value), strict=False)
            return [best_match([error]) or error for _, error in found]
        except Unresolvable as exc:
            raise BadSchema(f"its $ref {exc.ref} leads nowhere") from exc

    def flaw(self, schema: Any) -> str | None:
        """Why *schema* cannot be used; None where it can."""
        try:
            _follow_references(self._validator(schema))
        except BadSchema as exc:
            return str(exc)
        return None

    def _validator(self, schema: Any) -> Validator:
        key = json.dumps(schema)
        if key not in self._ready:
            self._ready[key] = self._made_ready(schema)
        return self._ready[key]

    def _made_ready(self, schema: Any) -> Validator:
        if not isinstance(schema, str):
            return self._compiled(schema, (self._folders[0] / "inline.json").as_uri())
        path = self._found(schema)
        if path is None:
            raise BadSchema(f"there is no schema {schema}, neither in schemas/ nor beside the scenario")
        return self._compiled(_read(path), path.as_uri(), path.parent)

    def _compiled(self, schema: Any, uri: str, folder: Path | None = None) -> Validator:
        if not isinstance(schema, dict | bool):
            raise BadSchema(f"it is no schema: {as_json(schema)}")
        if isinstance(schema, dict):
            schema = {**schema, "$id": _identity(schema, uri)}
        kind = validator_for(schema, default=Draft202012Validator)
        try:
            kind.check_schema(schema)
        except SchemaError as exc:
            raise BadSchema(
                f"it is no schema: {exc.json_path}: {shortened(exc.message, LONGEST_SENTENCE)}"
            ) from exc
        return kind(schema, registry=self._registry(folder))

    def _registry(self, folder: Path | None) -> "Registry[Any]":
        """What a ``$ref`` may name: a schema in schemas/ or beside the file, or any file by its place."""
        registry: Registry[Any] = Registry(retrieve=self._retrieved)  # type: ignore[call-arg]
        known = dict(_identified(self._folders[0], "**/*.json"))
        if folder is not None and not folder.is_relative_to(self._folders[0]):
            known |= dict(_identified(folder, "*.json"))
        return registry.with_resources(known.items())

    def _retrieved(self, uri: str) -> "Resource[Any]":
        parts = urlsplit(uri)
        path = Path(unquote(parts.path))
        if parts.scheme == "file" and not path.is_file() and path.is_relative_to(self._folders[0]):
            path = self._found(str(path.relative_to(self._folders[0]))) or path
        if parts.scheme != "file" or not path.is_file():
            raise NoSuchResource(uri)
        return _resource(_read(path))

    def _found(self, name: str) -> Path | None:
        return next((path for folder in self._folders if _is_file(path := folder / name)), None)


@cache
def schemas_folder() -> Path:
    """``schemas/``: beside the package in a checkout, inside it once it is installed."""
    package = Path(__file__).resolve().parents[2]
    places = (package.parent / "schemas", package / "schemas")
    for place in places:
        if (place / "chateau").is_dir():
            return place
    raise FileNotFoundError(f"no schemas in {places[0]} nor in {places[1]}")


@cache
def _identified(folder: Path, pattern: str) -> tuple[tuple[str, "Resource[Any]"], ...]:
    """Each schema in *folder* that says what it is called, by that name."""
    contents = ((path, _json_or_none(path)) for path in sorted(folder.glob(pattern)))
    return tuple(
        (_identity(content, path.as_uri()), _resource(content))
        for path, content in contents
        if isinstance(content, dict) and isinstance(content.get("$id"), str)
    )


def _identity(schema: dict[str, Any], uri: str) -> Any:
    """The URI of *schema*, which stands at *uri* and may have a name of its own."""
    name = schema.get("$id", uri)
    return urljoin(uri, name) if isinstance(name, str) else name


def _json_or_none(path: Path) -> Any:
    try:
        return _read(path)
    except BadSchema:
        return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, for example
        return False


def _read(path: Path) -> Any:
    try:
        return strict_json.decode(path.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise BadSchema(f"{path} cannot be read as JSON: {exc}") from exc


def _resource(content: Any) -> "Resource[Any]":
    return Resource.from_contents(content, default_specification=DRAFT202012)


def _follow_references(validator: Validator) -> None:
    """Raise :class:`BadSchema` where a ``$ref`` in the schema itself leads nowhere."""
    root = _resource(validator.schema)
    waiting = [(root, validator._resolver)]  # type: ignore[attr-defined]  # noqa: SLF001
    while waiting:
        resource, resolver = waiting.pop()
        for keyword in ("$ref", "$dynamicRef"):
            _follow(resource.contents, keyword, resolver)
        waiting += [(below, resolver.in_subresource(below)) for below in resource.subresources()]


def _follow(schema: Any, keyword: str, resolver: Any) -> None:
    reference = schema.get(keyword) if isinstance(schema, dict) else None
    if not isinstance(reference, str):
        return
    try:
        resolver.lookup(reference)
    except Unresolvable as exc:
        raise BadSchema(f"its $ref {reference} leads nowhere") from exc
