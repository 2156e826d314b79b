"""Echoes: what a wire sends by itself, a pong or the answer to a goodbye.

Nobody said it, so it is neither sent again nor a step of a scenario.
"""

from collections import Counter

from chateau.client.transcript import Direction, Entry, Opcode


class Echoes:
    """Tells them, entry by entry of a recording, in its order."""

    def __init__(self) -> None:
        self._unanswered: Counter[tuple[str, bytes]] = Counter()  # pings
        self._closed: set[str] = set()  # by the server

    def is_echo(self, entry: Entry) -> bool:
        """Whether the client's wire sent *entry* by itself."""
        ping = (entry.client, entry.payload)
        match entry.direction, entry.opcode:
            case Direction.RECEIVED, Opcode.PING:
                self._unanswered[ping] += 1
            case Direction.RECEIVED, Opcode.CLOSE:
                self._closed.add(entry.client)
            case Direction.SENT, Opcode.OPEN:
                self._closed.discard(entry.client)
            case Direction.SENT, Opcode.PONG if self._unanswered[ping]:
                self._unanswered[ping] -= 1
                return True
            case Direction.SENT, Opcode.CLOSE:
                return entry.client in self._closed
        return False
