"""The proxy's flags, as rules: each is one for all data frames of the direction that --direction names."""

import argparse
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from chateau.client.proxy.connection import Server
from chateau.client.proxy.frame import DATA, Kind, Speech, Way
from chateau.client.proxy.rule import Cut, Do, Ending, Rule, When

MOST_SECONDS = 3600.0
DEFAULT_LISTEN = "127.0.0.1:9999"
DEFAULT_LINES_LISTEN = "127.0.0.1:9998"

# RFC 6455 §7.4, and what has been registered since.
CLOSE_CODES = ({*range(1000, 1015), *range(3000, 5000)}) - {1004, 1005, 1006}
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_SPEECH = {"tcp": Speech.LINES, "tls": Speech.BYTES, "https": Speech.BYTES, "wss": Speech.BYTES}
_SCHEMES = {"http", "ws", *_SPEECH}


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port to listen at."""

    host: str
    port: int


def add_fault_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that do harm."""
    add = parser.add_argument_group("faults").add_argument
    add("--delay", type=seconds, metavar="SECONDS", help="pass each frame on so much later")
    add("--jitter", type=seconds, metavar="SECONDS", help="and by chance up to so much later still")
    add("--drop", type=probability, metavar="P", help="do not pass a frame on, with probability P (0 to 1)")
    add("--duplicate", type=probability, metavar="P", help="pass a frame on twice, with probability P")
    add("--reorder", type=probability, metavar="P", help="let the next frame pass first, with probability P")
    add("--cut", type=cut, metavar="BYTES|random|character", help="write each frame in pieces")
    add("--join", type=at_least(2), metavar="N", help="write N frames at once")
    add("--half-close-after", type=at_least(0), metavar="N", help="half-close after N frames")
    add("--stall-after", type=at_least(0), metavar="N", help="pass nothing more after N frames")
    add("--close-after", type=at_least(0), metavar="N", help="close after N frames")
    add("--close-code", type=close_code, default=1011, metavar="CODE", help="by this code (%(default)s)")
    add("--reset-after", type=at_least(0), metavar="N", help="reset the connection after N frames")
    add("--direction", choices=[*Way, "both"], default="both", help="which way all this is for (both)")
    add("--rules", metavar="FILE", help="rules for single frames, as JSON")
    add(
        "--seed",
        type=at_least(0, most=2**63),
        metavar="N",
        help="the same chance as in the run with this seed",
    )


def flag_rules(options: argparse.Namespace) -> Iterator[Rule]:
    """The rules that the flags in *options* are."""
    way = None if options.direction == "both" else Way(options.direction)
    if options.delay or options.jitter:
        do = Do(delay_seconds=options.delay or 0.0, jitter_seconds=options.jitter or 0.0)
        yield Rule(When(way, kinds=frozenset(Kind)), do)
    for chance, do in (
        (options.drop, Do(drop=True)),
        (options.duplicate, Do(copies=2)),
        (options.reorder, Do(overtaken_by=1)),
    ):
        if chance:
            yield Rule(When(way), do, chance)
    if options.cut is not None:
        yield Rule(When(way), Do(cut=options.cut))
    if options.join is not None:
        yield Rule(When(way), Do(joined=options.join))
    for after, ending in (
        (options.half_close_after, Ending.HALF_CLOSE),
        (options.stall_after, Ending.STALL),
        (options.close_after, Ending.CLOSE),
        (options.reset_after, Ending.RESET),
    ):
        if after is not None:
            yield _ending_after(after, ending, way, options.close_code)


def _ending_after(after: int, ending: Ending, way: Way | None, code: int) -> Rule:
    """After none means in place of the first."""
    return Rule(When(way, kinds=DATA, nth=max(1, after)), Do(drop=after == 0, ending=ending, code=code))


def server(text: str) -> Server:
    """``HOST:PORT``, or a URL, whose scheme says what is spoken."""
    parts = _parts(text)
    if parts is None or parts[0] not in {"", *_SCHEMES}:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as localhost:8888")
    scheme, host, port = parts
    port = port or _DEFAULT_PORTS.get(scheme, 0)
    if not port:
        raise argparse.ArgumentTypeError(f"{text!r} has no port, as localhost:8888 has")
    return Server(host, port, _SPEECH.get(scheme))


def lines_server(text: str) -> Server:
    """The same, where lines are spoken."""
    found = server(text)
    return Server(found.host, found.port, found.speech or Speech.LINES)


def listen_address(text: str) -> Address:
    """``HOST:PORT``; port 0 is any that is free."""
    parts = _parts(text)
    if parts is None or parts[0] or parts[2] is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as {DEFAULT_LISTEN}")
    return Address(parts[1], parts[2])


def _parts(text: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port in *text*; None where it is no address."""
    has_scheme = "://" in text
    try:
        parts = urlsplit(text if has_scheme else f"//{text}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.username or parts.path not in {"", "/"} or parts.query or parts.fragment:
        return None
    return parts.scheme, parts.hostname, port


def seconds(text: str) -> float:
    return _number(text, 0, MOST_SECONDS, f"a number of seconds from 0 to {MOST_SECONDS:g}")


def probability(text: str) -> float:
    return _number(text, 0, 1, "a probability from 0 to 1")


def cut(text: str) -> Cut | int:
    if text in list(Cut):
        return Cut(text)
    return at_least(1)(text)


def close_code(text: str) -> int:
    code = at_least(0)(text)
    if code not in CLOSE_CODES:
        raise argparse.ArgumentTypeError(
            f"{text} is not a code that a close frame may have, such as 1011 or 4000"
        )
    return code


def at_least(least: int, *, most: int = 10**9) -> Callable[[str], int]:
    """What reads a whole number from *least* on."""

    def whole_number(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,20}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
        return int(text)

    return whole_number


def _number(text: str, least: float, most: float, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return number
