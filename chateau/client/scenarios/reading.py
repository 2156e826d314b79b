"""Reading: a scenario file, checked before anything is sent; every fault is told with its line.

The form is schemas/scenario.json. What a schema cannot say, such as that a step's client is one of the
scenario's, is checked here too.
"""

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from chateau.client.paths import schemas_folder
from chateau.client.scenarios.document import DEFAULT_TIMEOUT_SECONDS, KINDS, Client, Scenario, Step
from chateau.client.scenarios.flaws import COMMENT
from chateau.client.scenarios.located import decode_document, locate
from chateau.client.scenarios.matching import Flaw, Schemas, flaws_of, without_comments
from chateau.client.scenarios.result import Place, Visibility
from chateau.client.scenarios.variables import repeat_flaws_of

SCENARIO_SCHEMA = "scenario.json"
NAMED_BY_VALUE = frozenset({"connect", "expect_nothing", "expect_close", "close"})
WITHOUT_CLIENT = frozenset({"sleep", "parallel", "barrier", "repeat", "server"})
MATCHED = {"expect": ("expect",), "http": ("answer", "answer_headers"), "expect_close": ("reason",)}
SENT = {"send": "send", "send_raw": "send_raw", "http": "body"}
CHANNELS = "channels"
HTTP = "http"
LONGEST_SENTENCE = 200

Keys = tuple[str | int, ...]


class BadScenario(Exception):
    """A scenario file cannot be played as it is written; the text names file and line."""

    def __init__(self, place: Place, sentence: str) -> None:
        super().__init__(f"{place}: {sentence}")
        self.place = place
        self.sentence = sentence


def load(path: Path) -> Scenario:
    """The scenario in the file at *path*.

    Raises:
        BadScenario: it cannot be read, is not JSON, or is not a scenario.
    """
    return _Reader(str(path), path.parent, _text(path)).scenario()


