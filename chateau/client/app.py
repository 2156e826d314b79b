"""The command line of the test client: options in, exit code out.

Without a command, files: message files are sent (:mod:`chateau.client.interactive.visit`), scenarios are
played (:mod:`chateau.client.commands.run`). The commands have modules of their own. The page for users is
docs/client.md.
"""

import argparse
import asyncio
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from chateau import __version__
from chateau.client import arguments
from chateau.client.addresses import Server
from chateau.client.commands import run
from chateau.client.exit_codes import Exit
from chateau.client.interactive.conversation import Conversation, ConversationError
from chateau.client.interactive.display import Plain, Pretty
from chateau.client.interactive.pipe import Lines
from chateau.client.interactive.prompt import Prompt
from chateau.client.interactive.visit import Visit
from chateau.client.messages import Message, MessageError, read
from chateau.client.recordings import RecordingError, recording
from chateau.client.scenarios.load import names_scenarios

DEFAULT_TIMEOUT_SECONDS = 5.0

DESCRIPTION = """\
Sends message files to a Chateau server and prints every frame that comes back; plays
scenario files, and says which of their rules a server breaks.

With message files, it sends them in order over one connection. With scenarios or folders
of them, it plays them and reports. Without files, it asks for one message after the
other; q, Ctrl-D or Ctrl-C leaves. A file that is not found where you are is looked for in
messages/ and its folders, with or without its ".json"."""

EPILOG = """\
commands, each with its own --help:
  replay FILE         send a recording again
  to-scenario FILE    make a scenario of a recording
  proxy               stand between a client and a server, show, record, and make the network bad
  grade DIR           grade every submission in a folder

example:
  python server.py                               in one terminal, then in another
  python test_client.py                          asks: message file> register
  python test_client.py register list            sends two files, prints the answers
  python test_client.py --json register list     one line of JSON per frame, for scripts
  printf 'register\\nlist\\n' | python test_client.py
  python test_client.py conformance/chateau      plays all scenarios of a folder
  python test_client.py --server-command "python server.py --port {port}" conformance/chateau

exit codes:
  0  all well; with --gradescope, always
  1  the command line is wrong
  2  a file cannot be read, or is not what it should be
  3  no connection, no answer in time, or the server closed the connection
  4  an answer was 400, a frame broke its schema, or a scenario failed"""


# What the first word of a command line may be, and its module, imported when it is asked for: it has a
# DESCRIPTION, ``add_arguments`` and ``run``.
COMMANDS = {
    "replay": "chateau.client.recordings.replay_command",
    "to-scenario": "chateau.client.recordings.to_scenario_command",
    "proxy": "chateau.client.proxy.command",
    "grade": "chateau.client.commands.grade",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the test client and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _never_fail_to_print()
    try:
        if words and words[0] in COMMANDS:
            return _run_command(words[0], words[1:])
        return _run_files(words)
    except BrokenPipeError:
        return _reader_left()


def _run_command(name: str, words: Sequence[str]) -> int:
    command = importlib.import_module(COMMANDS[name])
    parser = _Parser(
        prog=f"{Path(sys.argv[0]).name} {name}",
        description=command.DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    try:
        code: int = command.run(parser.parse_args(words))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return code


def _run_files(words: Sequence[str]) -> int:
    parser = _parser()
    options = parser.parse_args(words)
    if options.server_command and not options.files:
        parser.error("--server-command needs scenarios to play")
    if names_scenarios(options.files) or options.server_command:
        try:
            return run.run(options)
        except KeyboardInterrupt:
            return Exit.INTERRUPTED
    return _visit(options)


def _visit(options: argparse.Namespace) -> int:
    visit = Visit(Plain() if options.json else Pretty())
    try:
        return asyncio.run(_talk(options, visit))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED if options.files else visit.outcome.code


async def _talk(options: argparse.Namespace, visit: Visit) -> int:
    """Do what *options* say: every trouble that ends a run is told here, and becomes its exit code."""
    url = options.url or (options.server or Server()).url("chateau")
    try:
        messages = [read(name) for name in options.files]
        with recording(options.record) as record:
            async with Conversation(
                url, visit.received, timeout_seconds=options.timeout, record=record
            ) as conversation:
                await _say(visit, conversation, messages)
    except (MessageError, RecordingError) as exc:
        visit.display.trouble(str(exc))
        return Exit.FILE
    except ConversationError as exc:
        visit.display.trouble(str(exc))
        return Exit.CONNECTION
    return visit.outcome.code  # only now: closing may have brought more frames


async def _say(visit: Visit, conversation: Conversation, messages: Sequence[Message]) -> None:
    if messages:
        await visit.send_all(conversation, messages)
    elif _stdin_is_a_terminal():
        await visit.ask(conversation, Prompt())
    else:
        await visit.drain(conversation, Lines())


class _Parser(argparse.ArgumentParser):
    """argparse, with the exit code that the client documents for a wrong command line."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="a message file to send, a scenario, or a folder of scenarios",
    )
    parser.add_argument(
        "--timeout",
        type=arguments.seconds,
        default=DEFAULT_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="how long to wait for the connection, for an answer and for a step of a scenario "
        f"(default: {DEFAULT_TIMEOUT_SECONDS:g})",
    )
    parser.add_argument("--record", metavar="FILE", help="write every frame to FILE, as JSON lines")
    parser.add_argument("--version", action="version", version=f"chateau test client {__version__}")
    messages = parser.add_argument_group("message files")
    messages.add_argument(
        "--url", type=_url, help="where the server listens (default: ws://localhost:8888/ws)"
    )
    messages.add_argument(
        "--json", action="store_true", help="print each frame as it came, one a line, and nothing else"
    )
    run.add_arguments(parser)
    return parser


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        complete = parts.scheme in {"ws", "wss"} and parts.hostname and parts.port != 0
    except ValueError:
        complete = False
    if not complete:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a WebSocket address such as ws://localhost:8888/ws"
        )
    return text


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
