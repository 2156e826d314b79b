"""What the loop's thread knows of each room, and the batches in which it hands its news to the writer.

A log counts twice: what it was told to keep, and what is known to be on disk. When a batch fails, the
first goes back to the second, and rows that should have been written with it are written again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chateau.store.pages import HOLDING

if TYPE_CHECKING:
    from chateau.hub.events import StoredRecord
    from chateau.store.commit import Commit
    from chateau.store.pages import Limits, Mark


class Room:
    """A room: its number in the database, its last seq, and its logs, one a stream, where there is one.

    From *note_at* on, the last seq is to be noted on disk.
    """

    __slots__ = ("id", "is_saved", "key", "logs", "name", "note_at", "seq")

    def __init__(self, id_: int, key: str, *, name: str, seq: int, is_saved: bool) -> None:
        self.id = id_
        self.key = key
        self.name = name
        self.seq = seq
        self.is_saved = is_saved
        self.note_at = seq + 1
        self.logs: list[Log | None] = [None, None, None]

    def holds(self, limits: Limits) -> bool:
        oldest = limits.oldest()
        for stream in HOLDING:
            log = self.logs[stream]
            if log is not None and log.last is not None and limits.counts[stream] and log.last.time >= oldest:
                return True
        return False


class Erasure(NamedTuple):
    """Everything of a log is gone up to *mark*: so many records as were *added* until then."""

    mark: Mark
    added: int


class Log:
    """One stream of a room. *added* counts records from the first of all on, also those that are gone."""

    __slots__ = (
        "added",
        "began",
        "erased",
        "is_saved",
        "kept_added",
        "kept_last",
        "last",
        "open",
        "pending",
        "room",
        "stream",
        "trim_at",
    )

    def __init__(self, room: Room, stream: int, *, trim_at: int) -> None:
        self.room = room
        self.stream = stream
        self.began = ""
        self.is_saved = False
        self.added = self.kept_added = 0
        self.last: StoredRecord | Mark | None = None  # the last record, unless it was erased
        self.kept_last: StoredRecord | Mark | None = None
        self.pending: list[list[StoredRecord]] = []  # what is not known to be on disk, a list a batch
        self.open: list[StoredRecord] | None = None  # the one of the batch that is being filled
        self.erased: Erasure | None = None  # until that is on disk
        self.trim_at = trim_at

    def loaded(self, *, began: str, added: int, last: Mark | None) -> None:
        self.began = began
        self.is_saved = True
        self.added = self.kept_added = added
        self.last = self.kept_last = last

    def erase(self, mark: Mark) -> Erasure:
        if self.open is not None:
            self.open.clear()  # so that the writer, who erases first, does not bring it back
        self.open = None
        self.pending = []
        self.last = None
        self.erased = Erasure(mark, self.added)
        return self.erased

    def settle_erasure(self, erasure: Erasure) -> None:
        self.kept_added = erasure.added
        self.kept_last = None
        if self.erased is erasure:
            self.erased = None

    def settle(self, records: list[StoredRecord]) -> None:
        """*records* are on disk."""
        if records:
            self.kept_added += len(records)
            self.kept_last = records[-1]
            if self.pending and self.pending[0] is records:
                del self.pending[0]

    def revert(self) -> None:
        """Forget what is not on disk."""
        self.added = self.kept_added
        self.last = self.kept_last
        self.pending = []
        self.open = None
        self.erased = None


class Batch:
    """What one transaction writes, and the commit of all of it. Filled by the loop, then the writer's."""

    __slots__ = ("commit", "erasures", "is_probe", "logs", "oldest", "parts", "rooms", "trims")

    def __init__(self, commit: Commit) -> None:
        self.commit = commit
        self.rooms: list[Room] = []  # whose rows are to be written
        self.logs: list[Log] = []  # the same
        self.erasures: list[tuple[Log, Erasure]] = []
        self.parts: list[tuple[Log, list[StoredRecord]]] = []
        self.trims: list[tuple[Log, int]] = []  # with how many records, of all that were added, may be gone
        self.oldest = ""  # delete what is from before this, everywhere
        self.is_probe = False

    @property
    def is_lone(self) -> bool:
        """Whether it is one record, and nothing else is to be written with it."""
        more = self.rooms or self.logs or self.erasures or self.trims or self.oldest or self.is_probe
        return not more and len(self.parts) == 1 and len(self.parts[0][1]) == 1

    def close(self) -> None:
        """Take in no more."""
        for log, _ in self.parts:
            log.open = None

    def settle(self) -> None:
        """All of it is on disk."""
        for log, erasure in self.erasures:
            log.settle_erasure(erasure)
        for log, records in self.parts:
            log.settle(records)

    def revert(self) -> None:
        """None of it is on disk, nor will be."""
        for room in self.rooms:
            room.is_saved = False
        for log in self.logs:
            log.is_saved = False
        for log, _ in (*self.parts, *self.erasures):
            log.revert()
