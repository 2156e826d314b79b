"""A server that treats all Idempotency-Keys as one."""

from __future__ import annotations

from right_channels import Package, RightChannels, serve
from tornado.web import RequestHandler

BREAKS = ("repeated-idempotency-key-publishes-once",)


class KnowsOneKey(RightChannels):
    def once(self, handler: RequestHandler, scope: str, packages: list[Package]) -> int:
        if "Idempotency-Key" in handler.request.headers:
            handler.request.headers["Idempotency-Key"] = "the one"
        return super().once(handler, scope, packages)


if __name__ == "__main__":
    serve(KnowsOneKey)
