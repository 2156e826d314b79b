"""The log of a network test; not in ``conftest``, of which other folders have one each."""

from __future__ import annotations

import logging


class Log(logging.Handler):
    """The records at WARNING or above. A test takes those that it expects."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def taken(self) -> list[str]:
        """Return and remove the messages so far."""
        messages = [record.getMessage() for record in self.records]
        self.records.clear()
        return messages
