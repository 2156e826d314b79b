"""A server that sends the joined push to the joining client, too."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "leaving-ends-the-messages",
    "join-notifies-nobody-outside-the-room",
    "join-sends-no-push-to-the-caller",
    "leave-sends-no-push-to-the-caller",
    "publish-reaches-members-once",
    "publish-reaches-only-members",
    "publish-without-membership-is-not-in-room",
    "publish-with-the-same-key-is-sent-once",
)


class SendsTheJoinPushToTheCaller(RightChateau):
    def do_join(self, request: Frame) -> Frame:
        response = super().do_join(request)
        event = {"event": "joined", "room": response["room"], "username": self.username}
        self.deliver({"type": 5, "status": 200, **event}, [self])
        return response


if __name__ == "__main__":
    serve(SendsTheJoinPushToTheCaller)
