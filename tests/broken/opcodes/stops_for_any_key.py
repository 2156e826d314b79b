"""An op 3 stops the server with any key."""

from __future__ import annotations

from right_opcodes import Client, Frame, RightOpcodes, serve

BREAKS = ("op-3-with-a-wrong-key-is-rejected",)


class StopsForAnyKey(RightOpcodes):
    def perform(self, client: Client, request: Frame) -> None:
        if request.get("op") == 3 and "key" in request.get("d", ""):
            self.stop(request["d"].get("reason"))
        super().perform(client, request)


if __name__ == "__main__":
    serve(StopsForAnyKey)
