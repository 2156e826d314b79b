"""The error for content that is not a string is sent twice."""

from __future__ import annotations

from right_opcodes import Client, Refused, RightOpcodes, serve

BREAKS = ("rejected-requests-get-one-error",)


class SendsAnErrorTwice(RightOpcodes):
    def refuse(self, client: Client, refused: Refused) -> None:
        super().refuse(client, refused)
        if refused.code == "invalid_message":
            super().refuse(client, refused)


if __name__ == "__main__":
    serve(SendsAnErrorTwice)
