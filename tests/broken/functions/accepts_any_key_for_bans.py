"""A ban accepts any key."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("bans-need-the-key",)


class AcceptsAnyKeyForBans(RightFunctions):
    def ban_ip(self, client: Client, request: Frame) -> Frame:
        self.banned.append(self.addresses(request))
        return {"ip": request["ip"]}


if __name__ == "__main__":
    serve(AcceptsAnyKeyForBans)
