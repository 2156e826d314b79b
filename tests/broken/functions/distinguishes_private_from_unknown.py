"""The response shows which undelivered ids exist."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("unknown-private-and-blocking-look-alike",)


class DistinguishesPrivateFromUnknown(RightFunctions):
    def message_result(self, client: Client, request: Frame, undelivered: list[str]) -> Frame:
        there = [id_ for id_ in undelivered if id_ in self.clients]
        return super().message_result(client, request, undelivered) | ({"private": there} if there else {})


if __name__ == "__main__":
    serve(DistinguishesPrivateFromUnknown)
