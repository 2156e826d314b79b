"""Spaces at the ends of a name are removed, not rejected."""

from __future__ import annotations

from right_opcodes import Client, RightOpcodes, serve

BREAKS = ("names-have-no-control-characters",)


class TrimsNames(RightOpcodes):
    def log_in(self, client: Client, name: str) -> None:
        super().log_in(client, name.strip())


if __name__ == "__main__":
    serve(TrimsNames)
