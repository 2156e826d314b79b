"""Custom variables that are too large are rejected, and set."""

from __future__ import annotations

from right_functions import Client, Frame, RightFunctions, serve

BREAKS = ("custom-variables-over-16-kib-are-rejected",)


class SetsRejectedVariables(RightFunctions):
    def set_custom_variables(self, client: Client, request: Frame) -> Frame:
        try:
            return super().set_custom_variables(client, request)
        finally:
            client.custom = client.custom | request["custom_variables"]


if __name__ == "__main__":
    serve(SetsRejectedVariables)
