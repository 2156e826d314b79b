"""The admin API over HTTP: the addresses below ``/admin/``, who is let in, and how it is told what is wrong.

What the actions mean is :mod:`chateau.protocols.admin`'s matter; the streams are those of
:mod:`chateau.net.admin.live` and :mod:`chateau.net.admin.tap`. Whatever is refused is refused in JSON.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, stream_request_body

from chateau.hub.errors import HubError, Unavailable
from chateau.net.entrance import port_of, take_over
from chateau.net.page import Page
from chateau.net.publish_desk import bearer_token, body_length
from chateau.net.subscribing import stream_head
from chateau.protocols.admin import ACTIONS, error_response, status_of
from chateau.protocols.errors import Internal, TooLarge, UnknownType
from chateau.protocols.json_text import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from chateau.net.admin.figures import Figures
    from chateau.net.admin.live import Live
    from chateau.net.admin.tap import Taps
    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.websocket import HandshakePolicy
    from chateau.protocols.admin import AdminProtocol
    from chateau.protocols.transport import Endpoint

log = logging.getLogger(__name__)

Frame = dict[str, Any]

BODY_BYTES = 65_536
"""Bytes of a body at most."""

DRAINED_BYTES = 1_048_576
"""Bytes that are read and dropped of a longer one: a client that is writing reads no answer."""

UNLIMITED = 2**62  # Tornado answers what goes beyond its own limit with a bare 400

SESSIONS = 200
"""Sessions that are listed where the query has no ``limit``."""


@dataclass(frozen=True, slots=True)
class Admin:
    """All that the addresses need; *group* is that of event streams."""

    protocol: AdminProtocol
    figures: Figures
    live: Live
    taps: Taps
    group: ConnectionGroup


class AdminPage(Page):
    """What all of them have in common: the key, and how a refusal is told."""

    takes: ClassVar[str] = "GET"  # the method

    def initialize(self, admin: Admin, policy: HandshakePolicy, name: str = "") -> None:
        self._admin = admin
        self._policy = policy
        self._name = name

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        return None  # nothing of this is kept

    def prepare(self) -> None:
        self._admit()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        _, exc, _ = kwargs.get("exc_info", (None, None, None))
        error, status = self._refused(exc)
        self.set_status(status)
        if status == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        elif status == 405:
            self.set_header("Allow", self.takes)
        self._answer(error_response(error, status))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if not isinstance(value, HubError):  # a refusal is no event
            super().log_exception(typ, value, tb)

    def _refused(self, exc: BaseException | None) -> tuple[HubError, int]:
        if isinstance(exc, HubError):
            return exc, status_of(exc)
        if isinstance(exc, HTTPError) and exc.status_code == 405:
            return UnknownType(f"This address takes the method {self.takes}."), 405
        return Internal(), 500

    def _admit(self) -> None:
        self._admin.protocol.admit(bearer_token(self.request.headers), self._address())

    def _address(self) -> str:
        return self._policy.address_of(self.request)

    def _asked(self) -> Frame:
        query = dict(parse_qsl(self.request.query, keep_blank_values=True))
        return self._admin.protocol.asked(self._name, query)

    def _answer(self, answer: Frame) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(encode(answer))


class AdminReading(AdminPage):
    """GET: how things are."""

    def get(self) -> None:
        self._answer(READINGS[self._name](self))

    def sessions(self) -> Frame:
        """The live sessions."""
        return self._admin.figures.sessions(self._asked().get("limit", SESSIONS))

    def rooms(self) -> Frame:
        """The rooms."""
        return self._admin.protocol.rooms()

    def bans(self) -> Frame:
        """The banned addresses."""
        return self._admin.protocol.bans()


READINGS: dict[str, Callable[[AdminReading], Frame]] = {
    "sessions": AdminReading.sessions,
    "rooms": AdminReading.rooms,
    "bans": AdminReading.bans,
}


class AdminStream(AdminPage):
    """GET: an event stream of what happens."""

    async def get(self) -> None:
        endpoint = STREAMS[self._name](self)
        group = self._admin.group
        if group.is_closing:
            raise Unavailable("The server is shutting down.")
        address = self._address()
        stream = self.detach()
        try:
            await stream.write(stream_head())
        except StreamClosedError:
            return
        await take_over(stream, group, endpoint, address=address, port=port_of(stream))

    def live(self) -> Endpoint:
        """The house, once a second."""
        return self._admin.live.endpoint(self._asked().get("limit", SESSIONS))

    def tap(self) -> Endpoint:
        """What one session sends and gets."""
        session = self._admin.protocol.session(self._asked()["session"])
        return self._admin.taps.endpoint(session)


STREAMS: dict[str, Callable[[AdminStream], Endpoint]] = {"live": AdminStream.live, "tap": AdminStream.tap}


@stream_request_body
class AdminAction(AdminPage):
    """POST: do something. A body is read before who sent it is answered, and dropped where it is too long."""

    takes = "POST"

    def prepare(self) -> None:
        self._body = bytearray()
        self._size = 0
        self.request.connection.set_max_body_size(UNLIMITED)  # type: ignore[union-attr]
        if self.request.method != self.takes or (body_length(self.request.headers) or 0) > DRAINED_BYTES:
            self._admit()
            self._check_size(body_length(self.request.headers) or 0)

    def data_received(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= BODY_BYTES:
            self._body += chunk
        elif self._size > DRAINED_BYTES and not self._finished:
            self._stop_reading()

    def post(self) -> None:
        self._admit()
        self._check_size(self._size)
        answer = self._admin.protocol.perform(self._name, bytes(self._body))
        log.info("admin: %s, from %s", self._name, self._address())
        self._answer(answer)

    def _stop_reading(self) -> None:
        """Answer though more is coming; the connection ends, since nothing else can."""
        try:
            self._admit()
            self._check_size(self._size)
        except HubError as error:
            self.send_error(status_of(error), exc_info=(None, error, None))

    def _check_size(self, size: int) -> None:
        if size > BODY_BYTES:
            raise TooLarge(f"A body may have {BODY_BYTES} bytes.")


class AdminNowhere(AdminPage):
    """Any other address below ``/admin/``."""

    def prepare(self) -> None:
        super().prepare()
        raise UnknownType("There is no such address below /admin/.")


def admin_routes(
    prefix: str, admin: Admin, policy: HandshakePolicy
) -> list[tuple[str, type[Page], dict[str, Any]]]:
    """The addresses, behind *prefix*, a pattern."""
    common = {"admin": admin, "policy": policy}
    kinds: list[tuple[type[AdminPage], Any]] = [
        (AdminReading, READINGS),
        (AdminStream, STREAMS),
        (AdminAction, ACTIONS),
    ]
    named: list[tuple[str, type[Page], dict[str, Any]]] = [
        (f"{prefix}/admin/{name}", page, common | {"name": name}) for page, names in kinds for name in names
    ]
    return [*named, (prefix + "/admin(?:/.*)?", AdminNowhere, common)]
