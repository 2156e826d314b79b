"""A server that delivers a message to known recipients before it rejects it for unknown ones."""

from __future__ import annotations

from right_chateau import Frame, Refused, RightChateau, serve

BREAKS = ("message-with-one-unknown-name-is-delivered-to-nobody",)


class DeliversInPart(RightChateau):
    def recipients(self, names: list[str]) -> list[RightChateau]:
        self.here = [holder for name in names if (holder := self.holder(name)) is not None]
        return super().recipients(names)

    def do_message(self, request: Frame) -> Frame:
        try:
            return super().do_message(request)
        except Refused:
            said = {"sender": self.username, "clients": request["clients"], "content": request["content"]}
            self.deliver({"type": 3, "status": 200, **said, **self.new_id()}, self.here)
            raise


if __name__ == "__main__":
    serve(DeliversInPart)
