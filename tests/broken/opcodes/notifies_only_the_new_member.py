"""Only the new member is notified of a join."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = (
    "login-notifies-general",
    "join-notifies-the-room",
    "commands-are-private",
    "messages-keep-their-order",
    "messages-reach-all-members",
    "names-ignore-case",
    "rejected-requests-get-one-error",
    "unknown-commands-are-rejected",
)


class NotifiesOnlyTheNewMember(RightOpcodes):
    def tell_arrival(self, client: Client) -> None:
        self.send(client, self.message_frame(self.name, f"{client.name} has entered the room"))


if __name__ == "__main__":
    serve(NotifiesOnlyTheNewMember)
