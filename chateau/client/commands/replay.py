"""The command ``replay``: send a recording again. docs/recordings.md describes it."""

import argparse
import asyncio
from dataclasses import replace as with_fields
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chateau.client import arguments
from chateau.client.arguments import Exit
from chateau.client.protocols import DEFAULT_LINES_PORT, DEFAULT_PORT, HTTP, LINES, Server
from chateau.client.recordings import RecordingError, read, recording
from chateau.client.terminal import complain

if TYPE_CHECKING:
    from chateau.client.recordings.replay import ReplayResult, TargetOf
    from chateau.client.transports import Target

DESCRIPTION = "Sends the frames that the clients of a recording sent, again."
ADDRESS = "address of the server (default: %(default)s)"
LINES_PORT = "port of its line protocol (default: %(default)s)"
SPEED = "4 is four times as fast as recorded, 0 is without pauses (default: 1)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``replay``."""
    parser.add_argument("file", metavar="FILE", help="the recording")
    arguments.add(parser, "--server HOST:PORT", ADDRESS, arguments.server, f"localhost:{DEFAULT_PORT}")
    arguments.add(parser, "--lines-port PORT", LINES_PORT, arguments.port, DEFAULT_LINES_PORT)
    arguments.add(parser, "--speed FACTOR", SPEED, arguments.speed, 1.0)
    arguments.add_timeout(parser, "how long to wait for missing frames")
    arguments.add(parser, "--record OUT.jsonl", "record the replay")


def run(options: argparse.Namespace) -> int:
    """Replay a recording and print the result; return the exit code."""
    from chateau.client.recordings.replay import replay
    from chateau.client.transports import CannotConnect

    try:
        entries = read(options.file)
        with recording(options.record) as on_entry:
            target_of = targets(with_fields(options.server, lines_port=options.lines_port))
            running = replay(
                entries, target_of, speed=options.speed, timeout_seconds=options.timeout, on_entry=on_entry
            )
            result = asyncio.run(running)
    except (RecordingError, CannotConnect) as exc:
        complain(exc)
        return Exit.FILE if isinstance(exc, RecordingError) else Exit.CONNECTION
    return _print_result(result)


def targets(server: Server) -> "TargetOf":
    """Return the target of each client on *server*, at the path that it had on the recorded server."""
    from chateau.client.transports import Target

    def target_of(_client: str, fields: dict[str, Any]) -> "Target":
        url = urlsplit(fields.get("url", ""))
        protocol = fields.get("protocol", "")
        headers = tuple((name, value) for name, value in fields.get("headers", ()))
        local_address = fields.get("from")
        if url.scheme in {"tcp", "tls"}:
            return Target(protocol, server.url(LINES), headers, local_address)
        path = url.path + (f"?{url.query}" if url.query else "")
        if server.prefix and path.startswith(f"{server.prefix}/"):
            path = path.removeprefix(server.prefix)
        at = server.url(HTTP if url.scheme.startswith("http") else "", path)
        return Target(protocol, at, headers, local_address)

    return target_of


def _print_result(result: "ReplayResult") -> int:
    for note in result.notes:
        complain(note, "note")
    print(
        f"{result.sent} frames sent, {result.received} received ({result.expected} in the recording"
        f"{f', {result.missing} missing' if result.missing else ''}), in {result.seconds:.2f} s"
    )
    return Exit.ANSWER if result.missing else Exit.WELL
