"""What options take: each function makes a value of a word, or says why it is none."""

import argparse
import math
from collections.abc import Callable

from chateau.client.addresses import BadAddress, Server, parse_server

HIGHEST_PORT = 65535


def server(text: str) -> Server:
    try:
        return parse_server(text)
    except BadAddress as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def port(text: str) -> int:
    return whole(1, HIGHEST_PORT)(text)


def whole(least: int, most: int = 2**31) -> Callable[[str], int]:
    """For a whole number from *least* to *most*."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return number


def seconds(text: str) -> float:
    """More than none, and not for ever."""
    return _number(text, above=0, what="a number of seconds above 0")


def speed(text: str) -> float:
    return _number(text, above=-math.ulp(0), what="a number, 0 or above")


def pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _number(text: str, *, above: float, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not above < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return number
