"""A refusal says why to people, and not to programs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_functions import Frame, Refused, RightFunctions, serve

BREAKS = ("what-is-no-object-is-refused",)


class RefusesWithoutACode(RightFunctions):
    def refusal(self, request: Frame, refused: Refused) -> Frame:
        refusal = super().refusal(request, refused)
        return {key: refusal[key] for key in refusal if key != "code" or refusal["code"] != "not_an_object"}


if __name__ == "__main__":
    serve(RefusesWithoutACode)
