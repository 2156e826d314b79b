"""The file of a recording: JSON Lines, one entry a line, in the order of the wire.

What each key holds is in docs/recordings.md. A file that was cut off, because its writer was killed, is read
up to there by deleting its last line.
"""

import base64
import binascii
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import orjson

from chateau.client.transcript import Direction, Entry, OnEntry, Opcode

Word = TypeVar("Word", Direction, Opcode)

LARGEST_CODE = 0xFFFF
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


class RecordingError(Exception):
    """A recording cannot be read or written; the text names the file, and the line where there is one."""


class Recorder:
    """Writes entries to a file, each at once, as a ``with`` block."""

    def __init__(self, path: Path | str) -> None:
        """Begin the file anew. Raises :class:`RecordingError`."""
        self._path = path
        self._failure: OSError | None = None
        try:
            self._file = Path(path).open("wb", buffering=0)  # noqa: SIM115 - closed by close()
        except OSError as exc:
            raise RecordingError(f"{path}: cannot be written: {exc.strerror}") from exc

    def write(self, entry: Entry) -> None:
        """Add *entry*. This does not raise, so that it may be an ``on_entry``: :meth:`close` does."""
        if self._failure is not None or self._file.closed:
            return
        try:
            self._file.write(encode(entry))
        except OSError as exc:
            self._failure = exc

    def close(self) -> None:
        """Raises :class:`RecordingError` where not all could be written."""
        self._file.close()
        if self._failure is not None:
            raise RecordingError(
                f"{self._path}: could not be written: {self._failure.strerror}"
            ) from self._failure

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._file.close()


@contextmanager
def recording(path: Path | str | None) -> Iterator[OnEntry | None]:
    """What writes entries to the file at *path*, None without one. Raises :class:`RecordingError`."""
    if path is None:
        yield None
        return
    with Recorder(path) as recorder:
        yield recorder.write


def read(path: Path | str) -> list[Entry]:
    """The entries in the file at *path*. Raises :class:`RecordingError`."""
    return list(_entries(Path(path)))


def encode(entry: Entry) -> bytes:
    """The line for *entry*."""
    time = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="microseconds")
    line = {
        "time": f"{time.removesuffix('+00:00')}Z",
        "client": entry.client,
        "direction": entry.direction,
        "opcode": entry.opcode,
        **_payload(entry),
    }
    return _ENCODE(line).encode("utf-8", "backslashreplace") + b"\n"


def decode(line: str) -> Entry:
    """The entry that *line* is. Raises :class:`ValueError`."""
    fields = orjson.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("not an object")  # noqa: TRY004 - what is wrong is the value of the line
    return Entry(
        at=_time(_text(fields, "time")),
        client=_text(fields, "client"),
        direction=_word(fields, "direction", Direction),
        opcode=_word(fields, "opcode", Opcode),
        payload=_bytes(fields),
    )


def _entries(path: Path) -> Iterator[Entry]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _decoded(path, number, line)
    except OSError as exc:
        raise RecordingError(f"{path}: cannot be read: {exc.strerror}") from exc


def _decoded(path: Path, number: int, line: bytes) -> Entry:
    try:
        return decode(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except json.JSONDecodeError as exc:
        raise RecordingError(f"{path}, line {number}, column {exc.colno}: not JSON: {exc.msg}") from exc
    except UnicodeDecodeError as exc:
        raise RecordingError(f"{path}, line {number}: not UTF-8") from exc
    except ValueError as exc:
        raise RecordingError(f"{path}, line {number}: {exc}") from exc


def _payload(entry: Entry) -> dict[str, Any]:
    """As text where it is UTF-8; the code of a close stands beside its reason."""
    payload, code = entry.payload, {}
    if entry.opcode is Opcode.CLOSE and len(payload) >= 2:
        code, payload = {"code": struct.unpack("!H", payload[:2])[0]}, payload[2:]
    try:
        return {"payload": payload.decode(), **code}
    except UnicodeDecodeError:
        return {"payload": base64.b64encode(payload).decode(), "base64": True, **code}


def _bytes(fields: dict[str, Any]) -> bytes:
    payload, is_base64, code = _text(fields, "payload"), fields.get("base64", False), fields.get("code")
    if not isinstance(is_base64, bool):
        raise ValueError('"base64" is true or false')  # noqa: TRY004 - the same
    try:
        data = base64.b64decode(payload, validate=True) if is_base64 else payload.encode()
    except binascii.Error as exc:
        raise ValueError('"payload" is not base64') from exc
    except UnicodeEncodeError as exc:
        raise ValueError('"payload" has half a character') from exc
    if code is None:
        return data
    if type(code) is not int or not 0 <= code <= LARGEST_CODE:
        raise ValueError(f'"code" is a number from 0 to {LARGEST_CODE}')
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
