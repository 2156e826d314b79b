"""Who was private once is so for ever."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("blocks-are-the-clients-own", "clients-are-public-again")


class StaysPrivate(RightFunctions):
    def set_privacy(self, client: Client, request: Frame) -> Frame:
        was_private = client.privacy == "private"
        result = super().set_privacy(client, request)
        client.privacy = "private" if was_private else client.privacy
        return result


if __name__ == "__main__":
    serve(StaysPrivate)
