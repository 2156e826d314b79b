"""A sender that names itself hears nothing."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("senders-that-name-themselves-hear-it",)


class DoesNotDeliverToTheSender(RightFunctions):
    def send_message(self, client: Client, request: Frame) -> Frame:
        others = [id_ for id_ in request["recipient_ids"] if id_ != client.id]
        return super().send_message(client, request | {"recipient_ids": others})


if __name__ == "__main__":
    serve(DoesNotDeliverToTheSender)
