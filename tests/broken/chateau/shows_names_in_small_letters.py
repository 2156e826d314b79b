"""A server that shows a name as it is compared, and not as it was registered."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "name-keeps-its-case",
    "join-returns-the-members",
    "list-is-sorted",
    "message-normalizes-recipient-names",
    "message-to-a-name-listed-twice-is-delivered-once",
)


class ShowsNamesInSmallLetters(RightChateau):
    def do_register(self, request: Frame) -> Frame:
        answer = super().do_register(request)
        self.username = self.form
        return answer


if __name__ == "__main__":
    serve(ShowsNamesInSmallLetters)
