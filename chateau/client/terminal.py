"""The terminal: a rich console on a stream, used by all commands."""

import os
from typing import TextIO

from rich.console import Console


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise the error, for the exit code of the command; rich would exit with 1."""
        raise


def console(stream: TextIO) -> Console:
    """Return a console on *stream*, in colour on a terminal unless NO_COLOR is set."""
    in_colour = stream.isatty() and not os.environ.get("NO_COLOR")
    return _Console(
        file=stream,
        force_terminal=stream.isatty(),
        color_system="auto" if in_colour else None,
        emoji=False,
        markup=False,
        highlight=False,
    )
