"""The name of a disconnected user stays taken."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("disconnecting-frees-the-name",)


class DoesNotFreeNames(RightOpcodes):
    def disconnected(self, client: Client) -> None:
        self.go_out(client)


if __name__ == "__main__":
    serve(DoesNotFreeNames)
