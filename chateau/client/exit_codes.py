"""Exit codes: how a run went.

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
