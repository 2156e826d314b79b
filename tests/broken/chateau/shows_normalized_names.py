"""A server that shows a normalized name instead of the registered one."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "name-keeps-its-case",
    "join-returns-the-members",
    "list-is-sorted",
    "message-normalizes-recipient-names",
    "message-to-a-name-listed-twice-is-delivered-once",
)


class ShowsNormalizedNames(RightChateau):
    def do_register(self, request: Frame) -> Frame:
        response = super().do_register(request)
        self.username = self.form
        return response


if __name__ == "__main__":
    serve(ShowsNormalizedNames)
