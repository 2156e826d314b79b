"""A server that corrects the seed's typing error."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from right_lines import RightLines, serve

BREAKS = ("join-refuses-an-invalid-room-name",)


class Corrects(RightLines):
    invalid_room = "Invalid room name: {}, please use alphanumeric characters only"


if __name__ == "__main__":
    serve(Corrects)
