"""A server on which clients without a nickname can join a room."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("login-is-needed-to-join", "errors-have-only-the-seeds-keys")


class LetsAnybodyIn(RightLines):
    def check_login(self, client: Client) -> None:
        """Everybody is welcome."""


if __name__ == "__main__":
    serve(LetsAnybodyIn)
