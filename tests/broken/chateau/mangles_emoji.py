"""A server whose characters have 16 bits."""

from __future__ import annotations

import re
from collections.abc import Iterable

from right_chateau import Frame, RightChateau, serve

BREAKS = (
    "content-of-180000-bytes-arrives-unchanged",
    "content-with-characters-beyond-16-bits-arrives-unchanged",
    "publish-content-arrives-unchanged",
)


class ManglesEmoji(RightChateau):
    def deliver(self, frame: Frame, recipients: Iterable[RightChateau]) -> None:
        if "content" in frame:
            frame = frame | {"content": re.sub("[\U00010000-\U0010ffff]", "\ufffd", frame["content"])}
        super().deliver(frame, recipients)


if __name__ == "__main__":
    serve(ManglesEmoji)
