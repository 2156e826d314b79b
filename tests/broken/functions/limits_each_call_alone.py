"""The limit of 16 KiB is per call, not for all variables."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("custom-variables-over-16-kib-are-rejected",)


class LimitsEachCallAlone(RightFunctions):
    def set_custom_variables(self, client: Client, request: Frame) -> Frame:
        before, client.custom = client.custom, {}
        try:
            given = super().set_custom_variables(client, request)["custom_variables"]
        finally:
            client.custom = before
        client.custom = before | given
        return {"custom_variables": client.custom}


if __name__ == "__main__":
    serve(LimitsEachCallAlone)
