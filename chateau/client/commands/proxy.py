"""The command ``proxy``: run a proxy until a signal ends it. The page for users is docs/proxy.md.

Each fault flag is a rule for all data frames of the direction that --direction names.
"""

import argparse
import asyncio
import secrets
import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from chateau.client.arguments import Exit, add, number, whole
from chateau.client.proxy.codec import Kind, WireProtocol
from chateau.client.proxy.connection import CannotListen, Endpoint, Proxy, Upstream, listen
from chateau.client.proxy.display import JsonDisplay, LineDisplay, QuietDisplay
from chateau.client.proxy.faults import (
    DIRECTIONS,
    Action,
    Condition,
    Cut,
    Ending,
    FaultConfig,
    Rule,
    RulesError,
    read_rules,
)
from chateau.client.recordings import RecordingError, recording
from chateau.client.transports.target import DEFAULT_PORTS

DESCRIPTION = """\
Stands between clients and a server, shows and records the frames that pass, and
simulates a bad network: with the flags below, or with rules for single frames.

Connect clients to --listen instead of the server. Ctrl-C ends it."""

SEEDS = 2**32
MAX_SECONDS = 3600.0
DEFAULT_LISTEN = "127.0.0.1:9999"
DEFAULT_LINES_LISTEN = "127.0.0.1:9998"

