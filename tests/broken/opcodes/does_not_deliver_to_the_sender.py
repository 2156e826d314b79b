"""A message goes to all members but its sender."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = (
    "commands-are-private",
    "fragments-are-one-message",
    "long-messages-arrive-whole",
    "messages-keep-their-order",
    "messages-reach-all-members",
    "messages-stay-in-their-room",
    "one-room-at-a-time",
    "op-3-with-a-wrong-key-is-rejected",
    "rejected-requests-get-one-error",
    "text-is-utf-8",
    "unbanned-users-can-join-again",
    "unknown-commands-are-rejected",
)


class DoesNotDeliverToTheSender(RightOpcodes):
    def say(self, client: Client, content: str) -> None:
        for member in self.room_of(client).members:
            if member is not client:
                self.send(member, self.message_frame(client.name, content))


if __name__ == "__main__":
    serve(DoesNotDeliverToTheSender)
