"""A server that answers 200 to what was published."""

from __future__ import annotations

import sys
from pathlib import Path

from tornado.web import RequestHandler

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_channels import RightChannels, serve

BREAKS = ("a-published-package-is-answered-ok", "a-broadcast-is-answered-ok")


class SaysOK(RightChannels):
    def answer(self, handler: RequestHandler, delivered: int) -> None:
        handler.set_header("X-Delivered", str(delivered))
        self.write(handler, "OK")


if __name__ == "__main__":
    serve(SaysOK)
