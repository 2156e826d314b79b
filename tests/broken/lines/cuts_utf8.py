"""A server that decodes each read separately, and loses a character that is split."""

from __future__ import annotations

from right_lines import Client, RightLines, serve

BREAKS = ("character-may-arrive-in-pieces", "long-text-arrives-unchanged", "invalid-utf-8-is-rejected")


class CutsCharacters(RightLines):
    read_bytes = 1_024

    def lines_in(self, client: Client, received: bytes) -> list[bytes]:
        return super().lines_in(client, received.decode(errors="ignore").encode())


if __name__ == "__main__":
    serve(CutsCharacters)
