"""A server whose responses are plain text, without quotes."""

from __future__ import annotations

from right_channels import RightChannels, serve
from tornado.web import RequestHandler

BREAKS = (
    "published-package-gets-201-and-ok",
    "broadcast-gets-201-and-ok",
    "rejected-package-gets-bad-request",
    "wrong-password-is-rejected",
)


class WritesText(RightChannels):
    content_type = "text/plain"

    def write(self, handler: RequestHandler, text: str) -> None:
        handler.set_header("Content-Type", self.content_type)
        handler.finish(text)


if __name__ == "__main__":
    serve(WritesText)
