"""A server that sends a message with a repeated key again."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = ("publish-with-the-same-key-is-sent-once",)


class SendsARepeatedKeyAgain(RightChateau):
    def do_publish(self, request: Frame) -> Frame:
        before = len(self.room_around(request["room"]).messages)
        receipt = super().do_publish(request)
        if len(self.room_around(request["room"]).messages) == before:
            self.publish(self.room_around(request["room"]), request["content"])
        return receipt


if __name__ == "__main__":
    serve(SendsARepeatedKeyAgain)
