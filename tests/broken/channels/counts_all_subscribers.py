"""A server that counts the subscribers of all channels in X-Delivered."""

from __future__ import annotations

from right_channels import RightChannels, serve
from tornado.web import RequestHandler

BREAKS = ("x-delivered-counts-recipients",)


class CountsEverybody(RightChannels):
    def respond(self, handler: RequestHandler, delivered: int) -> None:
        super().respond(handler, len(self.subscribers))


if __name__ == "__main__":
    serve(CountsEverybody)
