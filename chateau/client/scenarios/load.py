"""Find scenario files, and load them: every fault is reported with its line before anything is sent.

schemas/scenario.json describes the format. Rules that a schema cannot express, such as that a scenario
declares the clients of its steps, are checked here.
"""

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chateau.client.messages import MessageError, find, folders
from chateau.client.protocols import CHANNELS, HTTP, schemas_folder
from chateau.client.scenarios.excerpts import shortened
from chateau.client.scenarios.lint import Flaw, flaws_of, without_comments
from chateau.client.scenarios.model import (
    DEFAULT_TIMEOUT_SECONDS,
    Client,
    Location,
    Scenario,
    Step,
    Visibility,
)
from chateau.client.scenarios.schemas import Schemas
from chateau.client.scenarios.values import repeat_flaws_of
from chateau.client.strict_json import COMMENT, Keys, decode_document

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

SCENARIO_SCHEMA = "scenario.json"
NAMED_BY_VALUE = frozenset({"connect", "expect_nothing", "expect_close", "close"})
WITHOUT_CLIENT = frozenset({"sleep", "parallel", "barrier", "repeat", "server"})
MATCHED = {"expect": ("expect",), "http": ("answer", "answer_headers"), "expect_close": ("reason",)}
SENT = {"send": "send", "send_raw": "send_raw", "http": "body"}
LONGEST_SENTENCE = 200


class BadScenario(Exception):
    """A scenario file is invalid; the text has the file, the line and the fault."""

    def __init__(self, location: Location, sentence: str) -> None:
        super().__init__(f"{location}: {sentence}")
        self.location = location
        self.sentence = sentence


Item = Scenario | BadScenario


def names_scenarios(paths: Iterable[str]) -> bool:
    """Return whether one of *paths* is a folder, or a file with ``steps``."""
    return any(_names_scenarios(path) for path in paths)


def scenarios_in(paths: Iterable[str]) -> list[Item]:
    """Load the scenarios that *paths* name, those of a folder in the order of their paths.

    Raises:
        MessageError: a file does not exist, or a folder has no scenario.
    """
    return [item for path in paths for item in _scenarios_at(_find(path))]


def load(path: Path) -> Scenario:
    """Load the scenario in the file at *path*.

    Raises:
        BadScenario: the file cannot be read, is not JSON, or is not a valid scenario.
    """
    return _Loader(str(path), path.parent, _text(path)).scenario()


def is_scenario(path: Path) -> bool:
    """Return whether the file at *path* can be read and is a JSON object with ``steps``."""
    return _kind_of(path) == "scenario"


