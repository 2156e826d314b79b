"""A server that counts the UTF-16 code units of a name."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("register-a-name-of-32-characters-works",)


class CountsUtf16(RightChateau):
    def check(self, name: str, request: Frame) -> None:
        super().check(name, request)
        if name == "register" and len(request["username"].encode("utf-16-le")) > 64:
            super().check(name, request | {"username": "x" * 33})


if __name__ == "__main__":
    serve(CountsUtf16)
