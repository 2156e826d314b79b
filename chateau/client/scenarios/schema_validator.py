"""Validate with JSON Schemas from files.

Nothing is fetched over the network: a ``$ref`` refers to another file, or is an error.
"""

import json
from contextlib import suppress
from functools import cache, lru_cache
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
from chateau.client.protocols import schemas_folder
from chateau.client.scenarios.excerpts import as_json, shortened
from chateau.client.scenarios.schemas import BadSchema

MAX_ERRORS = 5
CACHED_VALIDATORS = 1024
LONGEST_SENTENCE = 300

Folders = tuple[Path, ...]  # the first is schemas/


def errors(folders: Folders, schema: Any, value: Any) -> list[ValidationError]:
    """Return the first errors of *value*; see :meth:`chateau.client.scenarios.schemas.Schemas.errors`."""
    validator = _validator(folders, schema)
    try:
        found = zip(range(MAX_ERRORS), validator.iter_errors(value), strict=False)
        return [best_match([error]) or error for _, error in found]
    except Unresolvable as exc:
        raise BadSchema(f"its $ref {shortened(exc.ref)} cannot be resolved") from exc
    except ValueError as exc:
        raise BadSchema(f"it has an invalid $ref: {exc}") from exc


def check(folders: Folders, schema: Any) -> None:
    """Raise :class:`BadSchema` if *schema* cannot be used."""
    _follow_references(_validator(folders, schema))


def _validator(folders: Folders, schema: Any) -> Validator:
    is_shared = isinstance(schema, str) and _is_file(folders[0] / schema)
    return _cached_validator(folders[:1] if is_shared else folders, json.dumps(schema))


@lru_cache(CACHED_VALIDATORS)
def _cached_validator(folders: Folders, written: str) -> Validator:
    """Return the validator of *written*, the JSON of a schema or of its name."""
    schema = json.loads(written)
    if not isinstance(schema, str):
        base = (folders[0] / "inline.json").as_uri()  # a $ref in it is relative to schemas/
        return _compiled(schema, base, _registry(folders))
    path = _found(folders, schema)
    if path is None:
        raise BadSchema(
            f"there is no schema {shortened(schema)}, neither in schemas/ nor next to the scenario"
        )
    return _compiled(_read(path), path.as_uri(), _registry(folders, path.parent))


def _compiled(schema: Any, uri: str, registry: "Registry[Any]") -> Validator:
    if isinstance(schema, dict):
        schema = {**schema, "$id": _identity(schema, uri)}
    return _kind(schema)(schema, registry=registry)


def _kind(schema: Any) -> type[Validator]:
    """Return the validator class for the dialect of *schema*. Raises :class:`BadSchema`."""
    try:
        kind = validator_for(schema, default=Draft202012Validator)
        kind.check_schema(schema)
    except SchemaError as exc:
        sentence = f"{exc.json_path}: {shortened(exc.message, LONGEST_SENTENCE)}"
        raise BadSchema(f"it is not a valid schema: {sentence}") from exc
    except (TypeError, ValueError) as exc:  # a number, or a dialect that is not a URI
        raise BadSchema(f"it is not a valid schema: {as_json(schema)}") from exc
    if "$id" not in kind.META_SCHEMA:
        raise BadSchema("it uses a draft of JSON Schema older than draft 6")
    return kind


def _registry(folders: Folders, around: Path | None = None) -> "Registry[Any]":
    """Return the registry for ``$ref``: schemas by name, in schemas/ or *around* it, and files by URI."""

    def retrieve(uri: str) -> "Resource[Any]":
        path = _path(folders, uri)
        if path is None:
            raise NoSuchResource(uri)
        content = _read(path)
        _kind(content)
        return _resource(content)

    own: Registry[Any] = Registry(retrieve=retrieve)  # type: ignore[call-arg]
    if around is not None and not around.is_relative_to(folders[0]):
        own = own.with_resources(_named_schemas_in(around))
    return _registry_of_schemas().combine(own)


@cache
def _registry_of_schemas() -> "Registry[Any]":
    folder = schemas_folder()
    contents = ((path, _read(path)) for path in sorted(folder.rglob("*.json")))
    named = ((_identity(content, path.as_uri()), _resource(content)) for path, content in contents)
    registry: Registry[Any] = Registry()
    return registry.with_resources(named).crawl()


def _named_schemas_in(folder: Path) -> list[tuple[str, "Resource[Any]"]]:
    """Return the schemas in *folder* that have an ``$id``, by that name."""
    named = []
    for path in sorted(folder.glob("*.json")):
        with suppress(BadSchema):
            content = _read(path)
            _kind(content)
            if isinstance(content, dict) and "$id" in content:
                named.append((_identity(content, path.as_uri()), _resource(content)))
    return named


def _identity(schema: dict[str, Any], uri: str) -> Any:
    """Return the URI of *schema*: its ``$id``, or else *uri*, that of its file."""
    name = schema.get("$id", uri)
    try:
        return urljoin(uri, name) if isinstance(name, str) else name
    except ValueError as exc:
        raise BadSchema(f"its $id {name} is not a URI") from exc


def _path(folders: Folders, uri: str) -> Path | None:
    """Return the file of *uri*; one that is missing in schemas/ is looked up next to the scenario."""
    parts = urlsplit(uri)
    path = Path(unquote(parts.path))
    if parts.scheme != "file":
        return None
    if path.is_relative_to(folders[0]):
        return _found(folders, str(path.relative_to(folders[0])))
    return path if _is_file(path) else None


def _found(folders: Folders, name: str) -> Path | None:
    return next((path for folder in folders if _is_file(path := folder / name)), None)


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
    """Raise :class:`BadSchema` if a ``$ref`` in the schema itself cannot be resolved."""
    root = _resource(validator.schema)
    waiting = [(root, validator._resolver)]  # type: ignore[attr-defined]  # noqa: SLF001
    while waiting:
        resource, resolver = waiting.pop()
        schema = resource.contents if isinstance(resource.contents, dict) else {}
        for reference in (schema.get("$ref"), schema.get("$dynamicRef")):
            if not isinstance(reference, str):
                continue
            try:
                resolver.lookup(reference)
            except (Unresolvable, ValueError) as exc:
                raise BadSchema(f"its $ref {shortened(reference)} cannot be resolved") from exc
        waiting += [(below, resolver.in_subresource(below)) for below in resource.subresources()]
