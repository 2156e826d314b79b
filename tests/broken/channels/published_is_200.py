"""A server that responds to a publish with 200."""

from __future__ import annotations

from right_channels import RightChannels, serve
from tornado.web import RequestHandler

BREAKS = ("published-package-gets-201-and-ok", "broadcast-gets-201-and-ok")


class SaysOK(RightChannels):
    def respond(self, handler: RequestHandler, delivered: int) -> None:
        handler.set_header("X-Delivered", str(delivered))
        self.write(handler, "OK")


if __name__ == "__main__":
    serve(SaysOK)
