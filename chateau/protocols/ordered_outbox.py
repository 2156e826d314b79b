"""OrderedOutbox: responses and pushes to one client of the lines protocol, in one order.

The seed requires "first the commandResult OK", then the message itself, and the OK waits until the message is
stored. So pushes are queued behind the pending responses of their client.
(:mod:`chateau.protocols.response_queue` orders only the responses.)
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from chateau.protocols.transport import NORMAL_CLOSURE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chateau.hub.ports import Commit
    from chateau.protocols.transport import Outbox

LINE_END = b"\r\n"
"""The end of line that the transport appends to each message, too."""


class Slot:
    """The place of a response; *payloads* is None until the response is there."""

    __slots__ = ("payloads",)

    def __init__(self) -> None:
        self.payloads: Sequence[bytes] | None = None


class OrderedOutbox:
    """Sends to one client, in order: nothing overtakes a pending response."""

    __slots__ = ("_queue", "held_bytes", "outbox")

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.held_bytes = 0  # of responses that wait for earlier ones; pushes are shared by all clients
        self._queue: deque[Slot | bytes | None] | None = None  # None is the end of the connection

    @property
    def is_free(self) -> bool:
        """Whether no response is pending, so that the outbox can be used directly."""
        return self._queue is None

    def charge(self, tokens: float) -> None:
        """Take *tokens* from the client."""
        self.outbox.charge(tokens)

    def hold(self, payload: bytes) -> None:
        """Queue *payload* behind the pending responses, of which there is at least one."""
        assert self._queue is not None
        self._queue.append(payload)

    def reserve(self) -> Slot:
        """Reserve the place of the response to a request; later payloads are queued behind it."""
        if self._queue is None:
            self._queue = deque()
        slot = Slot()
        self._queue.append(slot)
        return slot

    def cancel(self, slot: Slot) -> None:
        """Remove *slot*, the last one, whose request was not performed."""
        assert self._queue is not None
        assert self._queue[-1] is slot
        self._queue.pop()
        if not self._queue:
            self._queue = None

    def fill(self, slot: Slot, payloads: Sequence[bytes]) -> None:
        """Set the response in *slot* to *payloads*, and send what is no longer blocked."""
        slot.payloads = payloads
        self.held_bytes += size(payloads)
        self._flush()

    def fill_late(
        self, slot: Slot, commit: Commit, encode: Callable[[BaseException | None], Sequence[bytes]]
    ) -> None:
        """Fill *slot* with what *encode* makes of *commit*'s failure, or None, when that is done."""
        commit.add_done_callback(lambda commit: self.fill(slot, encode(commit.exception())))

    def disconnect(self, code: int, reason: str) -> None:
        """End the session and close the connection at once; queued payloads are dropped."""
        self._queue = None
        self.outbox.disconnect(code, reason)

    def end(self) -> None:
        """Close the connection after all queued payloads."""
        if self._queue is None:
            self.outbox.disconnect(NORMAL_CLOSURE, "")
        else:
            self._queue.append(None)

    def _flush(self) -> None:
        due = self._queue
        while due:
            if isinstance(due[0], Slot) and due[0].payloads is None:
                return
            self._send(due.popleft())
        self._queue = None

    def _send(self, item: Slot | bytes | None) -> None:
        if item is None:
            self.outbox.disconnect(NORMAL_CLOSURE, "")
        elif isinstance(item, Slot):
            assert item.payloads is not None
            self.held_bytes -= size(item.payloads)
            self.outbox.send(LINE_END.join(item.payloads))  # a long history is one long message
        else:
            self.outbox.send(item)


def size(payloads: Sequence[bytes]) -> int:
    """Return the total size of *payloads* in bytes."""
    return sum(map(len, payloads))
