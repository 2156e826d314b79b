"""A server that sends room messages to former members."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from right_chateau import Frame, RightChateau, Room, serve

BREAKS = ("leaving-ends-the-messages",)


class DeliversToFormerMembers(RightChateau):
    gone: ClassVar[dict[str, list[RightChateau]]] = {}

    def leave(self, room: Room) -> None:
        super().leave(room)
        self.gone.setdefault(room.name, []).append(self)

    def deliver(self, frame: Frame, recipients: Iterable[RightChateau]) -> None:
        gone = self.gone.get(frame["room"], []) if frame["type"] == 7 else []
        super().deliver(frame, dict.fromkeys([*recipients, *gone]))


if __name__ == "__main__":
    serve(DeliversToFormerMembers)
