"""The JSON Schemas that an expectation may name.

The libraries that validate are imported with the first schema that is used: most scenarios use none.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from chateau.client.protocols import schemas_folder

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError


class BadSchema(Exception):
    """A schema does not exist, or is invalid; the exception's text explains why."""


class Schemas:
    """The schemas in ``schemas/``, and those in *folders*, such as the scenario's own.

    A file is read once per process.
    """

    def __init__(self, *folders: Path) -> None:
        self._folders = (schemas_folder(), *(folder.resolve() for folder in folders))

    def errors(self, schema: Any, value: Any) -> "list[ValidationError]":
        """Return the first errors of *value* against *schema*, which is a file's name or a schema.

        Raises:
            BadSchema: the file does not exist, or the schema or one of its references is invalid.
        """
        from chateau.client.scenarios import schema_validator

        return schema_validator.errors(self._folders, schema, value)

    def flaw(self, schema: Any) -> str | None:
        """Return why *schema* cannot be used; None if it can."""
        from chateau.client.scenarios import schema_validator

        try:
            schema_validator.check(self._folders, schema)
        except BadSchema as exc:
            return str(exc)
        return None
