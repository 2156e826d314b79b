"""A server whose responses have a status in addition to their result."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("responses-have-only-the-seeds-keys",)


class AddsAStatus(RightLines):
    def ok(self, client: Client, text: str = "OK", **more: object) -> None:
        super().ok(client, text, status=200, **more)


if __name__ == "__main__":
    serve(AddsAStatus)
