"""A server that registers a taken name."""

from __future__ import annotations

from right_chateau import RightChateau, serve

BREAKS = (
    "register-a-taken-name-is-name-taken",
    "register-a-taken-name-in-another-case-is-name-taken",
    "register-a-taken-name-in-other-code-points-is-name-taken",
    "register-a-taken-name-in-other-widths-is-name-taken",
    "register-one-name-from-two-sessions-at-once-gives-it-to-one",
)


class AcceptsATakenName(RightChateau):
    def is_taken(self, name: str) -> bool:
        self.form_of(name)
        return False


if __name__ == "__main__":
    serve(AcceptsATakenName)
