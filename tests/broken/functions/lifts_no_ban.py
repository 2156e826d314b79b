"""A ban lasts until the server stops, even if lifted."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("unban-lifts-a-ban",)


class LiftsNoBan(RightFunctions):
    def unban_ip(self, client: Client, request: Frame) -> Frame:
        self.check_key(client, request["secret_key"])
        return {"ip": request["ip"]}


if __name__ == "__main__":
    serve(LiftsNoBan)
