"""A ban holds until the server stops, whatever is said."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("bans-are-lifted",)


class LiftsNoBan(RightFunctions):
    def unban_ip(self, client: Client, request: Frame) -> Frame:
        self.check_key(client, request["secret_key"])
        return {"ip": request["ip"]}


if __name__ == "__main__":
    serve(LiftsNoBan)
