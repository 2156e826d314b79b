"""A server that ignores unknown keys."""

from __future__ import annotations

from right_chateau import VALIDATORS, Frame, RightChateau, serve

BREAKS = (
    "list-with-an-unknown-key-is-invalid-message",
    "message-with-an-unknown-key-is-invalid-message",
    "register-with-an-unknown-key-is-invalid-message",
    "room-requests-with-an-unknown-key-are-invalid-message",
)


class AcceptsUnknownKeys(RightChateau):
    def check(self, name: str, request: Frame) -> None:
        known = VALIDATORS[name].schema["properties"]
        super().check(name, {key: value for key, value in request.items() if key in known})


if __name__ == "__main__":
    serve(AcceptsUnknownKeys)
