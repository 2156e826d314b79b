"""A server that shuts down without notifying its clients."""

from __future__ import annotations

from right_lines import RightLines, serve

BREAKS = ("shutdown-is-announced",)


class StopsSilently(RightLines):
    def shut_down(self) -> None:
        for client in self.clients:
            client.writer.close()


if __name__ == "__main__":
    serve(StopsSilently)
