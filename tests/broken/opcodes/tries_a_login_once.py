"""After a rejected name, the next op 1 is a message."""

from __future__ import annotations

from right_opcodes import Client, Refused, RightOpcodes, serve

BREAKS = (
    "errors-are-short-sentences",
    "names-have-1-to-32-characters",
    "names-have-no-control-characters",
    "names-ignore-case",
    "taken-names-are-rejected",
)


class TriesALoginOnce(RightOpcodes):
    def log_in(self, client: Client, name: str) -> None:
        try:
            super().log_in(client, name)
        except Refused:
            client.name = f"guest{id(client)}"
            self.come_in(client, self.room("general"))
            raise


if __name__ == "__main__":
    serve(TriesALoginOnce)
