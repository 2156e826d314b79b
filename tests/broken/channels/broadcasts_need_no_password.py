"""A server that requires no password for a broadcast."""

from __future__ import annotations

from right_channels import RightChannels, serve
from tornado.web import RequestHandler

BREAKS = ("broadcast-needs-the-password",)


class BroadcastsForAll(RightChannels):
    def broadcast(self, handler: RequestHandler) -> int:
        password, self.password = self.password, None
        try:
            return super().broadcast(handler)
        finally:
            self.password = password


if __name__ == "__main__":
    serve(BroadcastsForAll)
