"""How a run went, as an exit code.

What each code means to a user is in docs/client.md.
"""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of the test client."""

    WELL = 0
    USAGE = 1
    FILE = 2
    CONNECTION = 3
    ANSWER = 4
    INTERRUPTED = 130  # 128 + SIGINT, as shells count
    UNREAD = 141  # 128 + SIGPIPE


class Verdict:
    """The exit code so far: the first trouble decides, unless the run is a *forgiving* one."""

    def __init__(self) -> None:
        self.code = Exit.WELL
        self.forgiving = False

    def spoil(self, code: Exit) -> None:
        if not self.forgiving:
            self.code = self.code or code
