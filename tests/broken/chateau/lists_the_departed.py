"""A server that goes on listing the names of connections that are gone."""

from __future__ import annotations

from typing import ClassVar

from right_chateau import Frame, RightChateau, serve

BREAKS = ("list-omits-disconnected-users",)


class ListsTheDeparted(RightChateau):
    departed: ClassVar[list[str]] = []

    def on_close(self) -> None:
        self.departed.append(self.username or "")
        super().on_close()

    def do_list(self, request: Frame) -> Frame:
        names = super().do_list(request)["clients"]
        return {"clients": names + [name for name in self.departed if name and name not in names]}


if __name__ == "__main__":
    serve(ListsTheDeparted)
