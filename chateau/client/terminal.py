"""The terminal: a rich console on a stream, as all commands write to theirs."""

import os
from typing import TextIO

from rich.console import Console


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command, which knows its exit codes; rich would exit here with 1."""
        raise


def console(stream: TextIO) -> Console:
    """Writes to *stream*: with colours on a terminal only, and there unless NO_COLOR says no."""
    in_colour = stream.isatty() and not os.environ.get("NO_COLOR")
    return _Console(
        file=stream,
        force_terminal=stream.isatty(),
        color_system="auto" if in_colour else None,
        emoji=False,
        markup=False,
        highlight=False,
    )
