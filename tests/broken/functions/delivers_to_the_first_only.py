"""Only the first of several recipients gets the message."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = (
    "block-overrides-allow",
    "addresses-match-exactly",
    "empty-key-counts-as-none",
    "messages-reach-each-recipient",
    "key-overrides-privacy-and-blocks",
    "undelivered-lists-unreached-ids",
    "unknown-private-and-blocking-look-alike",
)


class DeliversToTheFirstOnly(RightFunctions):
    def send_message(self, client: Client, request: Frame) -> Frame:
        ids = request["recipient_ids"]
        result = super().send_message(client, request | {"recipient_ids": ids[:1]})
        undelivered = [id_ for id_ in ids if id_ not in self.clients]
        return result | {"undelivered": undelivered} if undelivered else result


if __name__ == "__main__":
    serve(DeliversToTheFirstOnly)
