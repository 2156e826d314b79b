"""A server whose response and push have different ids."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("message-push-has-the-id-and-time-of-the-response",)


class PushesAnotherId(RightChateau):
    def do_message(self, request: Frame) -> Frame:
        return super().do_message(request) | {"id": self.new_id()["id"]}


if __name__ == "__main__":
    serve(PushesAnotherId)
