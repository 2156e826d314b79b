"""Command lines: exit codes, argument types for argparse, and options that several commands share."""

import argparse
import math
import sys
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from chateau.client.protocols import DEFAULT_PORT, Server

HIGHEST_PORT = 65535
DEFAULT_TIMEOUT_SECONDS = 5.0


class Exit(IntEnum):
    """The exit codes of the test client. docs/client.md explains them to users."""

    WELL = 0
    USAGE = 1
    FILE = 2
    CONNECTION = 3
    ANSWER = 4
    INTERRUPTED = 130  # 128 + SIGINT, as in shells
    UNREAD = 141  # 128 + SIGPIPE


def server(text: str) -> Server:
    """Parse ``HOST:PORT``, with ``https://`` before it or a prefix behind it if needed."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        is_valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or parts.query or parts.username:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as localhost:8888")
    secure = parts.scheme == "https"
    return Server(
        str(parts.hostname),
        parts.port or (443 if secure else DEFAULT_PORT),
        secure=secure,
        prefix=parts.path.rstrip("/"),
    )


def whole(least: int, most: int = 2**31) -> Callable[[str], int]:
    """Return the type of a whole number from *least* to *most*."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def number(least: float, most: float, what: str) -> Callable[[str], float]:
    """Return the type of a number from *least* to *most*; *what* describes it in the error."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return value

    return parse


port = whole(1, HIGHEST_PORT)
seconds = number(math.ulp(0), sys.float_info.max, "a number of seconds above 0")
speed = number(0, sys.float_info.max, "a number, 0 or above")


def pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def add(
    parser: argparse._ActionsContainer,
    option: str,
    text: str,
    kind: Callable[[str], Any] = str,
    default: Any = None,
    **more: Any,
) -> None:
    """Add an option with a value of type *kind*, such as ``--port PORT``; *text* is its help."""
    *flags, metavar = option.split()
    parser.add_argument(*flags, metavar=metavar, type=kind, default=default, help=text, **more)


def add_timeout(parser: argparse._ActionsContainer, text: str) -> None:
    """Add ``--timeout``; *text* describes what it limits."""
    add(parser, "--timeout SECONDS", f"{text} (default: %(default)g)", seconds, DEFAULT_TIMEOUT_SECONDS)


def add_scenario_options(parser: argparse._ActionsContainer) -> None:
    """Add the options of all commands that play scenarios: ``--set``, ``--implements`` and ``--path``."""
    add_pair = partial(add, parser, kind=pair, default=[], action="append")
    add_pair("--set NAME=VALUE", "the value of ${NAME} in scenarios")
    types = "what the server implements, such as chateau=1,3,4; scenarios that require more are skipped"
    add_pair("--implements PROTOCOL=TYPES", types)
    add_pair("--path PROTOCOL=PATH", "the path of a protocol on the server, such as functions=/")


def add_jobs(parser: argparse._ActionsContainer, what: str) -> None:
    """Add ``--jobs``, the number of *what* to process concurrently."""
    text = f"maximum number of {what} at the same time (default: 1)"
    add(parser, "-j --jobs N", text, whole(1, 1000), 1)
