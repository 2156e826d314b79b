"""Private clients reach nobody."""

from __future__ import annotations

from right_functions import Client, Frame, Refused, RightFunctions, serve

BREAKS = ("private-clients-still-send",)


class PrivateClientsCannotSend(RightFunctions):
    def send_message(self, client: Client, request: Frame) -> Frame:
        if client.privacy == "private" and request["recipient_ids"]:
            raise Refused("access_denied", "You are private.")
        return super().send_message(client, request)


if __name__ == "__main__":
    serve(PrivateClientsCannotSend)
