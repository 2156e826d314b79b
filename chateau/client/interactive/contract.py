"""The contract: frames that were received, checked against the schemas and the rules between frames.

Requests are not checked: the server does that, so that wrong ones can be sent.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeGuard

from chateau.client import strict_json
from chateau.client.messages import Message
from chateau.client.protocols import CHATEAU, schemas_folder, vocabulary
from chateau.client.scenarios.excerpts import shortened
from chateau.client.scenarios.schemas import Schemas
from chateau.client.transcript import Entry, Opcode

if TYPE_CHECKING:
    import jsonschema_rs

ERROR_RESPONSE = "error-response.json"
MAX_REF_CHARACTERS = 64
MAX_INTEGER = 2**53 - 1
MAX_SENTENCE = 300


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that was received; ``decode_error`` is why it has no ``value``, or None."""

    text: str
    value: Any
    decode_error: str | None
    at: datetime

    @property
    def is_push(self) -> bool:
        """Return whether it is a push: a push has a sender or an event, a response never does."""
        return "sender" in self.fields or "event" in self.fields

    @property
    def is_error_response(self) -> bool:
        return not self.is_push and self.fields.get("status") == 400

    @property
    def fields(self) -> dict[str, Any]:
        return self.value if isinstance(self.value, dict) else {}


def decode(entry: Entry) -> Frame:
    """Return the frame in *entry*; never raises, so that invalid frames can be shown."""
    at = datetime.fromtimestamp(entry.at, UTC).astimezone()
    text = entry.payload.decode("utf-8", "backslashreplace")
    if entry.opcode is Opcode.BINARY:
        return Frame(text, None, "a binary frame", at)
    try:
        return Frame(text, strict_json.decode(text), None, at)
    except json.JSONDecodeError as exc:
        return Frame(text, None, f"not JSON: {exc}", at)


@dataclass(frozen=True, slots=True)
class Fault:
    """A violation: a JSON Pointer into the frame, what is wrong, and the schema that it violates."""

    path: str
    sentence: str
    schema: str | None = None


class Contract:
    """The schemas of the chateau protocol."""

    def faults(self, frame: Frame, request: Message | None = None) -> list[Fault]:
        """Return what is wrong with *frame*, the response to *request*; normally nothing."""
        if frame.decode_error:
            return [Fault("", frame.decode_error)]
        faults = self._schema_faults(frame)
        return faults if frame.is_push else faults + _pairing_faults(frame, request)

    def _schema_faults(self, frame: Frame) -> list[Fault]:
        schema = schema_name(frame)
        if schema is None or schema not in self._schemas:
            return [Fault("", f"there is no schema for {_description(frame)}")]
        if self._is_valid(schema, frame.value):
            return []
        from jsonschema.exceptions import best_match

        error = best_match(Schemas().errors(f"{CHATEAU}/{schema}", frame.value))
        if error is None:
            return []
        sentence = shortened(error.message, MAX_SENTENCE)
        return [Fault(strict_json.pointer(error.absolute_path), sentence, schema)]

    def _is_valid(self, schema: str, value: Any) -> bool:
        """Return whether *value* is valid; False also if only jsonschema, a slow import, can decide it."""
        try:
            return self._validators[schema].is_valid(value)
        except ValueError:  # an integer of more than 64 bits, half a character, or nested too deeply
            return False

    @cached_property
    def _validators(self) -> "dict[str, jsonschema_rs.Draft202012Validator]":
        import jsonschema_rs

        registry = jsonschema_rs.Registry([(one["$id"], one) for one in self._schemas.values()])
        return {
            name: jsonschema_rs.Draft202012Validator(schema, registry=registry)
            for name, schema in self._schemas.items()
        }

    @cached_property
    def _schemas(self) -> dict[str, Any]:
        folder = schemas_folder() / CHATEAU
        return {path.name: json.loads(path.read_bytes()) for path in folder.glob("*.json")}


class NoContract(Contract):
    """For a protocol without schemas here: a frame has to be JSON."""

    def faults(self, frame: Frame, request: Message | None = None) -> list[Fault]:
        return [Fault("", frame.decode_error)] if frame.decode_error else []


def schema_name(frame: Frame) -> str | None:
    """Return the file name of the schema of *frame*; None if the protocol has no such frame."""
    if frame.is_error_response:
        return ERROR_RESPONSE
    word, kind = word_of(frame), "push" if frame.is_push else "response"
    return None if word is None else f"{word}-{kind}.json"


def word_of(frame: Frame) -> str | None:
    """Return the word for *frame*, such as ``register``."""
    number, event = frame.fields.get("type"), frame.fields.get("event")
    if not _is_integer(number):
        return None
    if frame.is_push:
        return vocabulary().pushes.get((number, event if isinstance(event, str) else None))
    return vocabulary().requests.get(number)


def is_response_to(frame: Frame, request: Message) -> bool:
    """Return whether *frame* has the type and the ref of a response to *request*."""
    return not frame.is_push and not _pairing_faults(frame, request)


def _pairing_faults(frame: Frame, request: Message | None) -> list[Fault]:
    """Check that a response has the type and the ref of its request, if the request has valid ones."""
    if request is None:
        return [Fault("", "a response, but no request is waiting for one")]
    sent = request.value if isinstance(request.value, dict) else {}
    return [
        Fault(f"/{key}", f"the request's {key} is {_json(sent[key])}, its response's {_json(got)}")
        for key, is_valid in (("type", _is_integer), ("ref", _is_ref))
        if is_valid(sent.get(key)) and (got := frame.fields.get(key)) != sent[key]
    ]


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INTEGER


def _is_ref(value: Any) -> bool:
    return _is_integer(value) or (isinstance(value, str) and len(value) <= MAX_REF_CHARACTERS)


def _description(frame: Frame) -> str:
    kind = "a push" if frame.is_push else "a response"
    event = f" and event {_json(frame.fields['event'])}" if "event" in frame.fields else ""
    return f"{kind} of type {_json(frame.fields.get('type'))}{event}"


def _json(value: Any) -> str:
    return "missing" if value is None else shortened(json.dumps(value), MAX_SENTENCE)
