"""A server that sends again what has an Idempotency-Key that was used before."""

from __future__ import annotations

import sys
from pathlib import Path

from tornado.web import RequestHandler

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_channels import Package, RightChannels, serve

BREAKS = ("an-idempotency-key-sends-once", "an-idempotency-key-broadcasts-once")


class SendsTwice(RightChannels):
    def once(self, handler: RequestHandler, scope: str, packages: list[Package]) -> int:
        return sum(map(self.deliver, packages))


if __name__ == "__main__":
    serve(SendsTwice)
