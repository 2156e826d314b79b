"""The recording: a file of JSON Lines, one entry per line, in the order on the wire.

docs/recordings.md describes the format. A file whose writer was killed can be read after its last line is
deleted.
"""

import base64
import binascii
import json
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from chateau.client.transcript import Direction, Entry, OnEntry, Opcode, utf8

Word = TypeVar("Word", Direction, Opcode)

MAX_CODE = 0xFFFF
HEAD_END = b"\r\n\r\n"  # of an HTTP message
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


class RecordingError(Exception):
    """A recording cannot be read or written; the text names the file, and the line if there is one."""


class Recorder:
    """Writes each entry to a file at once, as a ``with`` block."""

    def __init__(self, path: Path | str) -> None:
        """Create or truncate the file. Raises :class:`RecordingError`."""
        self._path = path
        self._failure: OSError | None = None
        try:
            self._file = Path(path).open("wb", buffering=0)  # noqa: SIM115 - closed by close()
        except OSError as exc:
            raise RecordingError(f"{path}: cannot be written: {exc.strerror}") from exc

    def write(self, entry: Entry) -> None:
        """Add *entry*. It never raises, so that it can be an ``on_entry``: :meth:`close` does."""
        if self._failure is not None or self._file.closed:
            return
        try:
            self._file.write(encode(entry))
        except OSError as exc:
            self._failure = exc

    def close(self) -> None:
        """Close the file. Raises :class:`RecordingError` if an entry could not be written."""
        self._file.close()
        if self._failure is not None:
            raise RecordingError(
                f"{self._path}: could not be written: {self._failure.strerror}"
            ) from self._failure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            self.close()
        else:
            self._file.close()


@contextmanager
def recording(path: Path | str | None) -> Iterator[OnEntry | None]:
    """Yield the function that writes to the file at *path*, or None. Raises :class:`RecordingError`."""
    if path is None:
        yield None
        return
    with Recorder(path) as recorder:
        yield recorder.write


def read(path: Path | str) -> list[Entry]:
    """Return the entries in the file at *path*. Raises :class:`RecordingError`."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            return [_entry(path, number, line) for number, line in enumerate(file, 1) if line.strip()]
    except OSError as exc:
        raise RecordingError(f"{path}: cannot be read: {exc.strerror}") from exc


def encode(entry: Entry) -> bytes:
    """Return the line of *entry*."""
    has_code = entry.opcode is Opcode.CLOSE and len(entry.payload) >= 2
    code = {"code": struct.unpack("!H", entry.payload[:2])[0]} if has_code else {}
    line = {
        "time": timestamp(entry.at),
        "client": entry.client,
        "direction": entry.direction,
        "opcode": entry.opcode,
        **payload_fields(entry.payload[2:] if has_code else entry.payload),
        **code,
    }
    return _ENCODE(line).encode("utf-8", "backslashreplace") + b"\n"


def payload_fields(payload: bytes) -> dict[str, Any]:
    """Return the fields for *payload*: a text if it is UTF-8, else base64."""
    text = utf8(payload)
    if text is not None:
        return {"payload": text}
    return {"payload": base64.b64encode(payload).decode(), "base64": True}


def timestamp(at: float) -> str:
    """Return *at*, seconds of Unix time, as in 2026-11-20T09:30:00.412345Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def decode(line: str) -> Entry:
    """Return the entry in *line*. Raises :class:`ValueError`."""
    import orjson

    fields = orjson.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("not an object")  # noqa: TRY004 - the value of the line is wrong
    return Entry(
        at=_time(_text(fields, "time")),
        client=_text(fields, "client"),
        direction=_word(fields, "direction", Direction),
        opcode=_word(fields, "opcode", Opcode),
        payload=_payload(fields),
    )


