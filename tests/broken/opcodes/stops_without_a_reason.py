"""The reason of a shutdown is not sent."""

from __future__ import annotations

from right_opcodes import RightOpcodes, serve

BREAKS = ("op-3-with-the-key-stops-the-server",)


class StopsWithoutAReason(RightOpcodes):
    def stop(self, reason: str | None) -> None:
        super().stop(None)


if __name__ == "__main__":
    serve(StopsWithoutAReason)
