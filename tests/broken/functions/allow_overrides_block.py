"""An allow overrides a block."""

from __future__ import annotations

from right_functions import Client, RightFunctions, serve

BREAKS = ("block-overrides-allow", "blocks-affect-only-the-caller")


class AllowOverridesBlock(RightFunctions):
    def lets_in(self, target: Client, ip: str) -> bool:
        return self.is_within(ip, target.allowed) or super().lets_in(target, ip)


if __name__ == "__main__":
    serve(AllowOverridesBlock)
