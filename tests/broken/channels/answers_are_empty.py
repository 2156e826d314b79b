"""A server whose answers have no body."""

from __future__ import annotations

from right_channels import RightChannels, serve
from tornado.web import RequestHandler

BREAKS = (
    "a-published-package-is-answered-ok",
    "a-broadcast-is-answered-ok",
    "a-bad-request-is-answered-so",
    "a-bad-broadcast-is-refused",
    "a-wrong-password-is-refused",
    "a-missing-password-is-refused",
    "a-broadcast-needs-the-password",
)


class SaysNothing(RightChannels):
    def write(self, handler: RequestHandler, text: str) -> None:
        handler.set_header("Content-Type", self.content_type)
        handler.finish()


if __name__ == "__main__":
    serve(SaysNothing)
