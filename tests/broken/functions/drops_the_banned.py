"""Who is banned is told so, and the connection closes."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, Refused, RightFunctions, serve

BREAKS = ("bans-are-lifted", "bans-hold-for-new-connections", "bans-refuse-every-request")


class DropsTheBanned(RightFunctions):
    def refuse(self, client: Client, request: Frame, refused: Refused) -> None:
        super().refuse(client, request, refused)
        if refused.code == "banned":
            client.socket.close()


if __name__ == "__main__":
    serve(DropsTheBanned)
