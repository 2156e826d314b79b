"""A server that trims content."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "content-with-control-characters-arrives-unchanged",
    "content-with-spaces-at-its-ends-arrives-unchanged",
)


class TrimsContent(RightChateau):
    def do_message(self, request: Frame) -> Frame:
        return super().do_message(request | {"content": request["content"].strip()})


if __name__ == "__main__":
    serve(TrimsContent)
