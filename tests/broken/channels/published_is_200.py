"""A server that answers 200 to what was published."""

from __future__ import annotations

from right_channels import RightChannels, serve
from tornado.web import RequestHandler

BREAKS = ("a-published-package-is-answered-ok", "a-broadcast-is-answered-ok")


class SaysOK(RightChannels):
    def answer(self, handler: RequestHandler, delivered: int) -> None:
        handler.set_header("X-Delivered", str(delivered))
        self.write(handler, "OK")


if __name__ == "__main__":
    serve(SaysOK)
