"""The schemas that an expectation may name: found, read and made ready once each.

Nothing is fetched: a ``$ref`` leads to another file, or nowhere.
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
from chateau.client.paths import schemas_folder
from chateau.client.scenarios.excerpt import as_json, shortened

MOST_ERRORS = 5
MOST_KEPT_READY = 1024
LONGEST_SENTENCE = 300

Folders = tuple[Path, ...]  # the first is schemas/


class BadSchema(Exception):
    """A schema is not there, or cannot be used; the exception's text says why."""


class Schemas:
    """The schemas in ``schemas/``, and those in *folders*, such as the scenario's own.

    A file is read once in the life of the program.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = (schemas_folder(), *(folder.resolve() for folder in folders))

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
            raise BadSchema(f"its $ref {shortened(exc.ref)} leads nowhere") from exc
        except ValueError as exc:
            raise BadSchema(f"it has a $ref that is none: {exc}") from exc

    def flaw(self, schema: Any) -> str | None:
        """Why *schema* cannot be used; None where it can."""
        try:
            _follow_references(self._validator(schema))
        except BadSchema as exc:
            return str(exc)
        return None

    def _validator(self, schema: Any) -> Validator:
        is_shared = isinstance(schema, str) and _is_file(self._folders[0] / schema)
        return _made_ready(self._folders[:1] if is_shared else self._folders, json.dumps(schema))


@lru_cache(MOST_KEPT_READY)
def _made_ready(folders: Folders, written: str) -> Validator:
    """The schema that *written*, which is JSON, is or names."""
    schema = json.loads(written)
    if not isinstance(schema, str):
        base = (folders[0] / "inline.json").as_uri()  # so that a $ref in it is read from schemas/
        return _compiled(schema, base, _registry(folders))
    path = _found(folders, schema)
    if path is None:
        raise BadSchema(
            f"there is no schema {shortened(schema)}, neither in schemas/ nor beside the scenario"
        )
    return _compiled(_read(path), path.as_uri(), _registry(folders, path.parent))


def _compiled(schema: Any, uri: str, registry: "Registry[Any]") -> Validator:
    if isinstance(schema, dict):
        schema = {**schema, "$id": _identity(schema, uri)}
    return _kind(schema)(schema, registry=registry)


def _kind(schema: Any) -> type[Validator]:
    """The dialect that *schema* is written in, in which it makes sense. Raises :class:`BadSchema`."""
    try:
        kind = validator_for(schema, default=Draft202012Validator)
        kind.check_schema(schema)
    except SchemaError as exc:
        sentence = f"{exc.json_path}: {shortened(exc.message, LONGEST_SENTENCE)}"
        raise BadSchema(f"it is no schema: {sentence}") from exc
    except (TypeError, ValueError) as exc:  # it is a number, or says that it is in a dialect that is no URI
        raise BadSchema(f"it is no schema: {as_json(schema)}") from exc
    if "$id" not in kind.META_SCHEMA:
        raise BadSchema("it is written in a draft of JSON Schema older than draft 6")
    return kind


def _registry(folders: Folders, around: Path | None = None) -> "Registry[Any]":
    """What a ``$ref`` may name: a schema in schemas/ or *around* it, or any file by its place."""

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
    """Each schema in *folder* that says what it is called, by that name; others are passed over."""
    named = []
    for path in sorted(folder.glob("*.json")):
        with suppress(BadSchema):
            content = _read(path)
            _kind(content)
            if isinstance(content, dict) and "$id" in content:
                named.append((_identity(content, path.as_uri()), _resource(content)))
    return named


def _identity(schema: dict[str, Any], uri: str) -> Any:
    """The URI of *schema*, which stands at *uri* and may have a name of its own."""
    name = schema.get("$id", uri)
    try:
        return urljoin(uri, name) if isinstance(name, str) else name
    except ValueError as exc:
        raise BadSchema(f"its $id {name} is no URI") from exc


def _path(folders: Folders, uri: str) -> Path | None:
    """The file that *uri* stands for, beside the scenario if it is not in schemas/."""
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
    except (Unresolvable, ValueError) as exc:
        raise BadSchema(f"its $ref {shortened(reference)} leads nowhere") from exc
