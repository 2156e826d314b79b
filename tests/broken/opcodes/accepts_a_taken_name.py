"""A taken name is accepted."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("names-ignore-case", "taken-names-are-rejected")


class AcceptsATakenName(RightOpcodes):
    def log_in(self, client: Client, name: str) -> None:
        others, self.clients = self.clients, [client]
        try:
            super().log_in(client, name)
        finally:
            self.clients = others


if __name__ == "__main__":
    serve(AcceptsATakenName)