# RFC 6455 §7.4, and the codes registered since.
CLOSE_CODES = ({*range(1000, 1015), *range(3000, 5000)}) - {1004, 1005, 1006}
_PROTOCOLS = {"tcp": WireProtocol.LINES, **dict.fromkeys(("tls", "https", "wss"), WireProtocol.BYTES)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``proxy``."""
    address = partial(parser.add_argument, metavar="HOST:PORT")
    address("--to", type=upstream, required=True, help="address of the server")
    text = "address for clients to connect to (default: %(default)s; port 0 is any free port)"
    address("--listen", type=listen_address, default=DEFAULT_LISTEN, help=text)
    address("--lines-to", type=lines_upstream, help="address of the server's line protocol over TCP")
    text = "address for clients of --lines-to to connect to (default: %(default)s)"
    address("--lines-listen", type=listen_address, default=DEFAULT_LINES_LISTEN, help=text)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--quiet", action="store_true", help="print errors only")
    shown.add_argument("--json", action="store_true", help="print one JSON object per line")
    add(parser, "--record FILE", "write the frames that clients sent and received to FILE, as JSON lines")

    faults = parser.add_argument_group("faults")
    add(faults, "--delay SECONDS", "delay each frame by SECONDS", seconds)
    add(faults, "--jitter SECONDS", "add up to SECONDS of random extra delay", seconds)
    add(faults, "--drop P", "drop a frame with probability P (0 to 1)", probability)
    add(faults, "--duplicate P", "send a frame twice with probability P", probability)
    add(faults, "--reorder P", "let the next frame pass first with probability P", probability)
    add(faults, "--cut BYTES|random|character", "write each frame in pieces", cut)
    add(faults, "--join N", "write N frames at once", whole(2))
    add(faults, "--half-close-after N", "half-close after N frames", whole(0))
    add(faults, "--stall-after N", "pass nothing more after N frames", whole(0))
    add(faults, "--close-after N", "close after N frames", whole(0))
    add(faults, "--close-code CODE", "code to close with (%(default)s)", close_code, 1011)
    add(faults, "--reset-after N", "reset the connection after N frames", whole(0))
    text = "direction the faults apply to (default: both)"
    faults.add_argument("--direction", choices=list(DIRECTIONS), default="both", help=text)
    add(faults, "--rules FILE", "JSON file with rules for single frames")
    add(faults, "--seed N", "random seed, to reproduce an earlier run", whole(0, 2**63))


def run(options: argparse.Namespace) -> int:
    """Run the proxy until Ctrl-C or SIGTERM; return the exit code."""
    try:
        rules = [*flag_rules(options), *(read_rules(options.rules) if options.rules else ())]
        seed = secrets.randbelow(SEEDS) if options.seed is None else options.seed
        return asyncio.run(_proxy(options, FaultConfig(rules, seed)))
    except (RulesError, RecordingError, CannotListen) as exc:
        QuietDisplay().error(f"error: {exc}")
        return Exit.CONNECTION if isinstance(exc, CannotListen) else Exit.FILE


async def _proxy(options: argparse.Namespace, config: FaultConfig) -> int:
    """Proxy all connections until a signal.

    Raises:
        BrokenPipeError: the reader of the output is closed.
    """
    end, output_closed = asyncio.Event(), asyncio.Event()

    def end_without_output() -> None:
        output_closed.set()
        end.set()

    display_type = JsonDisplay if options.json else LineDisplay
    display = QuietDisplay() if options.quiet else display_type(end_without_output)
    with ExitStack() as stack:
        endpoints = _listen(options, stack)
        record = stack.enter_context(recording(options.record))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, end.set)
        async with Proxy(endpoints, config, display, record):
            for endpoint in endpoints:
                display.note(f"Listening at {endpoint.address} for {endpoint.upstream}")
            display.note(f"Seed {config.seed}")
            await end.wait()
    if output_closed.is_set():
        raise BrokenPipeError
    return Exit.WELL


def _listen(options: argparse.Namespace, stack: ExitStack) -> list[Endpoint]:
    """Listen at all addresses; if one fails, close the others."""
    wanted = [(options.listen, options.to), (options.lines_listen, options.lines_to)]
    endpoints = []
    for (host, port), server in wanted:
        if server is not None:
            endpoints.append(listen(host, port, server))
            stack.callback(endpoints[-1].listening.close)
    return endpoints


def flag_rules(options: argparse.Namespace) -> Iterator[Rule]:
    """Return the rules of the fault flags in *options*."""
    direction = DIRECTIONS[options.direction]
    if options.delay or options.jitter:
        delay = Action(delay_seconds=options.delay or 0.0, jitter_seconds=options.jitter or 0.0)
        yield Rule(Condition(direction, kinds=frozenset(Kind)), delay)
    for chance, action in (
        (options.drop, Action(drop=True)),
        (options.duplicate, Action(copies=2)),
        (options.reorder, Action(overtaken_by=1)),
    ):
        if chance:
            yield Rule(Condition(direction), action, chance)
    if options.cut:
        yield Rule(Condition(direction), Action(cut=options.cut))
    if options.join:
        yield Rule(Condition(direction), Action(joined=options.join))
    for ending in Ending:
        after = getattr(options, f"{ending}_after")
        if after is not None:  # after 0 frames, the ending replaces the first frame
            action = Action(drop=after == 0, ending=ending, code=options.close_code)
            yield Rule(Condition(direction, nth=max(1, after)), action)


# Types of options


def upstream(text: str) -> Upstream:
    """Parse ``HOST:PORT``, or a URL whose scheme names the protocol."""
    scheme, host, port = _address(text, "localhost:8888", schemes=DEFAULT_PORTS)
    port = port or DEFAULT_PORTS.get(scheme)
    if not port:
        raise argparse.ArgumentTypeError(f"{text!r} has no port; expected one as in localhost:8888")
    return Upstream(host, port, _PROTOCOLS.get(scheme))


def lines_upstream(text: str) -> Upstream:
    """Parse the address of a server of the line protocol."""
    found = upstream(text)
    return replace(found, protocol=found.protocol or WireProtocol.LINES)


def listen_address(text: str) -> tuple[str, int]:
    """Parse ``HOST:PORT``; port 0 is any free port."""
    _, host, port = _address(text, DEFAULT_LISTEN)
    if port is None:
        raise _not_an_address(text, DEFAULT_LISTEN)
    return host, port


def _address(text: str, example: str, schemes: Iterable[str] = ()) -> tuple[str, str, int | None]:
    """Return the scheme of *text*, which is empty or one of *schemes*, its host and its port."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port
    except ValueError as exc:
        raise _not_an_address(text, example) from exc
    more = parts.username or parts.path.removeprefix("/") or parts.query or parts.fragment
    if not parts.hostname or more or parts.scheme not in {"", *schemes}:
        raise _not_an_address(text, example)
    return parts.scheme, parts.hostname, port


def _not_an_address(text: str, example: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{text!r} is not an address such as {example}")


seconds = number(0, MAX_SECONDS, f"a number of seconds from 0 to {MAX_SECONDS:g}")
probability = number(0, 1, "a probability from 0 to 1")


def cut(text: str) -> Cut | int:
    return Cut(text) if text in list(Cut) else whole(1)(text)


def close_code(text: str) -> int:
    code = whole(0)(text)
    if code not in CLOSE_CODES:
        raise argparse.ArgumentTypeError(f"{text} is not a code for a close frame, such as 1011 or 4000")
    return code
