"""Argument types for argparse, and options that several commands share."""

import argparse
import math
import sys
from collections.abc import Callable
from typing import Any

from chateau.client.addresses import BadAddress, Server, parse_server

HIGHEST_PORT = 65535
DEFAULT_TIMEOUT_SECONDS = 5.0


def server(text: str) -> Server:
    try:
        return parse_server(text)
    except BadAddress as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def port(text: str) -> int:
    return whole(1, HIGHEST_PORT)(text)


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
) -> None:
    """Add an option with a value of type *kind*, such as ``--port PORT``; *text* is its help."""
    *flags, metavar = option.split()
    parser.add_argument(*flags, metavar=metavar, type=kind, default=default, help=text)


def add_timeout(parser: argparse._ActionsContainer, text: str) -> None:
    """Add ``--timeout``; *text* describes what it limits."""
    add(parser, "--timeout SECONDS", f"{text} (default: %(default)g)", seconds, DEFAULT_TIMEOUT_SECONDS)


def add_scenario_options(parser: argparse._ActionsContainer) -> None:
    """Add the options of all commands that play scenarios: ``--set``, ``--implements`` and ``--path``."""
    for option, metavar, text in (
        ("--set", "NAME=VALUE", "the value of ${NAME} in scenarios"),
        (
            "--implements",
            "PROTOCOL=TYPES",
            "what the server implements, such as chateau=1,3,4; scenarios that require more are skipped",
        ),
        ("--path", "PROTOCOL=PATH", "the path of a protocol on the server, such as functions=/"),
    ):
        parser.add_argument(option, type=pair, action="append", default=[], metavar=metavar, help=text)


def add_jobs(parser: argparse._ActionsContainer, what: str) -> None:
    """Add ``--jobs``, the number of *what* to process concurrently."""
    text = f"maximum number of {what} at the same time (default: 1)"
    add(parser, "-j --jobs N", text, whole(1, 1000), 1)
