"""The admin API: its requests, responses and errors, without HTTP.

A body is checked against its schema in schemas/admin/, then its row in ``ACTIONS`` calls the hub. HTTP,
the metrics of connections and the taps are in chateau.net. See docs/admin-api.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chateau.hub.errors import AccessDenied, HubError, InvalidAddress, quoted
from chateau.protocols.errors import HTTP_STATUSES, InvalidJson
from chateau.protocols.json_peer import fault_of
from chateau.protocols.json_text import decode
from chateau.protocols.transport import POLICY_VIOLATION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chateau.hub.hub import Hub
    from chateau.hub.room import Room
    from chateau.hub.session import Session
    from chateau.protocols.schemas import SchemaSet

Frame = dict[str, Any]

NUMBERS = frozenset(("limit",))
"""The keys of queries whose values are numbers; all others are text."""

DIGITS = 9
"""Maximum number of digits of a number in a query; longer ones are not read as numbers."""

ADMIN_STATUSES = HTTP_STATUSES | {"access_denied": 401, "unknown_type": 404}
"""As in the other HTTP endpoints, but for a missing or wrong key, and for an unknown address."""


class AdminOff(AccessDenied):
    """The admin API is disabled, whatever the key."""

    def __init__(self) -> None:
        super().__init__("The admin API is off: start the server with --secret-key.")


class UnknownSession(HubError):
    code = "unknown_session"

    def __init__(self, id: str) -> None:  # noqa: A002
        super().__init__(f"There is no session {quoted(id)}.")


class AdminProtocol:
    """The admin API of one server."""

    def __init__(
        self, hub: Hub, schemas: SchemaSet, *, stop: Callable[[str | None], None], has_key: bool
    ) -> None:
        """*stop* shuts the server down, for a reason; without a key (*has_key*) the API is disabled."""
        self.hub = hub
        self.stop = stop
        self._schemas = schemas
        self._has_key = has_key

    def admit(self, key: str | None, address: str, client: object) -> None:
        """Check the secret key of *client* at *address*. A missing key does not count as a failed attempt.

        Raises:
            AdminOff, AccessDenied, MustWait, TooManyTries.
        """
        if not self._has_key:
            raise AdminOff
        if key is None:
            raise AccessDenied("The secret key is missing: send it as Authorization: Bearer KEY.")
        self.hub.access.check_key(key, address, client)

    def asked(self, name: str, query: Mapping[str, str]) -> Frame:
        """Return the request in the *query* for *name*, validated and with its numbers parsed.

        Raises:
            InvalidMessage.
        """
        request = {key: _number(value) if key in NUMBERS else value for key, value in query.items()}
        self._schemas.check(f"{name}-request", request)
        return request

    def perform(self, name: str, body: bytes) -> Frame:
        """Perform the action *name*, one of ``ACTIONS``, with the request *body*. Return the response.

        Raises:
            InvalidJson, NotAnObject, InvalidMessage, InvalidName.
            UnknownSession, UnknownRoom, UnknownRecipient.
            Unavailable: the store failed.
        """
        try:
            text = body.decode()
        except UnicodeDecodeError as exc:
            raise InvalidJson("not UTF-8") from exc
        request = decode(text)
        self._schemas.check(f"{name}-request", request)
        try:
            ACTIONS[name](self, request)
        except InvalidAddress as exc:
            raise self._schemas.validation_error_at(f"{name}-request", ["addresses"], str(exc)) from exc
        return {"status": 200}

    def rooms(self) -> Frame:
        """Return every room and its state, sorted by normalized name."""
        return {"rooms": [_room(room) for _, room in sorted(self.hub.rooms.by_key.items())]}

    def bans(self) -> Frame:
        """Return the banned addresses."""
        return {"addresses": self.hub.access.bans()}

    def session(self, id_: str) -> Session:
        """Return the session *id_*.

        Raises:
            UnknownSession.
        """
        session = self.hub.session(id_)
        if session is None:
            raise UnknownSession(id_)
        return session


def session_row(
    session: Session, *, received: int, rate: float | None, outbox_bytes: int, tapped: bool
) -> Frame:
    """Return *session* as a row of a list of sessions; the metrics of its connection are passed in."""
    return {
        "id": session.id,
        "protocol": session.protocol.name,
        "address": session.address,
        "port": session.port,
        "username": session.username,
        "name": session.name,
        "rooms": [room.name for room in (session.rooms or {}).values()],
        "received": received,
        "rate": rate,
        "outbox_bytes": outbox_bytes,
        "banned": session.banned,
        "tapped": tapped,
    }


def status_of(error: HubError) -> int:
    """Return the HTTP status of *error*."""
    return 403 if isinstance(error, AdminOff) else ADMIN_STATUSES.get(error.code, 400)


def error_response(error: HubError, status: int) -> Frame:
    """Return the error response for *error*, with *status*."""
    return {"status": status, "code": error.code, "error": str(error), **fault_of(error)}


def _number(text: str) -> int | str:
    is_number = text.isascii() and text.isdecimal() and len(text) <= DIGITS
    return int(text) if is_number else text


def _room(room: Room) -> Frame:
    return {
        "room": room.name,
        "members": room.count,
        "listeners": room.listeners,
        "closed": room.closed,
        "locked": room.password is not None,
        "banned": sorted(room.banned or ()),
    }


# The actions


def _kick(admin: AdminProtocol, request: Frame) -> None:
    reason = request.get("reason")
    text = f"kicked: {reason}" if reason else "kicked"
    admin.session(request["session"]).outbox.disconnect(POLICY_VIOLATION, text)


ACTIONS: dict[str, Callable[[AdminProtocol, Frame], object]] = {
    "kick": _kick,
    "ban": lambda admin, request: admin.hub.access.ban(request["addresses"]),
    "unban": lambda admin, request: admin.hub.access.unban(request["addresses"]),
    "open-room": lambda admin, request: admin.hub.rooms.open(request["room"]),
    "close-room": lambda admin, request: admin.hub.rooms.close(request["room"]),
    "lock-room": lambda admin, request: admin.hub.rooms.lock(request["room"], request["password"]),
    "delete-room": lambda admin, request: admin.hub.rooms.delete(request["room"]),
    "ban-from-room": lambda admin, request: admin.hub.rooms.ban(request["room"], request["username"]),
    "unban-from-room": lambda admin, request: admin.hub.rooms.unban(request["room"], request["username"]),
    "shutdown": lambda admin, request: admin.stop(request.get("reason") or None),
}
