"""Taps: seeing all that one session sends and gets, as it does.

A tapped session is told so, by its own protocol, when the first watcher comes and when the last is gone.
Who is not tapped pays nothing; see :mod:`chateau.net.observer`.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from chateau.net.admin.watching import Watcher, event
from chateau.net.admin.written import READERS, heard_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from chateau.hub.hub import Hub
    from chateau.hub.session import Session
    from chateau.net.admin.written import Heard
    from chateau.net.connection import Connection
    from chateau.net.connection_group import ConnectionGroup
    from chateau.net.frames import Received
    from chateau.protocols.transport import Outbox

Frame = dict[str, Any]

SHOWN_BYTES = 16_384
"""Bytes of a payload that are shown at most."""

ENDED = {"reason": "the session ended"}


class Taps:
    """All that there are, once a server."""

    def __init__(self, hub: Hub, groups: Collection[ConnectionGroup], *, now: Callable[[], str]) -> None:
        """*now* gives the time as RFC 3339."""
        self.now = now
        self._hub = hub
        self._groups = groups
        self._taps: dict[str, Tap] = {}  # by the session's id
        self._watched: dict[Watcher, Tap] = {}

    def is_tapped(self, session_id: str) -> bool:
        """Whether somebody sees what this session sends and gets."""
        return session_id in self._taps

    def endpoint(self, session: Session) -> TapDoor:
        """Where those come in who want to see *session*."""
        return TapDoor(self, session)

    def begin(self, watcher: Watcher, session: Session) -> None:
        """Let *watcher* see what *session* sends and gets from now on; where it has ended, that it has."""
        tap = self._taps.get(session.id) or self._begun(session)
        if tap is None:
            watcher.send(event("end", ENDED))
            watcher.end()
            return
        self._watched[watcher] = tap
        tap.watchers[watcher] = None
        if len(tap.watchers) == 1:
            self._hub.notify_tap(session, active=True)

    def end(self, watcher: Watcher) -> None:
        """*watcher* is gone."""
        tap = self._watched.pop(watcher, None)
        if tap is None:
            return
        del tap.watchers[watcher]
        if not tap.watchers:
            del self._taps[tap.session.id]
            tap.stop()
            self._hub.notify_tap(tap.session, active=False)

    def _begun(self, session: Session) -> Tap | None:
        connection = self._connection_of(session)
        if connection is None:
            return None
        tap = self._taps[session.id] = Tap(connection, session, self.now)
        return tap

    def _connection_of(self, session: Session) -> Connection | None:
        everyone = (connection for group in self._groups for connection in group.connections)
        return next((connection for connection in everyone if connection.session is session), None)


class Tap:
    """What one session sends and gets, told to all who watch it."""

    def __init__(self, connection: Connection, session: Session, now: Callable[[], str]) -> None:
        self.session = session
        self.watchers: dict[Watcher, None] = {}
        self._now = now
        self._loop = connection.group.loop
        self._untold: list[bytes] = []
        self._reader = READERS[connection.group.framing]()
        self._unread = connection.begun_bytes  # of a frame of which nobody saw the beginning
        self.stop = connection.tap(self)

    def on_received(self, said: Sequence[Received]) -> None:
        """Tell of what came: with what goes out in the same turn, so that the two take one ``send``."""
        if not self._untold:
            self._loop.call_soon(self._let_out)
        self._note("in", map(heard_of, said))

    def on_written(self, written: bytes) -> None:
        """Tell of what went out."""
        unread = min(self._unread, len(written))
        self._unread -= unread
        self._note("out", self._reader.feed(written[unread:]))
        self._let_out()

    def on_gone(self) -> None:
        """Tell of the end."""
        self._untold.append(event("end", ENDED))
        self._let_out()
        for watcher in list(self.watchers):
            watcher.end()

    def _note(self, direction: str, everything: Iterable[Heard]) -> None:
        time = self._now()
        self._untold += [event("frame", frame_of(direction, heard, time)) for heard in everything]

    def _let_out(self) -> None:
        payload = b"".join(self._untold)
        self._untold.clear()
        if payload:
            for watcher in list(self.watchers):  # a slow one may go now
                watcher.send(payload)


class TapDoor:
    """The way in for one watcher."""

    def __init__(self, taps: Taps, session: Session) -> None:
        self._taps = taps
        self._session = session

    def open(self, outbox: Outbox, address: str, port: int) -> Watcher:
        """A watcher at *address* and *port* has come."""
        watcher = Watcher(outbox, self._taps.end)
        self._taps.begin(watcher, self._session)
        return watcher


def frame_of(direction: str, heard: Heard, time: str) -> Frame:
    """What is told of *heard*."""
    shown = heard.content[:SHOWN_BYTES]
    return {
        "direction": direction,
        "time": time,
        "kind": heard.kind,
        "size": heard.size,
        **_content(heard.kind, shown),
        "truncated": len(shown) < len(heard.content),
    }


def _content(kind: str, shown: bytes) -> Frame:
    """Text where it is text, however a character at its end was cut; base64 else."""
    is_text = kind != "binary" and (kind not in ("ping", "pong") or _is_utf8(shown))
    return {"text": shown.decode(errors="ignore")} if is_text else {"base64": b64encode(shown).decode()}


def _is_utf8(shown: bytes) -> bool:
    try:
        shown.decode()
    except UnicodeDecodeError:
        return False
    return True
