"""Who is both allowed and blocked comes through."""

from __future__ import annotations

from right_functions import Client, RightFunctions, serve

BREAKS = ("block-overrides-allow", "blocks-affect-only-the-caller")


class AnAllowWinsOverABlock(RightFunctions):
    def lets_in(self, target: Client, ip: str) -> bool:
        return self.is_within(ip, target.allowed) or super().lets_in(target, ip)


if __name__ == "__main__":
    serve(AnAllowWinsOverABlock)
