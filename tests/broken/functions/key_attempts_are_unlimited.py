"""Wrong keys are not rate limited."""

from __future__ import annotations

from right_functions import Client, RightFunctions, serve

BREAKS = ("wrong-keys-are-rate-limited",)


class KeyAttemptsAreUnlimited(RightFunctions):
    def check_key(self, client: Client, key: str) -> None:
        self.wrong_keys.clear()
        super().check_key(client, key)


if __name__ == "__main__":
    serve(KeyAttemptsAreUnlimited)
