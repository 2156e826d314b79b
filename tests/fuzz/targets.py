"""What is fuzzed: one function per decoder. Each takes any bytes, and fails if a guarantee does not hold.

The guarantees: nothing is raised, also not into the log; what is decoded does not depend on where the bytes
are cut; after the end of a connection nothing is decoded; frames of the server match their schemas.
"""

from __future__ import annotations

import ipaddress
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "protocols"), str(TESTS / "net"), str(TESTS)]

import chateau_harness  # noqa: E402 - behind the path
import functions_harness  # noqa: E402
import lines_harness  # noqa: E402
import opcodes_harness  # noqa: E402
from publish_parsers import MAX_BODY, new_parser  # noqa: E402

from chateau.hub.errors import HubError  # noqa: E402
from chateau.net import frames  # noqa: E402
from chateau.net.frames import Binary, Close, Received, Reply, Violation  # noqa: E402
from chateau.net.lines import LineDecoder  # noqa: E402
from chateau.net.openings import UNDECIDED, opening_for_http  # noqa: E402
from chateau.net.proxies import TrustedProxies  # noqa: E402
from chateau.net.telnet import SUBNEGOTIATION_BYTES  # noqa: E402
from chateau.protocols import json_text  # noqa: E402

Target = Callable[[bytes], None]

MAX_MESSAGE: Final = 300
SEPARATOR: Final = b"\0"
"""Stands between the messages of one conversation."""


def fuzz_frames(data: bytes) -> None:
    """Decode *data* as WebSocket frames; its first byte is the size of the pieces."""
    received = check_cuts(lambda: frames.Decoder(MAX_MESSAGE), data)
    for each in received:
        match each:
            case str():
                assert len(each.encode()) <= MAX_MESSAGE
            case Binary(payload):
                assert len(payload) <= MAX_MESSAGE
            case Close(code, _):
                assert code is None or frames.is_close_code(code)


def fuzz_lines(data: bytes) -> None:
    """Decode *data* as lines, with telnet commands; its first byte is the size of the pieces."""
    received = check_cuts(lambda: LineDecoder(MAX_MESSAGE), data)
    for each in received:
        match each:
            case str():
                assert "\n" not in each
                assert len(each.encode()) <= MAX_MESSAGE
            case Binary(payload):
                assert b"\n" not in payload
                assert len(payload) <= MAX_MESSAGE
            case Reply(reply):
                assert len(reply) % 3 == 0
                assert set(reply[0::3]) == {0xFF}
                assert set(reply[1::3]) <= {0xFC, 0xFE}


def check_cuts(new_decoder: Callable[[], Any], data: bytes) -> list[Received]:
    """Return what *data* without its first byte is decoded to, whole and in pieces of as many bytes."""
    size, data = (data[0] % 16 + 1, data[1:]) if data else (1, b"")
    whole_decoder, decoder = new_decoder(), new_decoder()
    whole = list(whole_decoder.feed(data))
    pieces = [each for at in range(0, len(data), size) for each in decoder.feed(data[at : at + size])]
    assert merged(pieces) == merged(whole)
    if isinstance(decoder, LineDecoder):
        assert decoder.partial_bytes <= MAX_MESSAGE + SUBNEGOTIATION_BYTES + 64
    ends = [index for index, each in enumerate(whole) if isinstance(each, Close | Violation)]
    assert ends in ([], [len(whole) - 1])
    if ends:
        assert not list(whole_decoder.feed(b"\n\x89\x80\0\0\0\0\n"))
    return whole


def merged(received: Iterable[Received]) -> list[Received]:
    """Return *received* with replies next to each other as one: they may come in several pieces.

    Replies directly before a violation are left out: it may be found before the rest of them has arrived.
    """
    result: list[Received] = []
    for each in received:
        last = result[-1] if result else None
        if isinstance(last, Reply) and isinstance(each, Reply | Violation):
            result[-1] = Reply(last.data + each.data) if isinstance(each, Reply) else each
        else:
            result.append(each)
    return result


def fuzz_openings(data: bytes) -> None:
    """Recognize what begins with *data* on a port for HTTP: more bytes never change a decision."""
    decided = UNDECIDED
    for end in range(len(data) + 1):
        opening = opening_for_http(data[:end])
        assert decided in (UNDECIDED, opening)
        decided = opening


