"""A message with an invalid recipient is rejected, and delivered."""

from __future__ import annotations

from right_functions import Client, Frame, Refused, RightFunctions, serve

BREAKS = ("rejected-calls-have-no-effect", "wrong-keys-are-rejected")


class DeliversRejectedMessages(RightFunctions):
    def perform(self, client: Client, request: Frame) -> Frame:
        try:
            return super().perform(client, request)
        except Refused:
            for one in self.clients.values():
                if one.id in list(request.get("recipient_ids", [])):
                    self.send(one, self.push(client, request))
            raise


if __name__ == "__main__":
    serve(DeliversRejectedMessages)
