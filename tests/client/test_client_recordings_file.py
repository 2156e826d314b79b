"""The file of a recording: writing it, reading it, and the errors of an invalid one."""

import base64
import json
import re
from pathlib import Path

import pytest

from chateau.client.recordings import Recorder, RecordingError, read
from chateau.client.transcript import Direction, Entry, Opcode, close_payload

AT = 1_790_000_000.123456
LINE = (
    '{"time": "2026-11-20T09:30:00.412345Z", "client": "a", "direction": "sent", "opcode": "text", '
    '"payload": "x"}'
)


def entry(opcode: Opcode, payload: bytes, client: str = "alice") -> Entry:
    return Entry(AT, client, Direction.SENT, opcode, payload)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lesson.jsonl"


@pytest.mark.parametrize(
    "written",
    [
        entry(Opcode.TEXT, '{"content": "caf\u00e9 \U0001f600\u2028\x85"}'.encode()),
        entry(Opcode.TEXT, b""),
        entry(Opcode.LINE, b'quote " backslash \\ nul \x00 tab \t'),
        entry(Opcode.BINARY, bytes(range(256))),
        entry(Opcode.BINARY, b"text all the same"),
        entry(Opcode.RAW, b"\x81\x05he"),
        entry(Opcode.PING, b"\xff"),
        entry(Opcode.CLOSE, b""),
        entry(Opcode.CLOSE, b"\x03"),
        entry(Opcode.CLOSE, b"\x03\xe8"),
        entry(Opcode.CLOSE, close_payload(4000, "t\u00e4ter\u00e4")),
        entry(Opcode.CLOSE, b"\x0f\xa0\xff\xfe"),
        entry(Opcode.REQUEST, b"POST / HTTP/1.1\r\nHost: x\r\n\r\n\xff"),
        entry(Opcode.EVENT, b"id: 1\ndata: x", client='Zo\u00eb "Z"'),
    ],
)
def test_what_is_written_is_read_again(written: Entry, path: Path) -> None:
    with Recorder(path) as recorder:
        recorder.write(written)

    (again,) = read(path)

    assert (again.client, again.direction, again.opcode) == (
        written.client,
        written.direction,
        written.opcode,
    )
    assert again.payload == written.payload
    assert again.at == pytest.approx(written.at, abs=1e-6)


def test_a_line_has_the_keys_that_are_documented(path: Path) -> None:
    with Recorder(path) as recorder:
        recorder.write(Entry(AT, "bob", Direction.RECEIVED, Opcode.TEXT, b"hi"))
        recorder.write(entry(Opcode.BINARY, b"\xff"))
        recorder.write(entry(Opcode.CLOSE, close_payload(1001, "bye")))

    lines = [json.loads(line) for line in path.read_text().splitlines()]

    assert lines[0] == {
        "time": "2026-09-21T14:13:20.123456Z",
        "client": "bob",
        "direction": "received",
        "opcode": "text",
        "payload": "hi",
    }
    assert (lines[1]["payload"], lines[1]["base64"]) == (base64.b64encode(b"\xff").decode(), True)
    assert (lines[2]["payload"], lines[2]["code"]) == ("bye", 1001)


def test_every_entry_is_in_the_file_at_once(path: Path) -> None:
    with Recorder(path) as recorder:
        recorder.write(entry(Opcode.TEXT, b"one"))

        assert len(read(path)) == 1


def test_recording_replaces_an_existing_file(path: Path) -> None:
    path.write_text("old\n")

    Recorder(path).close()

    assert read(path) == []


def test_what_comes_after_the_end_of_a_recording_is_left_out(path: Path) -> None:
    recorder = Recorder(path)
    recorder.close()

    recorder.write(entry(Opcode.TEXT, b"late"))

    assert read(path) == []


def test_unwritable_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=re.escape(f"{tmp_path}: cannot be written: Is a directory")):
        Recorder(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_full_disk_is_reported_at_the_end() -> None:
    recorder = Recorder("/dev/full")

    recorder.write(entry(Opcode.TEXT, b"one"))
    recorder.write(entry(Opcode.TEXT, b"two"))

    with pytest.raises(RecordingError, match="/dev/full: could not be written: No space left on device"):
        recorder.close()


def test_blank_lines_keys_unknown_and_times_of_other_zones_are_read(path: Path) -> None:
    path.write_text('\ufeff{"x": 1, ' + LINE[1:] + "\n\n" + LINE.replace("412345Z", "4+01:00") + "\r\n")

    first, second = read(path)

    assert first.payload == b"x"
    assert first.at - second.at == pytest.approx(3600.012345)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2, column 1: not JSON"),
        (LINE[:60], "line 2, column"),
        ("[]", "line 2: not an object"),
        ("NaN", "line 2, column 1: not JSON"),
        ("{}", 'line 2: "time" is missing'),
        (LINE.replace('"client": "a", ', ""), '"client" is missing'),
        (LINE.replace('"a"', "7"), '"client" is not a string'),
        (LINE.replace("sent", "there"), '"direction" is none of sent, received: there'),
        (LINE.replace('"text"', '"pong!"'), '"opcode" is none of open, text'),
        (LINE.replace("Z", ""), '"time" has no time zone'),
        (LINE.replace("2026-11-20", "yesterday"), '"time" is not as in'),
        (LINE.replace('"x"}', '"x", "base64": true}'), '"payload" is not base64'),
        (LINE.replace('"x"}', '"x", "base64": 1}'), '"base64" is not true or false'),
        (LINE.replace('"x"}', '"x", "code": 65536}'), '"code" is not a number from 0 to 65535'),
        (LINE.replace('"x"}', '"x", "code": true}'), '"code" is not a number from 0 to 65535'),
    ],
)
def test_invalid_line_is_reported_with_its_position(line: str, words: str, path: Path) -> None:
    path.write_text(f"{LINE}\n{line}\n")

    with pytest.raises(RecordingError, match=re.escape(words)) as caught:
        read(path)

    assert str(caught.value).startswith(f"{path}, line 2")


def test_file_that_is_not_utf_8_is_reported(path: Path) -> None:
    path.write_bytes(LINE.encode("utf-16"))

    with pytest.raises(RecordingError, match="line 1: not UTF-8"):
        read(path)


def test_missing_file_is_reported(path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read: No such file or directory"):
        read(path)
