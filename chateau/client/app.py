"""The command line of the test client: options in, exit code out.

What a run does is told in :mod:`chateau.client.visit`; the page for users is docs/client.md.
"""

import argparse
import asyncio
import io
import logging
import math
import os
import sys
from collections.abc import Sequence
from typing import NoReturn
from urllib.parse import urlsplit

from chateau import __version__
from chateau.client.conversation import Conversation, ConversationError
from chateau.client.display import Plain, Transcript
from chateau.client.messages import MessageError, read
from chateau.client.pipe import Lines
from chateau.client.prompt import Prompt
from chateau.client.verdict import Exit
from chateau.client.visit import Visit

DEFAULT_URL = "ws://localhost:8888/ws"
DEFAULT_TIMEOUT_SECONDS = 5.0

DESCRIPTION = """\
Sends message files to a Chateau server and prints every frame that comes back.

With files, it sends them in order over one connection. Without, it asks for one
after the other; q, Ctrl-D or Ctrl-C leaves. A file that is not found where you
are is looked for in messages/ and its folders, with or without its ".json"."""

EPILOG = """\
example:
  python server.py                               in one terminal, then in another
  python test_client.py                          asks: message file> register
  python test_client.py register list            sends two files, prints the answers
  python test_client.py --json register list     one line of JSON per frame, for scripts
  printf 'register\\nlist\\n' | python test_client.py

exit codes:
  0  all well
  1  the command line is wrong
  2  a file cannot be read, or is not JSON
  3  no connection, no answer in time, or the server closed the connection
  4  an answer was 400, or a frame broke its schema"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the test client and return its exit code."""
    options = _parser().parse_args(arguments)
    _never_fail_to_print()
    logging.getLogger("tornado").addHandler(logging.NullHandler())  # what it logs, the client tells
    visit = Visit(Plain() if options.json else Transcript())
    try:
        return asyncio.run(_run(options, visit))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED if options.files else visit.verdict.code
    except BrokenPipeError:
        return _reader_left()


async def _run(options: argparse.Namespace, visit: Visit) -> int:
    """Do what *options* say: every trouble that ends a run is told here, and becomes its exit code."""
    try:
        messages = [read(name) for name in options.files]
        async with Conversation(options.url, visit.received, timeout_seconds=options.timeout) as conversation:
            if messages:
                await visit.send_all(conversation, messages)
            elif _stdin_is_a_terminal():
                await visit.ask(conversation, Prompt())
            else:
                await visit.drain(conversation, Lines())
    except MessageError as exc:
        visit.display.trouble(str(exc))
        return Exit.FILE
    except ConversationError as exc:
        visit.display.trouble(str(exc))
        return Exit.CONNECTION
    return visit.verdict.code  # only now: closing may have brought more frames


class _Parser(argparse.ArgumentParser):
    """argparse, with the exit code that the client documents for a wrong command line."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a message file to send")
    parser.add_argument(
        "--url", type=_url, default=DEFAULT_URL, help="where the server listens (default: %(default)s)"
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=DEFAULT_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help=f"how long to wait for the connection and for an answer (default: {DEFAULT_TIMEOUT_SECONDS:g})",
    )
    parser.add_argument(
        "--json", action="store_true", help="print each frame as it came, one a line, and nothing else"
    )
    parser.add_argument("--version", action="version", version=f"chateau test client {__version__}")
    return parser


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        complete = parts.scheme in {"ws", "wss"} and parts.hostname and parts.port != 0
    except ValueError:
        complete = False
    if not complete:
        raise argparse.ArgumentTypeError(f"{text!r} is not a WebSocket address such as {DEFAULT_URL}")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _stdin_is_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _never_fail_to_print() -> None:
    """What the output's encoding lacks is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _reader_left() -> int:
    """Whoever read the output has gone (`… | head`); Python must not stumble over it again on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.UNREAD
