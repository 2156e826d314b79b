"""!users names those in general, wherever one is."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("commands-are-answered-by-the-server", "commands-are-the-callers-alone", "users-names-the-users")


class UsersAreThoseOfGeneral(RightOpcodes):
    def do_users(self, client: Client) -> str:
        return ", ".join(member.name for member in self.room("general").members)


if __name__ == "__main__":
    serve(UsersAreThoseOfGeneral)
