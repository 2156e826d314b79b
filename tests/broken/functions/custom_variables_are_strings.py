"""Custom variables are stored as strings."""

from __future__ import annotations

from right_functions import Frame, RightFunctions, serve

BREAKS = ("custom-variables-are-any-json", "custom-variables-are-merged")


class CustomVariablesAreStrings(RightFunctions):
    def merged(self, custom: Frame, given: Frame) -> Frame:
        return custom | {name: str(value) for name, value in given.items()}


if __name__ == "__main__":
    serve(CustomVariablesAreStrings)
