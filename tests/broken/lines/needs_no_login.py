"""A server that lets clients without a nickname into a room."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import Client, RightLines, serve

BREAKS = ("login-is-needed-to-join", "errors-have-no-other-keys")


class LetsAnybodyIn(RightLines):
    def check_login(self, client: Client) -> None:
        """Everybody is welcome."""


if __name__ == "__main__":
    serve(LetsAnybodyIn)
