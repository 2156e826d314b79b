"""!users lists the members of general, in every room."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("command-responses-are-from-the-server", "commands-are-private", "users-lists-the-users")


class UsersAreThoseOfGeneral(RightOpcodes):
    def do_users(self, client: Client) -> str:
        return ", ".join(member.name for member in self.room("general").members)


if __name__ == "__main__":
    serve(UsersAreThoseOfGeneral)
