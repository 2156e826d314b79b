"""A server that treats the bytes of each read as whole lines."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("line-may-arrive-in-pieces", "character-may-arrive-in-pieces")


class TakesReadsForLines(RightLines):
    def lines_in(self, client: Client, received: bytes) -> list[bytes]:
        return received.splitlines()


if __name__ == "__main__":
    serve(TakesReadsForLines)
