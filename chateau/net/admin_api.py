"""The admin API over HTTP: the routes below ``/admin/``, authentication, and errors, in JSON.

The actions are in :mod:`chateau.protocols.admin`, the streams in :mod:`chateau.net.admin_streams`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from tornado.web import HTTPError, stream_request_body

from chateau.hub.errors import HubError, TooManyTries, Unavailable
from chateau.hub.guesses import MustWait
from chateau.net.base_handler import BaseHandler, BoundedBody, bearer_token, body_length
from chateau.net.event_stream_handler import ByVersion, EventStreamHandler
from chateau.net.http_responses import RETRY_SECONDS
from chateau.net.media import check_media
from chateau.protocols.admin import ACTIONS, error_response, status_of
from chateau.protocols.errors import Internal, TooLarge, TooManyRequests, UnknownType
from chateau.protocols.json_text import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from tornado.http1connection import HTTP1Connection

    from chateau.hub.guesses import Guesses
    from chateau.net.accept import HandshakePolicy
    from chateau.net.admin_streams import LiveStream, Taps
    from chateau.net.connection import PeerFactory
    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.metrics import Metrics
    from chateau.protocols.admin import AdminProtocol

log = logging.getLogger(__name__)

Frame = dict[str, Any]

BODY_BYTES = 65_536
"""Maximum size of a body, in bytes."""

DRAINED_BYTES = 1_048_576
"""Bytes of a longer body that are read and dropped before the response."""

SESSIONS = 200
"""Number of sessions that are listed without a ``limit`` in the query."""


@dataclass(frozen=True, slots=True)
class Admin:
    """What the handlers need; *groups* are those of event streams."""

    protocol: AdminProtocol
    metrics: Metrics
    live: LiveStream
    taps: Taps
    groups: ByVersion[ConnectionGroup]


class AdminHandler(BaseHandler):
    """Checks the key, except for OPTIONS, and sends errors in JSON."""

    def initialize(self, admin: Admin, policy: HandshakePolicy, name: str = "") -> None:
        self._admin = admin
        self._policy = policy
        self._name = name
        self._turn: asyncio.Future[None] | None = None

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        return None  # responses are not cached

    async def prepare(self) -> None:
        if self.request.method != "OPTIONS":
            await self._authorize()

    def on_connection_close(self) -> None:
        """Stop waiting."""
        if self._turn is not None and not self._turn.done():
            self._guesses.forget(self._client, self._address())
            self._turn.set_result(None)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        _, exc, _ = kwargs.get("exc_info", (None, None, None))
        error, status = self._error_of(exc)
        self.set_status(status)
        if status == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        elif status == 429:
            self.set_header("Retry-After", str(RETRY_SECONDS))
        elif status == 405:
            self.set_allow()
        if isinstance(error, TooManyRequests):
            self.set_header("Retry-After", str(error.retry_seconds))
        self._respond(error_response(error, status))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if not isinstance(value, HubError):  # an error of the client is not logged
            super().log_exception(typ, value, tb)

    def _error_of(self, exc: BaseException | None) -> tuple[HubError, int]:
        if isinstance(exc, HubError):
            return exc, status_of(exc)
        if isinstance(exc, HTTPError) and exc.status_code == 405:
            return UnknownType(f"This address takes {self.methods_in_words()}."), 405
        return Internal(), 500

    async def _authorize(self) -> None:
        """Check the key. An address that has presented too many wrong ones has to wait.

        Raises:
            AdminOff, AccessDenied, TooManyTries.
        """
        self._policy.take_token(self.request)
        while True:
            try:
                self._admin.protocol.admit(bearer_token(self.request.headers), self._address(), self._client)
            except MustWait:
                await self._wait()
            else:
                return

    async def _wait(self) -> None:
        turn = self._turn = asyncio.get_running_loop().create_future()
        self._guesses.wait(self._client, self._address(), partial(set_result, turn))
        await turn
        if self._connection_is_closed():
            raise TooManyTries

    @property
    def _guesses(self) -> Guesses:
        return self._admin.protocol.hub.access.guesses

    @property
    def _client(self) -> object:
        return cast("HTTP1Connection", self.request.connection).context

    def _connection_is_closed(self) -> bool:
        stream = cast("HTTP1Connection", self.request.connection).stream
        return stream is None or stream.closed()

    def _address(self) -> str:
        return self._policy.address_of(self.request)

    def _asked(self) -> Frame:
        query = dict(parse_qsl(self.request.query, keep_blank_values=True))
        return self._admin.protocol.asked(self._name, query)

    def _respond(self, response: Frame) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(encode(response))


class AdminReadHandler(AdminHandler):
    """GET: the present state."""

    def get(self) -> None:
        self._respond(READINGS[self._name](self))

    def sessions(self) -> Frame:
        """Return the live sessions."""
        return self._admin.metrics.sessions(self._asked().get("limit", SESSIONS))

    def rooms(self) -> Frame:
        """Return the rooms."""
        return self._admin.protocol.rooms()

    def bans(self) -> Frame:
        """Return the banned addresses."""
        return self._admin.protocol.bans()


READINGS: dict[str, Callable[[AdminReadHandler], Frame]] = {
    "sessions": AdminReadHandler.sessions,
    "rooms": AdminReadHandler.rooms,
    "bans": AdminReadHandler.bans,
}


class AdminStreamHandler(AdminHandler, EventStreamHandler):
    """GET: an event stream."""

    async def get(self) -> None:
        open_peer = STREAMS[self._name](self)
        group = self._admin.groups.of(self.request)
        if group.is_closing:
            raise Unavailable("The server is shutting down.")
        await self.stream_to(group, open_peer, address=self._address())

    def live(self) -> PeerFactory:
        """Return the factory of subscribers of the live stream."""
        return self._admin.live.opener(self._asked().get("limit", SESSIONS))

    def tap(self) -> PeerFactory:
        """Return the factory of watchers of one session."""
        session = self._admin.protocol.session(self._asked()["session"])
        return self._admin.taps.opener(session)


STREAMS: dict[str, Callable[[AdminStreamHandler], PeerFactory]] = {
    "live": AdminStreamHandler.live,
    "tap": AdminStreamHandler.tap,
}


@stream_request_body
class AdminActionHandler(AdminHandler):
    """POST: an action. The body is read before the response, and dropped if it is too long."""

    async def prepare(self) -> None:
        """Check the key before the body is read, and report a wrong one when the body is read and dropped."""
        self._body = BoundedBody(self.request.connection, max_bytes=BODY_BYTES, max_dropped=DRAINED_BYTES)
        self._rejection: HubError | None = None
        try:
            await super().prepare()
        except HubError as error:
            self._rejection = error
        length = body_length(self.request.headers) or 0
        if self.request.method != "POST" or self._body.must_stop(length):
            self._check(length)

    def data_received(self, chunk: bytes) -> None:
        if self._body.add(chunk) and not self._finished:
            self._stop_reading()

    def post(self) -> None:
        self._check(self._body.size)
        check_media(self.request.headers)
        response = self._admin.protocol.perform(self._name, bytes(self._body))
        log.info("admin: %s, from %s", self._name, self._address())
        self._respond(response)

    def _stop_reading(self) -> None:
        """Respond before the end of the body; the connection has to close."""
        try:
            self._check(self._body.size)
        except HubError as error:
            self.send_error(status_of(error), exc_info=(None, error, None))

    def _check(self, size: int) -> None:
        if self._rejection is not None:
            raise self._rejection
        self._check_size(size)

    def _check_size(self, size: int) -> None:
        if size > BODY_BYTES:
            raise TooLarge(f"A body may have {BODY_BYTES} bytes.")


class AdminNotFoundHandler(AdminHandler):
    """Any other address below ``/admin/``."""

    async def prepare(self) -> None:
        await self._authorize()
        raise UnknownType("There is no such address below /admin/.")


def set_result(turn: asyncio.Future[None]) -> None:
    """Set the result of *turn*, unless the connection has ended."""
    if not turn.done():
        turn.set_result(None)


def admin_routes(
    prefix: str, admin: Admin, policy: HandshakePolicy
) -> list[tuple[str, type[BaseHandler], dict[str, Any]]]:
    """Return the routes; *prefix* is a pattern."""
    common = {"admin": admin, "policy": policy}
    kinds: list[tuple[type[AdminHandler], Any]] = [
        (AdminReadHandler, READINGS),
        (AdminStreamHandler, STREAMS),
        (AdminActionHandler, ACTIONS),
    ]
    named: list[tuple[str, type[BaseHandler], dict[str, Any]]] = [
        (f"{prefix}/admin/{name}", handler, common | {"name": name})
        for handler, names in kinds
        for name in names
    ]
    return [*named, (prefix + "/admin(?:/.*)?", AdminNotFoundHandler, common)]
