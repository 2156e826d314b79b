"""A server that shuts down with the close code 1000."""

from __future__ import annotations

from right_functions import RightFunctions, serve

BREAKS = ("shutdown-is-announced-and-closes-with-1001",)


class StopsWith1000(RightFunctions):
    def shut_down(self) -> None:
        for client in self.clients.values():
            self.send(client, {"function": "shutdown", "reason": None})
            client.socket.close(1000)


if __name__ == "__main__":
    serve(StopsWith1000)
