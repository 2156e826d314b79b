"""A server that tells a join to all members, the one who joins among them."""

from __future__ import annotations

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "after-leave-nothing-of-the-room-comes",
    "join-is-not-told-outside-the-room",
    "join-is-not-told-to-who-joins",
    "leave-is-not-told-to-who-leaves",
    "publish-comes-to-members-once",
    "publish-does-not-reach-those-outside",
    "publish-to-a-room-that-one-is-not-in-is-not-in-room",
    "publish-with-the-same-key-is-said-once",
)


class TellsWhoJoinsOfItself(RightChateau):
    def do_join(self, request: Frame) -> Frame:
        answer = super().do_join(request)
        event = {"event": "joined", "room": answer["room"], "username": self.username}
        self.deliver({"type": 5, "status": 200, **event}, [self])
        return answer


if __name__ == "__main__":
    serve(TellsWhoJoinsOfItself)
