"""A server for which Alice and alice are two names."""

from __future__ import annotations

from right_chateau import RightChateau, serve

BREAKS = (
    "register-a-taken-name-in-another-case-is-name-taken",
    "register-a-taken-name-in-other-code-points-is-name-taken",
    "register-a-taken-name-in-other-widths-is-name-taken",
)


class ComparesNamesByBytes(RightChateau):
    def is_taken(self, name: str) -> bool:
        self.form_of(name)
        return any(session.username == name for session in self.state.sessions)


if __name__ == "__main__":
    serve(ComparesNamesByBytes)
