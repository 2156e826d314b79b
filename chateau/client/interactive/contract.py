"""The contract: what the schemas, and the rules between frames, say of a frame that came in.

It only judges. What a request should look like is left to the server, so that wrong ones can be sent.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from referencing import Registry

from chateau.client.interactive.frame import Frame
from chateau.client.messages import Message
from chateau.client.paths import schemas_folder

REQUESTS = {
    1: "register",
    2: "unregister",
    3: "message",
    4: "list",
    5: "join",
    6: "leave",
    7: "publish",
    8: "history",
    9: "rooms",
}
PUSHES = {
    (0, "shutdown"): "shutdown",
    (0, "tapped"): "tapped",
    (3, None): "message",
    (5, "joined"): "joined",
    (6, "left"): "left",
    (7, None): "publish",
    (9, "members"): "members",
    (9, "state"): "state",
}
PROTOCOL = "chateau"
ERROR_ANSWER = "error-response.json"
LONGEST_REF = 64
LARGEST_INTEGER = 2**53 - 1
LONGEST_SENTENCE = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a frame breaks the contract: a JSON Pointer into it, what is wrong, and whose word it breaks."""

    path: str
    sentence: str
    schema: str | None = None


class Contract:
    """The schemas of the chateau protocol, ready to check frames with."""

    def __init__(self, folder: Path | None = None) -> None:
        paths = sorted((folder or schemas_folder() / PROTOCOL).glob("*.json"))
        contents = {path.name: json.loads(path.read_bytes()) for path in paths}
        registry: Registry[Any] = Registry().with_contents((one["$id"], one) for one in contents.values())
        self._validators = {
            name: Draft202012Validator(content, registry=registry) for name, content in contents.items()
        }

    def faults(self, frame: Frame, request: Message | None = None) -> list[Fault]:
        """What is wrong with *frame*: nothing, as a rule.

        *request* is the message that it answers; an answer to nothing is a fault too.
        """
        if frame.flaw:
            return [Fault("", frame.flaw)]
        faults = self._broken_schema(frame)
        return faults if frame.is_push else faults + _broken_pairing(frame, request)

    def _broken_schema(self, frame: Frame) -> list[Fault]:
        schema = schema_name(frame)
        if schema not in self._validators:
            return [Fault("", f"there is no schema for {_description(frame)}")]
        error = best_match(self._validators[schema].iter_errors(frame.value))
        return [] if error is None else [Fault(_pointer(error), _shortened(error.message), schema)]


def schema_name(frame: Frame) -> str | None:
    """The file of the schema that *frame* has to match; None where the contract knows of no such frame."""
    if frame.is_refusal:
        return ERROR_ANSWER
    word, kind = word_of(frame), "push" if frame.is_push else "response"
    return None if word is None else f"{word}-{kind}.json"


def word_of(frame: Frame) -> str | None:
    """What *frame* is about, in a word, such as ``register``."""
    number, event = frame.fields.get("type"), frame.fields.get("event")
    if not _is_integer(number):
        return None
    if frame.is_push:
        return PUSHES.get((number, event if isinstance(event, str) else None))
    return REQUESTS.get(number)


def is_answer_to(frame: Frame, request: Message) -> bool:
    """Whether *frame* has the type and the ref that an answer to *request* has."""
    return not frame.is_push and not _broken_pairing(frame, request)


def _broken_pairing(frame: Frame, request: Message | None) -> list[Fault]:
    """An answer carries the type and the ref of its request, wherever these could be read."""
    if request is None:
        return [Fault("", "an answer, but no request is waiting for one")]
    asked = request.value if isinstance(request.value, dict) else {}
    return [
        Fault(f"/{key}", f"the request's {key} is {_json(asked[key])}, its answer's {_json(answered)}")
        for key, is_readable in (("type", _is_integer), ("ref", _is_ref))
        if is_readable(asked.get(key)) and (answered := frame.fields.get(key)) != asked[key]
    ]


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_INTEGER


def _is_ref(value: Any) -> bool:
    return _is_integer(value) or (isinstance(value, str) and len(value) <= LONGEST_REF)


def _description(frame: Frame) -> str:
    kind = "a push" if frame.is_push else "an answer"
    event = f" and event {_json(frame.fields['event'])}" if "event" in frame.fields else ""
    return f"{kind} of type {_json(frame.fields.get('type'))}{event}"


def _pointer(error: ValidationError) -> str:
    """RFC 6901; the whole frame is the empty string."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path)
    return "".join(f"/{step}" for step in steps)


def _json(value: Any) -> str:
    return "missing" if value is None else _shortened(json.dumps(value))


def _shortened(sentence: str) -> str:
    return sentence if len(sentence) <= LONGEST_SENTENCE else sentence[: LONGEST_SENTENCE - 1] + "…"
