"""A server that ignores a repeated Idempotency-Key."""

from __future__ import annotations

from right_channels import Package, RightChannels, serve
from tornado.web import RequestHandler

BREAKS = ("repeated-idempotency-key-publishes-once", "repeated-idempotency-key-broadcasts-once")


class SendsTwice(RightChannels):
    def once(self, handler: RequestHandler, scope: str, packages: list[Package]) -> int:
        return sum(map(self.deliver, packages))


if __name__ == "__main__":
    serve(SendsTwice)