def _kind_of(path: Path) -> str | None:
    """Return whether the file at *path* is a ``scenario`` or a ``message``; None if it is not JSON."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return "scenario" if isinstance(value, dict) and "steps" in value else "message"


def _names_scenarios(name: str) -> bool:
    try:
        path = _find(name)
    except MessageError:
        return False
    return path.is_dir() or is_scenario(path)


def _scenarios_at(path: Path) -> list[Item]:
    if not path.is_dir():
        if _kind_of(path) == "message":
            raise MessageError(f"{path}: this is a message file; it cannot be combined with scenarios")
        return [_item(path)]
    found = [_item(file) for file in sorted(path.rglob("*.json")) if _kind_of(file) != "message"]
    if not found:
        raise MessageError(f"{path}: there is no scenario in this folder")
    return found


def _item(path: Path) -> Item:
    try:
        return load(path)
    except BadScenario as exc:
        return exc


def _find(path: str) -> Path:
    """Return *path* itself if it exists, or else the folder or file of that name in messages/."""
    here = Path(path)
    if here.exists():
        return here
    inside = next((folder / path for folder in folders() if (folder / path).is_dir()), None)
    return inside or find(path)


class _Loader:
    """Makes a :class:`Scenario` of the text of one file."""

    def __init__(self, file: str, folder: Path, text: str) -> None:
        self._file = file
        self._folder = folder
        try:
            self._document, self._lines = decode_document(text)
        except json.JSONDecodeError as exc:
            location = Location(file, exc.lineno)
            raise BadScenario(location, f"not JSON: {exc.msg} (column {exc.colno})") from exc
        self._schemas = Schemas(folder)
        self._clients: dict[str, Client] = {}

    def scenario(self) -> Scenario:
        self._check_schema()
        fields = {key: value for key, value in self._document.items() if key not in {"steps", "$schema"}}
        document = without_comments(fields)
        clients = document.pop("clients", {})
        self._clients = {name: self._client(name, fields) for name, fields in clients.items()}
        return Scenario(
            file=self._file,
            folder=self._folder,
            clients=self._clients,
            steps=self._steps(("steps",)),
            requires=tuple(document.pop("requires", ())),
            points=float(document.pop("points", 1)),
            visibility=Visibility(document.pop("visibility", Visibility.VISIBLE)),
            timeout_seconds=document.pop("timeout", DEFAULT_TIMEOUT_SECONDS),
            **document,
        )

    def _check_schema(self) -> None:
        """Raise the first error, by its line, against the schema of scenarios."""
        if _is_valid()(self._document):  # 0.01 ms; the library that explains takes 1.5, and 150 to import
            return
        from jsonschema import Draft202012Validator

        errors = Draft202012Validator(_schema()).iter_errors(self._document)
        found = [(tuple(error.absolute_path), error) for error in errors]
        if found:
            keys, error = min(found, key=lambda pair: (self._line(pair[0]), -len(pair[0])))
            raise self._bad(keys, _sentence(error))

    def _client(self, name: str, fields: dict[str, Any]) -> Client:
        client = Client(name, local_address=fields.pop("from", None), **fields)
        if client.protocol == CHANNELS and not (client.channel or client.path or client.url):
            raise self._bad(("clients", name), "a client of channels needs a channel")
        if client.channel and client.protocol != CHANNELS:
            raise self._bad(("clients", name, "channel"), "only a client of channels has a channel")
        return client

    def _steps(self, keys: Keys, *, in_parallel: bool = False) -> tuple[Step, ...]:
        found = (
            self._step((*keys, index), fields, in_parallel=in_parallel)
            for index, fields in enumerate(self._at(keys))
        )
        return tuple(step for step in found if step is not None)

    def _step(self, keys: Keys, fields: dict[str, Any], *, in_parallel: bool) -> Step | None:
        """Return the step at *keys*; None for a comment."""
        kind = next((kind for kind in kinds() if kind in fields), None)
        if kind is None:
            return None
        if kind == "barrier" and not in_parallel:
            raise self._bad(keys, "a barrier is only allowed in the lists of a parallel")
        self._check_values(keys, kind, fields)
        written = without_comments(
            {key: value for key, value in fields.items() if key not in {"steps", "parallel"}}
        )
        return Step(
            kind,
            written.get(kind),
            self._names(keys, kind, written),
            {key: value for key, value in written.items() if key not in {kind, "client"}},
            self._location(keys),
            self._branches(keys, kind, in_parallel=in_parallel),
        )

    def _branches(self, keys: Keys, kind: str, *, in_parallel: bool) -> tuple[tuple[Step, ...], ...]:
        """Return the lists of steps nested in the step at *keys*."""
        if kind == "parallel":
            lists = ((*keys, kind, index) for index in range(len(self._at((*keys, kind)))))
            return tuple(self._steps(inside, in_parallel=True) for inside in lists)
        return (self._steps((*keys, "steps"), in_parallel=in_parallel),) if kind == "repeat" else ()

    def _names(self, keys: Keys, kind: str, fields: dict[str, Any]) -> tuple[str, ...]:
        """Return the names of the clients of a step."""
        if kind in WITHOUT_CLIENT:
            return ()
        if kind in NAMED_BY_VALUE:
            names = tuple(fields[kind]) if isinstance(fields[kind], list) else (fields[kind],)
        elif "client" in fields:
            names = (fields["client"],)
        elif kind == HTTP:
            return (HTTP,)
        elif len(self._clients) == 1:
            names = tuple(self._clients)
        else:
            raise self._bad(keys, f'"client" is missing; expected one of: {_listed(self._clients)}')
        for name in names:
            if name not in self._clients:
                known = f"expected one of: {_listed(self._clients)}{_near(name, self._clients)}"
                raise self._bad(keys, f'there is no client "{name}"; {known}')
        return names

    def _check_values(self, keys: Keys, kind: str, fields: Mapping[str, Any]) -> None:
        """Check the expectations and the content of a step, so that an error in them is reported early."""
        for key in MATCHED.get(kind, ()):
            self._check((*keys, key), flaws_of(fields.get(key), schemas=self._schemas))
        if kind in SENT:
            self._check((*keys, SENT[kind]), repeat_flaws_of(fields.get(SENT[kind])))

    def _check(self, keys: Keys, flaws: Iterable[Flaw]) -> None:
        for flaw in flaws:
            raise self._bad((*keys, *flaw.path), flaw.sentence)

    def _at(self, keys: Keys) -> Any:
        value = self._document
        for key in keys:
            value = value[key]
        return value

    def _bad(self, keys: Keys, sentence: str) -> BadScenario:
        return BadScenario(self._location(keys), sentence)

    def _location(self, keys: Keys) -> Location:
        return Location(self._file, self._line(keys))

    def _line(self, keys: Keys) -> int:
        """Return the line of the value at *keys*, or of the innermost value around it that exists."""
        around = (keys[:end] for end in range(len(keys), -1, -1))
        return next((self._lines[one] for one in around if one in self._lines), 1)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise BadScenario(Location(str(path), 1), exc.strerror or str(exc)) from exc
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        raise BadScenario(Location(str(path), line), "not UTF-8") from exc


@cache
def _schema() -> Any:
    return json.loads((schemas_folder() / SCENARIO_SCHEMA).read_bytes())


@cache
def _is_valid() -> Callable[[Any], bool]:
    """Return a fast check of a document against the schema."""
    import jsonschema_rs  # for scenarios only, not for message files

    return jsonschema_rs.validator_for(_schema()).is_valid


def kinds() -> list[str]:
    """Return the kinds of steps, such as ``send``, which are keys of a step."""
    return list(_schema()["$defs"]["step"]["dependentSchemas"])


def _sentence(error: "ValidationError") -> str:
    """Return a description of *error* that names the key."""
    schema: dict[str, Any] = dict(error.schema) if isinstance(error.schema, Mapping) else {}
    instance: Any = error.instance
    match error.validator:
        case "additionalProperties":
            return _unknown(instance, schema.get("properties", {}))
        case "anyOf" if "dependentSchemas" in schema:
            written = [key for key in instance if key != COMMENT]
            return f"a step has one of {_listed(kinds())}{_near(written[0], kinds())}"
        case "required":
            missing = next(key for key in schema["required"] if key not in instance)
            return f'"{missing}" is missing'
    return shortened(error.message, LONGEST_SENTENCE)


def _unknown(fields: dict[str, Any], known: Iterable[str]) -> str:
    unknown = [key for key in fields if key not in known]
    actions = [kind for kind in kinds() if kind in fields]
    if len(actions) > 1 and unknown[0] in actions:
        return f"a step does one thing, and this one has {' and '.join(actions)}"
    return f'unknown key "{unknown[0]}"{_near(unknown[0], known)}'


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f'; did you mean "{close[0]}"?' if close else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
