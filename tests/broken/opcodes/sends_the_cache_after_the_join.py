"""The join is announced before the cache is sent."""

from __future__ import annotations

from right_opcodes import Client, Frame, RightOpcodes, serve

BREAKS = ("first-message-is-the-login",)


class SendsTheCacheAfterTheJoin(RightOpcodes):
    def log_in(self, client: Client, name: str) -> None:
        self.held: list[Frame] = []
        try:
            super().log_in(client, name)
        finally:
            held, self.held = self.held, None
        for frame in held:
            super().send(client, frame)

    held = None

    def send(self, client: Client, frame: Frame) -> None:
        if self.held is not None and frame["op"] == 4:
            self.held.append(frame)
        else:
            super().send(client, frame)


if __name__ == "__main__":
    serve(SendsTheCacheAfterTheJoin)
