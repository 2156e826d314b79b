"""A binary frame closes the connection."""

from __future__ import annotations

from right_opcodes import Client, Refused, RightOpcodes, serve

BREAKS = ("binary-frames-are-rejected",)


class ClosesOnBinaryFrames(RightOpcodes):
    def refuse(self, client: Client, refused: Refused) -> None:
        super().refuse(client, refused)
        if refused.code == "binary_frame":
            client.socket.close()


if __name__ == "__main__":
    serve(ClosesOnBinaryFrames)
