"""Only the newcomer hears of an arrival."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = (
    "arrivals-are-told-to-general",
    "arrivals-are-told-to-the-room",
    "commands-are-the-callers-alone",
    "messages-keep-their-order",
    "messages-reach-all-members",
    "names-ignore-case",
    "refused-requests-are-answered-once",
    "unknown-commands-are-refused",
)


class TellsArrivalsToNobodyElse(RightOpcodes):
    def tell_arrival(self, client: Client) -> None:
        self.send(client, self.said(client.room.name, f"{client.name} has entered the room"))


if __name__ == "__main__":
    serve(TellsArrivalsToNobodyElse)
