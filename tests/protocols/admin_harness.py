"""The harness of the admin API, whose users use the chateau protocol; see :mod:`harness`.

Every response is checked against its schema before a test sees it.
"""

from __future__ import annotations

import json
from typing import Any

from chateau_harness import SCHEMA_SET as CHATEAU
from chateau_harness import checked as checked_frame
from harness import Frame, check_sentence, read, schema_set, validators
from harness import Harness as GenericHarness

from chateau.hub.errors import HubError
from chateau.hub.session import Session
from chateau.protocols.admin import AdminProtocol, error_response, status_of
from chateau.protocols.chateau import ChateauProtocol
from chateau.protocols.json_text import encode

SCHEMA_SET = schema_set("admin")
KEY = "swordfish"
ADDRESS = "192.0.2.1"
VALIDATORS = validators(SCHEMA_SET)


class AdminHarness(GenericHarness):
    """A server with *key* as its secret key."""

    schemas = CHATEAU
    make = ChateauProtocol

    def __init__(self, *, key: str | None = KEY, **options: Any) -> None:
        super().__init__(secret_key=key, **options)
        self.admin = AdminProtocol(self.hub, SCHEMA_SET, stop=self.stops.append, has_key=key is not None)

    def checked(self, payload: bytes) -> Frame:
        return checked_frame(payload)

    def connect(self, name: str, *rooms: str) -> Session:
        """Connect and register *name*, and let it join *rooms*."""
        session: Session = self[name].session
        self.hub.register(session, name)
        for room in rooms:
            self.hub.join(session, room)
        self[name].mailbox.take()
        return session

    def do(self, name: str, body: Frame | bytes) -> Frame:
        """Return the response to *body*, sent for the action *name*."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            response = self.admin.perform(name, sent)
        except HubError as error:
            return refused(error, sent)
        return checked(f"{name}-response", response)

    def asked(self, name: str, query: dict[str, str]) -> Frame:
        """Return the request that *query* contains, or the error response."""
        try:
            return self.admin.asked(name, query)
        except HubError as error:
            return refused(error, str(query).encode())


def refused(error: HubError, sent: bytes = b"") -> Frame:
    """Return the error response as it is sent."""
    response = checked("error-response", error_response(error, status_of(error)))
    check_sentence(response["error"], sent.decode(errors="replace"))
    return response


def checked(schema: str, response: Any) -> Frame:
    """Return *response* as it is sent, after checking it against *schema*."""
    frame = read(encode(response))
    VALIDATORS[schema].validate(frame)
    return frame
