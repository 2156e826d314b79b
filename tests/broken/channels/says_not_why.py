"""A server whose 400 does not say why."""

from __future__ import annotations

import sys
from pathlib import Path

from tornado.web import RequestHandler

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_channels import Refused, RightChannels, serve

BREAKS = ("a-bad-request-says-why", "an-error-quotes-little")


class SaysNotWhy(RightChannels):
    def refuse(self, handler: RequestHandler, refused: Refused) -> None:
        handler.set_status(refused.status)
        self.write(handler, refused.answer)


if __name__ == "__main__":
    serve(SaysNotWhy)
