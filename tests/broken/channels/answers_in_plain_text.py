"""A server whose answers are plain text, without quotes."""

from __future__ import annotations

from right_channels import RightChannels, serve
from tornado.web import RequestHandler

BREAKS = (
    "a-published-package-is-answered-ok",
    "a-broadcast-is-answered-ok",
    "a-bad-request-is-answered-so",
    "a-wrong-password-is-refused",
)


class WritesText(RightChannels):
    content_type = "text/plain"

    def write(self, handler: RequestHandler, text: str) -> None:
        handler.set_header("Content-Type", self.content_type)
        handler.finish(text)


if __name__ == "__main__":
    serve(WritesText)
