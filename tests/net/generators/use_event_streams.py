"""Print the first event of an event stream as a library of HTTP passes it on.

Arguments: the library and the address of the stream. Runs with the packages of requirements.txt only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import httpx
import requests

library, address = sys.argv[1:]


def show(lines: Iterable[str]) -> None:
    """Print that the stream is open, and then its first data."""
    print("open", flush=True)
    print(next(line for line in lines if line.startswith("data:")), flush=True)


if library == "requests":
    with requests.get(address, stream=True, timeout=10) as response:
        show(response.iter_lines(decode_unicode=True))
else:
    with httpx.stream("GET", address, timeout=10) as response:
        show(response.iter_lines())
