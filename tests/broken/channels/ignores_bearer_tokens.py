"""A server that ignores the Authorization header."""

from __future__ import annotations

from right_channels import RightChannels, serve
from tornado.web import RequestHandler

BREAKS = ("bearer-token-is-a-password",)


class IgnoresBearerTokens(RightChannels):
    def password_in(self, handler: RequestHandler) -> str | None:
        return handler.get_query_argument("pwd", None)


if __name__ == "__main__":
    serve(IgnoresBearerTokens)
