"""A server that shuts down without notifying its clients."""

from __future__ import annotations

from right_chateau import RightChateau, serve

BREAKS = ("shutdown-is-announced-and-closes-with-1001",)


class StopsWithoutAPush(RightChateau):
    def shut_down(self) -> None:
        self.close()


if __name__ == "__main__":
    serve(StopsWithoutAPush)
