"""Who is banned sends no messages; everything else goes on."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, RightFunctions, serve

BREAKS = ("bans-are-lifted", "bans-hold-for-new-connections", "bans-refuse-every-request")


class BansSomeFunctionsOnly(RightFunctions):
    def on_frame(self, client: Client, message: str | bytes) -> None:
        self.may_be_banned = "send_message" in str(message)
        super().on_frame(client, message)

    def check_ban(self, client: Client) -> None:
        if self.may_be_banned:
            super().check_ban(client)


if __name__ == "__main__":
    serve(BansSomeFunctionsOnly)
