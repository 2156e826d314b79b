"""A server that accepts any password for publishing."""

from __future__ import annotations

from right_channels import RightChannels, serve
from tornado.web import RequestHandler

BREAKS = ("wrong-password-is-rejected", "broadcast-needs-the-password", "bearer-token-is-a-password")


class TakesAnyPassword(RightChannels):
    def check_password(self, handler: RequestHandler) -> None:
        if self.password is not None and not self.password_in(handler):
            super().check_password(handler)


if __name__ == "__main__":
    serve(TakesAnyPassword)