def is_scenario(path: Path) -> bool:
    """Whether the file at *path* is a JSON object with ``steps``; one that cannot be read is none."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "steps" in value


class _Reader:
    """One file on its way to a :class:`Scenario`."""

    def __init__(self, file: str, folder: Path, text: str) -> None:
        self._file = file
        self._folder = folder
        self._document = self._decoded(text)
        self._lines = locate(text)
        self._schemas = Schemas(folder)
        self._clients: dict[str, Client] = {}

    def scenario(self) -> Scenario:
        self._check_form()
        document = without_comments({key: value for key, value in self._document.items() if key != "steps"})
        self._clients = {
            name: self._client(name, fields) for name, fields in document.get("clients", {}).items()
        }
        return Scenario(
            name=document["name"],
            file=self._file,
            folder=self._folder,
            clients=self._clients,
            steps=self._steps(("steps",)),
            rule=document.get("rule", ""),
            description=document.get("description", ""),
            strict=document.get("strict", False),
            variables=document.get("variables", {}),
            requires=tuple(document.get("requires", ())),
            points=float(document.get("points", 1)),
            visibility=Visibility(document.get("visibility", Visibility.VISIBLE)),
            alone=document.get("alone", False),
            timeout_seconds=document.get("timeout", DEFAULT_TIMEOUT_SECONDS),
        )

    def _decoded(self, text: str) -> Any:
        try:
            return decode_document(text)
        except json.JSONDecodeError as exc:
            place = Place(self._file, exc.lineno)
            raise BadScenario(place, f"not JSON: {exc.msg} (column {exc.colno})") from exc

    def _check_form(self) -> None:
        """Raise the first fault, by its line, that the schema finds."""
        schema, is_valid = _form()
        if is_valid(self._document):  # 0.01 ms; what explains takes 1.5
            return
        errors = Draft202012Validator(schema).iter_errors(self._document)
        found = [(tuple(error.absolute_path), error) for error in errors]
        if found:
            keys, error = min(found, key=lambda pair: (self._line(pair[0]), -len(pair[0])))
            raise self._bad(keys, _sentence(error))

    def _client(self, name: str, fields: dict[str, Any]) -> Client:
        client = Client(
            name,
            fields["protocol"],
            fields.get("url"),
            fields.get("path"),
            fields.get("channel"),
            fields.get("from"),
            fields.get("line_end"),
            fields.get("headers", {}),
        )
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
        """The step at *keys*; None where it is a comment."""
        kind = next((kind for kind in KINDS if kind in fields), None)
        if kind is None:
            return None
        if kind == "barrier" and not in_parallel:
            raise self._bad(keys, "a barrier has its place in the lists of a parallel")
        self._check_values(keys, kind, fields)
        written = without_comments(
            {key: value for key, value in fields.items() if key not in {"steps", "parallel"}}
        )
        options = {key: value for key, value in written.items() if key not in {kind, "client"}}
        return Step(
            kind,
            written.get(kind),
            self._names(keys, kind, written),
            options,
            self._place(keys),
            self._branches(keys, kind, in_parallel=in_parallel),
        )

    def _branches(self, keys: Keys, kind: str, *, in_parallel: bool) -> tuple[tuple[Step, ...], ...]:
        """The lists of steps inside the step at *keys*."""
        if kind == "parallel":
            lists = ((*keys, kind, index) for index in range(len(self._at((*keys, kind)))))
            return tuple(self._steps(inside, in_parallel=True) for inside in lists)
        return (self._steps((*keys, "steps"), in_parallel=in_parallel),) if kind == "repeat" else ()

    def _names(self, keys: Keys, kind: str, fields: dict[str, Any]) -> tuple[str, ...]:
        """The clients that a step is about."""
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
            raise self._bad(keys, f'"client" is missing: which of {_listed(self._clients)} does it?')
        for name in names:
            if name not in self._clients:
                known = f"only {_listed(self._clients)}{_near(name, self._clients)}"
                raise self._bad(keys, f'there is no client "{name}", {known}')
        return names

    def _check_values(self, keys: Keys, kind: str, fields: Mapping[str, Any]) -> None:
        """What is matched or sent is looked through now, so that a wrong pattern is no surprise later."""
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
        return BadScenario(self._place(keys), sentence)

    def _place(self, keys: Keys) -> Place:
        return Place(self._file, self._line(keys))

    def _line(self, keys: Keys) -> int:
        """The line of what stands at *keys*, or of the innermost thing around it that is known."""
        around = (keys[:end] for end in range(len(keys), -1, -1))
        return next((self._lines[one] for one in around if one in self._lines), 1)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise BadScenario(Place(str(path), 1), exc.strerror or str(exc)) from exc
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        raise BadScenario(Place(str(path), line), "not UTF-8") from exc


@cache
def _form() -> tuple[Any, Callable[[Any], bool]]:
    """The schema of scenarios, and what says quickly whether a document keeps to it."""
    schema = json.loads((schemas_folder() / SCENARIO_SCHEMA).read_bytes())
    return schema, jsonschema_rs.validator_for(schema).is_valid


def _sentence(error: ValidationError) -> str:
    """What is wrong, in words that name the key."""
    schema: dict[str, Any] = dict(error.schema) if isinstance(error.schema, Mapping) else {}
    instance: Any = error.instance
    match error.validator:
        case "additionalProperties":
            return _unknown(instance, schema.get("properties", {}))
        case "anyOf" if "dependentSchemas" in schema:
            written = [key for key in instance if key != COMMENT]
            return f"a step has one of {_listed(KINDS)}{_near(written[0], KINDS)}"
        case "required":
            missing = next(key for key in schema["required"] if key not in instance)
            return f'"{missing}" is missing'
    message = error.message
    return message if len(message) <= LONGEST_SENTENCE else f"{message[: LONGEST_SENTENCE - 1]}…"


def _unknown(fields: dict[str, Any], known: Iterable[str]) -> str:
    unknown = [key for key in fields if key not in known]
    kinds = [kind for kind in KINDS if kind in fields]
    if len(kinds) > 1 and unknown[0] in kinds:
        return f"a step does one thing, and this one has {' and '.join(kinds)}"
    return f'"{unknown[0]}" is not known here{_near(unknown[0], known)}'


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f'; is "{close[0]}" meant?' if close else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
