"""!auth accepts any key."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("auth-needs-the-right-key",)


class AcceptsAnyKey(RightOpcodes):
    def do_auth(self, client: Client, key: str) -> str:
        client.is_admin = True
        return "You are the owner."


if __name__ == "__main__":
    serve(AcceptsAnyKey)
