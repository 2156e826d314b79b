"""A server that counts the subscribers of all channels in X-Delivered."""

from __future__ import annotations

import sys
from pathlib import Path

from tornado.web import RequestHandler

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_channels import RightChannels, serve

BREAKS = ("x-delivered-says-how-many-got-it",)


class CountsEverybody(RightChannels):
    def answer(self, handler: RequestHandler, delivered: int) -> None:
        super().answer(handler, len(self.subscribers))


if __name__ == "__main__":
    serve(CountsEverybody)
