"""The empty key counts as a wrong one even where it is optional."""

from __future__ import annotations

from right_functions import Client, Frame, Refused, RightFunctions, serve

BREAKS = ("empty-key-counts-as-none",)


class RejectsTheEmptyKey(RightFunctions):
    def shows_key(self, client: Client, request: Frame) -> bool:
        if request.get("secret_key") == "":
            raise Refused("access_denied", "The key is wrong.")
        return super().shows_key(client, request)


if __name__ == "__main__":
    serve(RejectsTheEmptyKey)
