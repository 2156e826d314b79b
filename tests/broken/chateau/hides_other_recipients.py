"""A server that shows each recipient no other recipients."""

from __future__ import annotations

from collections.abc import Iterable

from right_chateau import Frame, RightChateau, serve

BREAKS = ("message-to-several-is-one-frame",)


class HidesOtherRecipients(RightChateau):
    def deliver(self, frame: Frame, recipients: Iterable[RightChateau]) -> None:
        for recipient in recipients:
            own = {"clients": [recipient.username]} if "clients" in frame else {}
            recipient.send(frame | own)


if __name__ == "__main__":
    serve(HidesOtherRecipients)
