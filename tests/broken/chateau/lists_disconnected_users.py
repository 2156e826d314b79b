"""A server that lists users who have disconnected."""

from __future__ import annotations

from typing import ClassVar

from right_chateau import Frame, RightChateau, serve

BREAKS = ("list-omits-disconnected-users",)


class ListsDisconnectedUsers(RightChateau):
    departed: ClassVar[list[str]] = []

    def on_close(self) -> None:
        self.departed.append(self.username or "")
        super().on_close()

    def do_list(self, request: Frame) -> Frame:
        names = super().do_list(request)["clients"]
        return {"clients": names + [name for name in self.departed if name and name not in names]}


if __name__ == "__main__":
    serve(ListsDisconnectedUsers)
