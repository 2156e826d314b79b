"""A server whose responses have no body."""

from __future__ import annotations

from right_channels import RightChannels, serve
from tornado.web import RequestHandler

BREAKS = (
    "published-package-gets-201-and-ok",
    "broadcast-gets-201-and-ok",
    "rejected-package-gets-bad-request",
    "invalid-broadcast-is-rejected",
    "wrong-password-is-rejected",
    "missing-password-is-rejected",
    "broadcast-needs-the-password",
)


class SaysNothing(RightChannels):
    def write(self, handler: RequestHandler, text: str) -> None:
        handler.set_header("Content-Type", self.content_type)
        handler.finish()


if __name__ == "__main__":
    serve(SaysNothing)
