"""A server whose 400 has no reason."""

from __future__ import annotations

from right_channels import Refused, RightChannels, serve
from tornado.web import RequestHandler

BREAKS = ("bad-request-has-x-error", "error-is-one-short-sentence")


class SendsNoXError(RightChannels):
    def reject(self, handler: RequestHandler, refused: Refused) -> None:
        handler.set_status(refused.status)
        self.write(handler, refused.response)


if __name__ == "__main__":
    serve(SendsNoXError)
