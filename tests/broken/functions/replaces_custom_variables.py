"""New custom variables replace all old ones."""

from __future__ import annotations

from right_functions import Frame, RightFunctions, serve

BREAKS = ("custom-variables-are-merged", "custom-variables-over-16-kib-are-rejected")


class ReplacesCustomVariables(RightFunctions):
    def merged(self, custom: Frame, given: Frame) -> Frame:
        return given


if __name__ == "__main__":
    serve(ReplacesCustomVariables)
