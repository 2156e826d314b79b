"""A ban does not apply to open connections."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("bans-reject-every-request",)


class BansNewConnectionsOnly(RightFunctions):
    def __init__(self, secret_key: str | None) -> None:
        super().__init__(secret_key)
        self.older: set[str] = set()

    def ban_ip(self, client: Client, request: Frame) -> Frame:
        self.older = set(self.clients)
        return super().ban_ip(client, request)

    def check_ban(self, client: Client) -> None:
        if client.id not in self.older:
            super().check_ban(client)


if __name__ == "__main__":
    serve(BansNewConnectionsOnly)
