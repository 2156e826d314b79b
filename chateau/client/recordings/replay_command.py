"""The command ``replay``: a recording in, its frames sent again, an exit code out.

What each code means to a user is in docs/recordings.md.
"""

import argparse
import asyncio
import sys
from dataclasses import replace as with_fields
from typing import Any
from urllib.parse import urlsplit

from chateau.client import arguments
from chateau.client.addresses import DEFAULT_LINES_PORT, DEFAULT_PORT, HTTP, LINES, Server
from chateau.client.exit_codes import Exit
from chateau.client.recordings.file import RecordingError, read, recording
from chateau.client.recordings.replay import ReplayResult, TargetOf, replay
from chateau.client.transports import CannotConnect, Target

DESCRIPTION = "Sends what the clients of a recording sent, again."
DEFAULT_TIMEOUT_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``replay``."""
    add = parser.add_argument
    add("file", metavar="FILE", help="the recording")
    add(
        "--server",
        metavar="HOST:PORT",
        type=arguments.server,
        default=f"localhost:{DEFAULT_PORT}",
        help="where to replay it (default: %(default)s)",
    )
    add(
        "--lines-port",
        metavar="PORT",
        type=arguments.port,
        default=DEFAULT_LINES_PORT,
        help="where lines are spoken there (default: %(default)s)",
    )
    add(
        "--speed",
        metavar="FACTOR",
        type=arguments.speed,
        default=1.0,
        help="4 is four times as fast as it was recorded, 0 is at once (default: 1)",
    )
    add(
        "--timeout",
        metavar="SECONDS",
        type=arguments.seconds,
        default=DEFAULT_TIMEOUT_SECONDS,
        help="how long to wait for frames that do not come (default: %(default)g)",
    )
    add("--record", metavar="OUT.jsonl", help="record the replay")


def run(options: argparse.Namespace) -> int:
    """Replay a recording and say how it went."""
    try:
        entries = read(options.file)
        with recording(options.record) as on_entry:
            target_of = targets(with_fields(options.server, lines_port=options.lines_port))
            played = replay(
                entries, target_of, speed=options.speed, timeout_seconds=options.timeout, on_entry=on_entry
            )
            result = asyncio.run(played)
    except RecordingError as exc:
        return _trouble(exc, Exit.FILE)
    except CannotConnect as exc:
        return _trouble(exc, Exit.CONNECTION)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return _told(result)


def targets(server: Server) -> TargetOf:
    """Where the clients of a recording find *server*: at the paths at which they found the recorded one."""

    def target_of(_client: str, opening: dict[str, Any]) -> Target:
        url = urlsplit(opening.get("url", ""))
        protocol = opening.get("protocol", "")
        headers = tuple((name, value) for name, value in opening.get("headers", ()))
        local_address = opening.get("from")
        if url.scheme in {"tcp", "tls"}:
            return Target(protocol, server.url(LINES), headers, local_address)
        path = url.path + (f"?{url.query}" if url.query else "")
        if server.prefix and path.startswith(f"{server.prefix}/"):
            path = path.removeprefix(server.prefix)
        at = server.url(HTTP if url.scheme.startswith("http") else "", path)
        return Target(protocol, at, headers, local_address)

    return target_of


def _told(result: ReplayResult) -> int:
    for note in result.notes:
        print(f"note: {note}", file=sys.stderr)
    print(
        f"{result.sent} frames sent, {result.received} received ({result.expected} in the recording"
        f"{f', {result.missing} missing' if result.missing else ''}), in {result.seconds:.2f} s"
    )
    return Exit.ANSWER if result.missing else Exit.WELL


def _trouble(error: Exception, code: Exit) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code
