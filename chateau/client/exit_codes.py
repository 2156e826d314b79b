"""Exit codes. docs/client.md explains them to users."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of the test client."""

    WELL = 0
    USAGE = 1
    FILE = 2
    CONNECTION = 3
    ANSWER = 4
    INTERRUPTED = 130  # 128 + SIGINT, as in shells
    UNREAD = 141  # 128 + SIGPIPE
