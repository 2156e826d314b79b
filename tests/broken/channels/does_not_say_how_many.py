"""A server that does not say how many got a package."""

from __future__ import annotations

import sys
from pathlib import Path

from tornado.web import RequestHandler

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_channels import RightChannels, serve

BREAKS = ("x-delivered-says-how-many-got-it", "a-broadcast-is-answered-ok")


class SaysNoNumber(RightChannels):
    def answer(self, handler: RequestHandler, delivered: int) -> None:
        handler.set_status(201)
        self.write(handler, "OK")


if __name__ == "__main__":
    serve(SaysNoNumber)