def fuzz_json(data: bytes) -> None:
    """Decode *data* as the JSON of a request, which is then encoded and decoded to the same."""
    try:
        text = data.decode()
        value = json_text.decode(text)
    except (UnicodeDecodeError, HubError):
        return
    assert json_text.decode(json_text.encode(value).decode()) == value


def fuzz_chateau(data: bytes) -> None:
    """Have a conversation in the chateau protocol: one response to each message."""
    harness = chateau_harness.Harness("alice", "bob", inside="lobby")
    for message in data.split(SEPARATOR):
        converse(harness, message)


def fuzz_functions(data: bytes) -> None:
    """Have a conversation in the functions protocol."""
    harness = functions_harness.Harness("alice", "bob")
    for message in data.split(SEPARATOR):
        converse(harness, message)


def fuzz_opcodes(data: bytes) -> None:
    """Have a conversation in the opcodes protocol."""
    harness = opcodes_harness.Harness("alice", "bob")
    for message in data.split(SEPARATOR):
        converse(harness, message)


def fuzz_lines_commands(data: bytes) -> None:
    """Have a conversation in the lines protocol."""
    harness = lines_harness.Harness("alice", "bob")
    for message in LineDecoder(16_384).feed(data):
        if isinstance(message, str | Binary):
            line = message.encode() if isinstance(message, str) else message.payload
            converse(harness, line)


def converse(harness: Any, message: bytes) -> None:
    """Send *message* as alice, as text if it is UTF-8. *harness* checks what all clients receive."""
    alice = harness["alice"]
    if alice.mailbox.closed is not None:
        return
    try:
        text = message.decode()
    except UnicodeDecodeError:
        alice.send(message)
    else:
        alice.send(text)
    for client in harness.clients.values():
        client.mailbox.take()


def fuzz_publish(data: bytes) -> None:
    """Parse *data* as publish requests; its first byte is the size of the pieces."""
    size, data = (data[0] + 1, data[1:]) if data else (1, b"")
    whole, parser = new_parser(), new_parser()
    found = whole.feed(data)
    in_pieces = [each for at in range(0, len(data), size) for each in parser.feed(data[at : at + size])]
    assert [request[:3] for request in in_pieces] == [request[:3] for request in found]  # all but the start
    assert all(data[request.start :].startswith(b"POST ") for request in found)
    assert (parser.rest is None) == (whole.rest is None)
    assert all(len(request.body) <= MAX_BODY for request in found)
    if whole.rest is not None:
        assert data.endswith(whole.rest)
        assert parser.rest == whole.rest


def fuzz_forwarded(data: bytes) -> None:
    """Read *data* as the headers of a trusted proxy: an address, of the client or of the proxy."""
    text = data.decode("latin-1")
    proxies = TrustedProxies(["127.0.0.1", "10.0.0.0/8", "::1"])
    names = ("x-forwarded-for", "forwarded", "x-forwarded-proto")
    headers = dict(zip(names, text.split("\0"), strict=False))
    address = proxies.client_address("127.0.0.1", headers)
    assert str(ipaddress.ip_address(address)) == address
    assert proxies.client_address("192.0.2.1", headers) == "192.0.2.1"


_ALL = (
    fuzz_frames,
    fuzz_lines,
    fuzz_openings,
    fuzz_json,
    fuzz_chateau,
    fuzz_functions,
    fuzz_opcodes,
    fuzz_lines_commands,
    fuzz_publish,
    fuzz_forwarded,
)
TARGETS: dict[str, Target] = {function.__name__.removeprefix("fuzz_"): function for function in _ALL}
"""The functions by the names of their folders in ``corpus/``."""


class Failures(logging.Handler):
    """Collects what is logged with a traceback: a server that continues after it has a fault all the same."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(logging.Formatter().format(record))


@contextmanager
def no_failures() -> Iterator[None]:
    """Fail if anything is logged as an error meanwhile."""
    failures = Failures()
    logger = logging.getLogger("chateau")
    logger.addHandler(failures)
    try:
        yield
    finally:
        logger.removeHandler(failures)
    assert not failures.messages, failures.messages[0]


def run(name: str, data: bytes) -> None:
    """Run the target *name* once."""
    with no_failures():
        TARGETS[name](data)
