"""The command line of the test client: parse the options, run a command, return its exit code.

Without a command, files are sent (:mod:`chateau.client.commands.send`) or played
(:mod:`chateau.client.commands.run`). A command is imported when it is used, so that each starts quickly. The
page for users is docs/client.md.
"""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from chateau import __version__
from chateau.client.arguments import Exit
from chateau.client.terminal import one_line

DESCRIPTION = """\
Sends message files to a Chateau server and prints every frame it receives; plays
scenario files and reports which of their rules a server violates.

With message files, it sends them in order over one connection. With scenarios or folders
of scenarios, it plays them and reports. Without files, it asks for one message after the
other; q, Ctrl-D or Ctrl-C quits. A file that is not found in the current folder is looked
for in messages/ and its folders, with or without its ".json"."""

EPILOG = """\
commands, each with its own --help:
  replay FILE         send a recording again
  to-scenario FILE    convert a recording into a scenario
  proxy               run between a client and a server; show, record and disturb the traffic
  grade DIR           grade every submission in a folder

example:
  python server.py                               in one terminal, then in another
  python test_client.py                          asks: message file> register
  python test_client.py register list            sends two files, prints the responses
  python test_client.py --json register list     one line of JSON per frame, for scripts
  printf 'register\\nlist\\n' | python test_client.py
  python test_client.py conformance/chateau      plays all scenarios of a folder
  python test_client.py --server-command "python server.py --port {port}" conformance/chateau

exit codes:
  0  success; with --gradescope, always
  1  the command line is invalid
  2  a file cannot be read, or is invalid
  3  no connection, no response in time, or the server closed the connection
  4  a response was 400, a frame violated its schema, or a scenario failed"""

COMMANDS = {
    "replay": "chateau.client.commands.replay",
    "to-scenario": "chateau.client.commands.to_scenario",
    "proxy": "chateau.client.commands.proxy",
    "grade": "chateau.client.commands.grade",
}
"""First words of a command line, and their modules, which have DESCRIPTION, ``add_arguments`` and ``run``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the test client and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _escape_unprintable_characters()
    try:
        if words and words[0] in COMMANDS:
            return _run_command(words[0], words[1:])
        return _run_files(words)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return _discard_output()


def _run_command(name: str, words: Sequence[str]) -> int:
    command = importlib.import_module(COMMANDS[name])
    parser = _Parser(
        prog=f"{Path(sys.argv[0]).name} {name}",
        description=command.DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    code: int = command.run(parser.parse_args(words))
    return code


def _run_files(words: Sequence[str]) -> int:
    """Send message files or play scenarios; print the version first, before any import for the rest."""
    version = _Parser(add_help=False)
    version.add_argument("--version", action="version", version=f"chateau test client {__version__}")
    if any(word.startswith("--v") for word in words):
        version.parse_known_args(words)
    from chateau.client.commands import run, send
    from chateau.client.scenarios.load import names_scenarios

    parser = _Parser(
        parents=[version],
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    send.add_arguments(parser)
    run.add_arguments(parser)
    options = parser.parse_args(words)
    if options.server_command and not options.files:
        parser.error("--server-command needs scenarios to play")
    if options.server_command or names_scenarios(options.files):
        return run.run(options)
    return send.run(options)


class _Parser(argparse.ArgumentParser):
    """argparse, with the exit code that the client documents for an invalid command line."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: error: {one_line(message)}\n")


def _escape_unprintable_characters() -> None:
    """Print characters that the encoding of the output lacks as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> int:
    """Redirect stdout to null, because its reader is closed (`… | head`) and Python flushes it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.UNREAD
