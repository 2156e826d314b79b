"""The command ``proxy``: options in, a proxy that runs until it is told to end, exit code out.

The page for users is docs/proxy.md.
"""

import argparse
import asyncio
import secrets
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from chateau.client.exit_codes import Exit
from chateau.client.proxy.connection import Harm
from chateau.client.proxy.display import Json, Lines, Quiet
from chateau.client.proxy.flags import (
    DEFAULT_LINES_LISTEN,
    DEFAULT_LISTEN,
    add_fault_arguments,
    flag_rules,
    lines_server,
    listen_address,
    server,
)
from chateau.client.proxy.listener import CannotListen, Door, Proxy, door
from chateau.client.proxy.rules_file import RulesError, read_rules
from chateau.client.recordings.file import Recorder, RecordingError
from chateau.client.transcript import OnEntry

DESCRIPTION = """\
Stands between clients and a server, shows what passes, records it, and makes the
network bad: by the flags below, or by rules for single frames.

Have clients connect to --listen instead of the server. Ctrl-C ends it."""

SEEDS = 2**32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the proxy."""
    parser.add_argument("--to", type=server, required=True, metavar="HOST:PORT", help="the server")
    parser.add_argument(
        "--listen",
        type=listen_address,
        default=DEFAULT_LISTEN,
        metavar="HOST:PORT",
        help="where clients connect instead (default: %(default)s; port 0 is any that is free)",
    )
    parser.add_argument(
        "--lines-to", type=lines_server, metavar="HOST:PORT", help="the server's port for lines over TCP, too"
    )
    parser.add_argument(
        "--lines-listen",
        type=listen_address,
        default=DEFAULT_LINES_LISTEN,
        metavar="HOST:PORT",
        help="where clients of --lines-to connect instead (default: %(default)s)",
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--quiet", action="store_true", help="print nothing but troubles")
    shown.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument(
        "--record", metavar="FILE", help="write what clients sent and got to FILE, as JSON lines"
    )
    add_fault_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Be the proxy that *options* ask for, until Ctrl-C or SIGTERM; returns the exit code."""
    quiet = Quiet()
    try:
        rules = [*flag_rules(options), *(read_rules(options.rules) if options.rules else ())]
        seed = secrets.randbelow(SEEDS) if options.seed is None else options.seed
        return asyncio.run(_Run(options).until_the_end(Harm(rules, seed)))
    except (RulesError, RecordingError) as exc:
        quiet.trouble(f"error: {exc}")
        return Exit.FILE
    except CannotListen as exc:
        quiet.trouble(f"error: {exc}")
        return Exit.CONNECTION


class _Run:
    """One run, and what ends it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._end = asyncio.Event()
        self._has_readers = True
        self._display = self._chosen_display()

    async def until_the_end(self, harm: Harm) -> int:
        """Listen, and let pass, until a signal.

        Raises:
            BrokenPipeError: nobody reads the output any more.
        """
        with ExitStack() as stack:
            doors = self._doors(stack)
            record = self._recorder(stack)
            stack.enter_context(self._signals())
            async with Proxy(doors, harm, self._display, record):
                for one in doors:
                    self._display.note(f"Listening at {one.address} for {one.server}")
                self._display.note(f"Seed {harm.seed}")
                await self._end.wait()
        if not self._has_readers:
            raise BrokenPipeError
        return Exit.WELL

    def _doors(self, stack: ExitStack) -> list[Door]:
        """Where to listen: all of it, or nothing is left open."""
        wanted = [(self._options.listen, self._options.to)]
        if self._options.lines_to:
            wanted.append((self._options.lines_listen, self._options.lines_to))
        doors = []
        for address, behind in wanted:
            doors.append(door(address.host, address.port, behind))
            stack.callback(doors[-1].listening.close)
        return doors

    def _recorder(self, stack: ExitStack) -> OnEntry | None:
        if self._options.record is None:
            return None
        return stack.enter_context(Recorder(Path(self._options.record))).write

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self._end.set)
        yield
        for number in numbers:
            loop.remove_signal_handler(number)

    def _chosen_display(self) -> Quiet:
        if self._options.quiet:
            return Quiet()
        return Json(self._on_gone) if self._options.json else Lines(self._on_gone)

    def _on_gone(self) -> None:
        self._has_readers = False
        self._end.set()