def _entry(path: Path, number: int, line: bytes) -> Entry:
    try:
        return decode(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except json.JSONDecodeError as exc:
        raise RecordingError(f"{path}, line {number}, column {exc.colno}: not JSON: {exc.msg}") from exc
    except UnicodeDecodeError as exc:
        raise RecordingError(f"{path}, line {number}: not UTF-8") from exc
    except ValueError as exc:
        raise RecordingError(f"{path}, line {number}: {exc}") from exc


def _payload(fields: dict[str, Any]) -> bytes:
    payload, is_base64, code = _text(fields, "payload"), fields.get("base64", False), fields.get("code")
    if not isinstance(is_base64, bool):
        raise ValueError('"base64" is not true or false')  # noqa: TRY004 - the same
    try:
        data = base64.b64decode(payload, validate=True) if is_base64 else payload.encode()
    except binascii.Error as exc:
        raise ValueError('"payload" is not base64') from exc
    except UnicodeEncodeError as exc:
        raise ValueError('"payload" has half a character') from exc
    if code is None:
        return data
    if type(code) is not int or not 0 <= code <= MAX_CODE:
        raise ValueError(f'"code" is not a number from 0 to {MAX_CODE}')
    return struct.pack("!H", code) + data


def _text(fields: dict[str, Any], key: str) -> str:
    if key not in fields:
        raise ValueError(f'"{key}" is missing')
    if not isinstance(fields[key], str):
        raise ValueError(f'"{key}" is not a string')  # noqa: TRY004 - the same
    return str(fields[key])


def _word(fields: dict[str, Any], key: str, words: type[Word]) -> Word:
    word = _text(fields, key)
    try:
        return words(word)
    except ValueError as exc:
        raise ValueError(f'"{key}" is none of {", ".join(words)}: {word}') from exc


def _time(text: str) -> float:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f'"time" is not as in 2026-11-20T09:30:00.412345Z: {text}') from exc
    if time.tzinfo is None:
        raise ValueError(f'"time" has no time zone: {text}')
    return time.timestamp()


# The meaning of entries


def open_event(entry: Entry) -> dict[str, Any]:
    """Return the fields of an ``open`` entry: ``protocol``, ``url`` and, if any, ``headers`` and ``from``.

    ``headers`` are pairs of name and value, ``from`` is the local address.
    """
    try:
        fields = json.loads(entry.payload)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        fields = {"url": entry.text}
    fields = {"protocol": "", "url": "", **fields}
    return {key: value for key, value in fields.items() if _is_open_field(key, value)}


def _is_open_field(key: str, value: Any) -> bool:
    if key == "headers":
        return isinstance(value, list) and all(map(_is_header, value))
    return key in {"protocol", "url", "from"} and isinstance(value, str)


def _is_header(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value)


def without_auto_replies(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield *entries* except those that a connection sends by itself.

    These are a pong, and the close frame that confirms one: a replay does not send them again, and they are
    not steps of a scenario.
    """
    pings: Counter[tuple[str, bytes]] = Counter()  # without a pong
    closed: set[str] = set()  # by the server
    for entry in entries:
        ping = (entry.client, entry.payload)
        match entry.direction, entry.opcode:
            case Direction.RECEIVED, Opcode.PING:
                pings[ping] += 1
            case Direction.RECEIVED, Opcode.CLOSE:
                closed.add(entry.client)
            case Direction.SENT, Opcode.OPEN:
                closed.discard(entry.client)
            case Direction.SENT, Opcode.PONG if pings[ping]:
                pings[ping] -= 1
                continue
            case Direction.SENT, Opcode.CLOSE if entry.client in closed:
                continue
        yield entry


# HTTP requests and responses


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """A request or a response; ``start`` is its first line, in three parts."""

    start: tuple[str, str, str]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


def parse_message(payload: bytes) -> HttpMessage:
    """Parse a request or a response. Raises :class:`ValueError`."""
    head, _, body = payload.partition(HEAD_END)
    text = utf8(head)
    first, *lines = (head.decode("latin-1") if text is None else text).split("\r\n")
    method, target, version, *_ = [*first.split(" ", 2), "", ""]
    if not target:
        raise ValueError(f"the recording has a request or a response that is not HTTP: {first[:60]!r}")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return HttpMessage((method, target, version), headers, body)
