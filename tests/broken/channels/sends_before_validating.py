"""A server that sends a broadcast up to its first error."""

from __future__ import annotations

from right_channels import RightChannels, serve
from tornado.web import RequestHandler

BREAKS = ("broadcast-is-validated-as-a-whole",)


class SendsTooEarly(RightChannels):
    def broadcast(self, handler: RequestHandler) -> int:
        self.check_password(handler)
        return self.once(handler, "", self.packages_in(handler.request.body))


if __name__ == "__main__":
    serve(SendsTooEarly)
