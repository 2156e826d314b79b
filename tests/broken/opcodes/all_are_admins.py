"""Admin commands need no key."""

from __future__ import annotations

from right_opcodes import Client, Door, RightOpcodes, serve

BREAKS = ("auth-needs-the-right-key", "admin-commands-need-the-key")


class AllAreAdmins(RightOpcodes):
    def connected(self, socket: Door, ip: str) -> Client:
        client = super().connected(socket, ip)
        client.is_admin = True
        return client


if __name__ == "__main__":
    serve(AllAreAdmins)
