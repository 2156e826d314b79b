"""Invalid JSON closes the connection."""

from __future__ import annotations

from right_functions import Client, Frame, Refused, RightFunctions, serve

BREAKS = ("invalid-json-is-rejected",)


class ClosesOnInvalidJson(RightFunctions):
    def reject(self, client: Client, request: Frame, refused: Refused) -> None:
        super().reject(client, request, refused)
        if refused.code == "invalid_json":
            client.socket.close()


if __name__ == "__main__":
    serve(ClosesOnInvalidJson)
