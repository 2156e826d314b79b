"""A server that corrects the seed's typing error."""

from __future__ import annotations

from right_lines import RightLines, serve

BREAKS = ("join-rejects-an-invalid-room-name",)


class Corrects(RightLines):
    invalid_room = "Invalid room name: {}, please use alphanumeric characters only"


if __name__ == "__main__":
    serve(Corrects)
