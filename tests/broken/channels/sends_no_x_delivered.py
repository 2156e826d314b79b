"""A server that sends no X-Delivered."""

from __future__ import annotations

from right_channels import RightChannels, serve
from tornado.web import RequestHandler

BREAKS = ("x-delivered-counts-recipients", "broadcast-gets-201-and-ok")


class SaysNoNumber(RightChannels):
    def respond(self, handler: RequestHandler, delivered: int) -> None:
        handler.set_status(201)
        self.write(handler, "OK")


if __name__ == "__main__":
    serve(SaysNoNumber)
