"""A message's recipients get the callback of its sender."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = (
    "addresses-are-compared-whole",
    "allowed-addresses-reach-private-clients",
    "blocks-are-the-clients-own",
    "callbacks-stay-with-the-caller",
    "clients-are-public-again",
    "empty-keys-are-none",
    "frames-may-come-in-pieces",
    "ipv6-addresses-are-taken",
    "messages-reach-each-recipient",
    "others-do-not-hear-a-message",
    "private-clients-still-send",
    "ranges-are-allowed",
    "ranges-are-blocked",
    "refused-calls-do-nothing",
    "senders-that-name-themselves-hear-it",
    "the-key-passes-privacy-and-blocks",
    "the-root-path-speaks-functions",
    "undelivered-is-left-out-where-all-were-reached",
    "undelivered-lists-who-was-not-reached",
)


class PushesTheCallback(RightFunctions):
    def push(self, sender: Client, request: Frame) -> Frame:
        return super().push(sender, request) | {"callback": request.get("callback", "")}


if __name__ == "__main__":
    serve(PushesTheCallback)
