"""A sender that names itself gets no message."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("senders-may-be-recipients",)


class DoesNotDeliverToTheSender(RightFunctions):
    def send_message(self, client: Client, request: Frame) -> Frame:
        others = [id_ for id_ in request["recipient_ids"] if id_ != client.id]
        return super().send_message(client, request | {"recipient_ids": others})


if __name__ == "__main__":
    serve(DoesNotDeliverToTheSender)
