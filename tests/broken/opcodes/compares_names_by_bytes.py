"""Alice and alice are two names."""

from __future__ import annotations

from right_opcodes import RightOpcodes, serve

BREAKS = ("names-ignore-case", "room-names-ignore-case")


class ComparesNamesByBytes(RightOpcodes):
    def form(self, name: str, limit: int) -> str:
        return super().form(name, limit) and name


if __name__ == "__main__":
    serve(ComparesNamesByBytes)
