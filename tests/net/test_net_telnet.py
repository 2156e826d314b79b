"""Telnet in front of the lines: commands, line ends, a byte order mark; a real telnet, PuTTY's opening."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import shutil
import subprocess
import termios
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from live_lines import BOB_IS_IN, OK, OpenLinesServer, message_line
from raw_client import PATIENCE_SECONDS

from chateau.net.frames import Binary, Reply
from chateau.net.lines import LineDecoder
from chateau.net.telnet import SUBNEGOTIATION_BYTES, TOO_LONG

if TYPE_CHECKING:
    from chateau.net.frames import Received

LIMIT = 2_000

WILL, WONT, DO, DONT = b"\xff\xfb", b"\xff\xfc", b"\xff\xfd", b"\xff\xfe"
SB, SE = b"\xff\xfa", b"\xff\xf0"
INTERRUPT = bytes.fromhex("ff f4 ff fd 06")  # IAC IP, IAC DO TIMING-MARK: Ctrl-C in telnet
NO_TIMING_MARK = WONT + b"\x06"

PUTTY_OPENING = bytes.fromhex("fffb1f fffb20 fffb18 fffb27 fffd01 fffb03 fffd03")
"""Recorded from PuTTY 0.78: it offers NAWS, TSPEED, TTYPE, NEW-ENVIRON, SGA, and asks for ECHO and SGA."""
REFUSED = bytes.fromhex("fffe1f fffe20 fffe18 fffe27 fffc01 fffe03 fffc03")
PUTTY_AGAIN = bytes.fromhex("fffb24")  # recorded: without NEW-ENVIRON it offers OLD-ENVIRON


@pytest.fixture(params=["fast", "tornado"])
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def decoded(*pieces: bytes) -> list[Received]:
    decoder = LineDecoder(LIMIT)
    return [received for piece in pieces for received in decoder.feed(piece)]


def merged(received: list[Received]) -> list[Received]:
    """Return *received* with replies next to each other as one; they may come in several pieces."""
    result: list[Received] = []
    for each in received:
        if isinstance(each, Reply) and result and isinstance(result[-1], Reply):
            each = Reply(result.pop().data + each.data)  # type: ignore[union-attr]
        result.append(each)
    return result


# The decoder


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(DO + b"\x01", [Reply(WONT + b"\x01")], id="the reply to DO is WONT"),
        pytest.param(WILL + b"\x18", [Reply(DONT + b"\x18")], id="the reply to WILL is DONT"),
        pytest.param(WONT + b"\x01" + DONT + b"\x01a\n", ["a"], id="WONT and DONT get none"),
        pytest.param(DO + b"\xff" + b"a\n", [Reply(WONT + b"\xff"), "a"], id="the option 255"),
        pytest.param(DO + b"\n" + b"a\n", [Reply(WONT + b"\n"), "a"], id="an option with the value of LF"),
        pytest.param(b"a" + DO + b"\x06b\n", [Reply(NO_TIMING_MARK), "ab"], id="inside a line"),
        pytest.param(
            b"a\n" + INTERRUPT + b"b\n",
            ["a", Reply(NO_TIMING_MARK), "b"],
            id="its reply is in order",
        ),
        pytest.param(
            INTERRUPT * 2 + b"a\n",
            [Reply(NO_TIMING_MARK * 2), "a"],
            id="a request that is repeated",
        ),
        pytest.param(PUTTY_OPENING + b"a\r\n", [Reply(REFUSED), "a"], id="PuTTY's opening"),
        pytest.param(b"\xff\xf3\xff\xf6\xff\xf7\xff\xf8\xff\xf9a\n", ["a"], id="commands without an option"),
        pytest.param(b"\xff\xec\xff\xed\xff\xee\xff\xefa\n", ["a"], id="EOF, SUSP, ABORT and EOR"),
        pytest.param(b"a\xff\xf2b\n", ["ab"], id="the data mark of a Synch"),
        pytest.param(SE + b"a\n", ["a"], id="an end without a sub-negotiation"),
        pytest.param(SB + b"\x18\x00xterm\n" + SE + b"a\n", ["a"], id="a sub-negotiation with LF in it"),
        pytest.param(SB + b"\x1f\x00\xff\xff\x00" + SE + b"a\n", ["a"], id="a window of 255 columns"),
        pytest.param(SB + b"\xff\xff\xf0" + SE + b"a\n", ["a"], id="an escaped 255 and 240 do not end it"),
        pytest.param(
            SB + b"\x18" + INTERRUPT + b"a\n",
            [Reply(NO_TIMING_MARK), "a"],
            id="a command inside of one",
        ),
        pytest.param(
            SB + b"x" * SUBNEGOTIATION_BYTES + b"\na\n", [TOO_LONG], id="a sub-negotiation without an end"
        ),
        pytest.param(
            b"a\n" + SB + b"x" * SUBNEGOTIATION_BYTES + SE + b"b\n",
            ["a", TOO_LONG],
            id="a long one",
        ),
        pytest.param(b"\xff\xff\n", [Binary(b"\xff")], id="IAC IAC is the byte 255"),
        pytest.param(b"\xff\xff\xff\xfd\x06\n", [Reply(NO_TIMING_MARK), Binary(b"\xff")], id="both"),
        pytest.param(b"\xff\xff\xfd\x06\n", [Binary(b"\xff\xfd\x06")], id="IAC IAC begins no command"),
        pytest.param(b"caf\xff\nb\n", [Binary(b"caf\xff"), "b"], id="255 before anything else is text"),
        pytest.param(b"a" * LIMIT + INTERRUPT + b"\r\n", [Reply(NO_TIMING_MARK), "a" * LIMIT], id="long"),
        pytest.param(b"LOGIN x\r\0WHO\r\0", ["LOGIN x", "WHO"], id="CR NUL ends a line"),
        pytest.param(b"a\r\0b\r\nc\nd\0e\n\0\n", ["a", "b", "c", "d\0e", "\0"], id="NUL alone does not"),
        pytest.param(b"a\r" + INTERRUPT + b"\0b\n", [Reply(NO_TIMING_MARK), "a", "b"], id="CR … NUL"),
        pytest.param(b"a" * LIMIT + b"\r\0b\n", ["a" * LIMIT, "b"], id="as long as a line may be"),
        pytest.param(b"\xef\xbb\xbfLOGIN x\r\n", ["LOGIN x"], id="a byte order mark"),
        pytest.param(b"\xef\xbb\xbf" + INTERRUPT + b"a\n", [Reply(NO_TIMING_MARK), "a"], id="and a command"),
        pytest.param(PUTTY_OPENING + b"\xef\xbb\xbfa\n", [Reply(REFUSED), "a"], id="a mark behind commands"),
        pytest.param(b"\xef\xbb\xbf\n\xef\xbb\xbfa\n", ["", "a"], id="a mark before blank lines"),
        pytest.param(b"a\n\xef\xbb\xbfb\n", ["a", "\ufeffb"], id="inside a conversation it is text"),
        pytest.param(
            b"\xef\xbb\xbf" + b"a" * LIMIT + b"\r\n", ["a" * LIMIT], id="a mark does not make a line too long"
        ),
    ],
)
def test_commands_and_line_ends_of_telnet_are_recognized_wherever_they_are_cut(
    data: bytes, expected: list[Received]
) -> None:
    assert decoded(data) == expected
    for cut in range(1, min(len(data), 64)):
        assert merged(decoded(data[:cut], data[cut:])) == expected
    assert merged(decoded(*(bytes([byte]) for byte in data))) == expected


TOKENS = st.sampled_from(
    [b"\xff", b"\xfa", b"\xfb", b"\xfd", b"\xf0", b"\r", b"\n", b"\0", b"a", b"\xef\xbb\xbf", b"\x16\x03"]
)


@given(st.lists(st.one_of(TOKENS, st.binary(max_size=3)), max_size=60).map(b"".join), st.data())
@example(b"\xff\xff\xfa\n\xff\xf0", None)
def test_any_bytes_decode_to_the_same_wherever_they_are_cut(
    data: bytes, source: st.DataObject | None
) -> None:
    cuts = source.draw(st.lists(st.integers(0, len(data)), max_size=8)) if source else range(len(data))
    edges = [0, *sorted(cuts), len(data)]

    in_pieces = decoded(*(data[start:end] for start, end in pairwise(edges)))

    assert merged(in_pieces) == merged(decoded(data))


@given(st.lists(TOKENS, max_size=60).map(b"".join))
def test_nothing_of_telnet_is_left_and_no_reply_leads_to_a_reply(data: bytes) -> None:
    received = decoded(data)

    replies = b"".join(each.data for each in received if isinstance(each, Reply))
    assert all(command in (WONT, DONT) for command in zip_commands(replies))
    assert not [each for each in decoded(replies) if isinstance(each, Reply)]


def zip_commands(replies: bytes) -> list[bytes]:
    return [replies[start : start + 2] for start in range(0, len(replies), 3)]


@pytest.mark.parametrize("piece", [b"x", b"\xff\xff", b"x" * 100, b"\n"])
def test_an_unfinished_sub_negotiation_is_bounded(piece: bytes) -> None:
    decoder = LineDecoder(LIMIT)
    assert decoder.feed(SB) == []

    sent = 0
    while not (received := decoder.feed(piece)):
        sent += len(piece)
        assert sent <= SUBNEGOTIATION_BYTES

    assert received == [TOO_LONG]
    assert decoder.feed(SE + b"QUIT\n") == []


def test_many_commands_in_one_read_are_filtered_in_linear_time() -> None:
    decoder = LineDecoder(LIMIT)

    replies = decoder.feed(INTERRUPT * 6_000)

    assert replies == [Reply(NO_TIMING_MARK * 6_000)]


# Connections

pytestmark_live = pytest.mark.gen_test(timeout=30)


@pytestmark_live
async def test_interrupt_is_answered_and_the_session_continues(open_lines_server: OpenLinesServer) -> None:
    client = await open_lines_server().member("bob")

    for text in ("one", "two"):
        client.send(INTERRUPT)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await client.reader.readexactly(3) == NO_TIMING_MARK
        client.send(text.encode() + b"\r\n")
        assert await client.receive_all(2) == [OK, message_line("bob", text)]


@pytestmark_live
async def test_urgent_data_of_a_synch_is_part_of_the_stream(open_lines_server: OpenLinesServer) -> None:
    client = await open_lines_server().member("bob")
    sock = client.writer.get_extra_info("socket")

    client.send(b"\xff\xf4")
    await asyncio.sleep(0.02)
    sock._sock.send(b"\xff", 1)  # MSG_OOB
    client.send(b"\xf2hello\r\n")

    assert await client.receive_all(2) == [OK, message_line("bob", "hello")]


@pytestmark_live
async def test_opening_of_putty_is_refused_and_its_lines_are_performed(
    open_lines_server: OpenLinesServer,
) -> None:
    client = await open_lines_server().client()

    client.send(PUTTY_OPENING)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await client.reader.readexactly(len(REFUSED)) == REFUSED
    client.send(PUTTY_AGAIN)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await client.reader.readexactly(3) == DONT + b"\x24"
    client.send(b"LOGIN bob\r\0JOIN x\r\n")

    assert await client.receive_all(3) == BOB_IS_IN


@pytestmark_live
async def test_unfinished_sub_negotiation_ends_the_connection(open_lines_server: OpenLinesServer) -> None:
    client = await open_lines_server().member("bob")

    client.send(SB + b"x" * 2_000 + b"\nWHO\n")

    assert await client.rest() == [{"type": "error", "error": TOO_LONG.reason}]


@pytestmark_live
async def test_backlog_of_a_client_that_does_not_read_replies_is_bounded(
    open_lines_server: OpenLinesServer,
) -> None:
    server = open_lines_server(max_outbox=131_072)
    client = await server.client(receive_buffer_bytes=4_096)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await server.until(1)
    (connection,) = server.group.connections

    client.send((DO + b"\x06") * 3_000_000)

    loop = asyncio.get_running_loop()
    ends_at = loop.time() + 2
    while loop.time() < ends_at and connection.session is not None:
        assert connection.backlog_bytes <= 2 * 131_072
        await asyncio.sleep(0.01)
    assert connection.session is None or client.writer.transport.get_write_buffer_size()


# A real telnet


@contextlib.asynccontextmanager
async def telnet(port: int) -> AsyncIterator[Terminal]:
    """Run telnet in a terminal of its own, connected to *port*."""
    program = shutil.which("telnet")
    if program is None:
        assert not os.environ.get("CI"), "telnet is needed with CI set"
        pytest.skip("there is no telnet on the PATH")
    master, slave = pty.openpty()
    process = start([program, "127.0.0.1", str(port)], slave)
    os.close(slave)
    terminal = Terminal(master)
    try:
        await terminal.shows("Escape character")
        yield terminal
    finally:
        terminal.close()
        process.kill()
        process.wait()


def start(command: list[str], terminal: int) -> subprocess.Popen[bytes]:
    """Start *command* in *terminal*, whose Ctrl-C it gets as a signal."""
    return subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )


class Terminal:
    """What a person types and sees."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._seen = ""
        os.set_blocking(master, False)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    async def shows(self, text: str) -> None:
        """Wait until *text* is displayed, and forget all up to it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while text not in self._seen:
                await asyncio.sleep(0.01)
                try:
                    self._seen += os.read(self._master, 65_536).decode(errors="replace")
                except BlockingIOError:
                    continue
        self._seen = self._seen.split(text, 1)[1]

    async def enters(self, line: str, expected: str) -> None:
        """Type *line* until *expected* is displayed: telnet drops what is typed while it handles a signal."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                self.type(f"{line}\r")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        return await self.shows(expected)

    def close(self) -> None:
        os.close(self._master)


@pytestmark_live
@pytest.mark.parametrize(
    "key",
    [
        pytest.param("\x03", id="interrupt"),
        pytest.param("\x1c", id="quit"),
        pytest.param("\x1a", id="suspend"),
    ],
)
async def test_real_telnet_continues_after_a_control_key(
    open_lines_server: OpenLinesServer, key: str
) -> None:
    server = open_lines_server()
    async with telnet(server.port) as terminal:
        await terminal.enters("LOGIN bob", "Username set to bob")
        await terminal.enters("JOIN x", "Joined room x")
        for text in ("one", "two"):
            terminal.type(key)
            await terminal.enters(text, f'"{text}"}}')
        terminal.type("QUIT\r")
        await terminal.shows("Connection closed")
    await server.until(0)
