"""A client of the admin API and its streams. All responses are validated against schemas."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema_rs
from raw_client import PATIENCE_SECONDS, RawClient, Response

from chateau.protocols.schemas import SchemaSet

if TYPE_CHECKING:
    from live_harness import LiveServer

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas" / "admin"
SCHEMA_SET = SchemaSet(SCHEMAS, url="/schemas/admin")
KEY = "swordfish"

VALIDATORS = {
    name: jsonschema_rs.Draft202012Validator(
        schema,
        registry=jsonschema_rs.Registry([(other["$id"], other) for other in SCHEMA_SET.schemas.values()]),
        validate_formats=True,
    )
    for name, schema in SCHEMA_SET.schemas.items()
}

Frame = dict[str, Any]


class Event(NamedTuple):
    """One event of a stream."""

    kind: str
    frame: Frame


class AdminClient(RawClient):
    """One connection to the admin API."""

    async def read(self, name: str, *, status: int = 200, key: str | None = KEY) -> Frame:
        """Return the response to GET for *name*, which may have a query."""
        self.send(self.request(f"{self.path}{name}", **authorization(key)))
        return checked(name.partition("?")[0], await self.response(), status)

    async def do(
        self, name: str, body: Frame | bytes | None = None, *, status: int = 200, key: str | None = KEY
    ) -> Frame:
        """Return the response to POST for *name*."""
        self.send(self.posted(name, body or {}, key=key))
        return checked(name, await self.response(), status)

    def posted(self, name: str, body: Frame | bytes, **options: Any) -> bytes:
        """Return the request for the action *name*."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content_Length": str(len(sent))} | authorization(options.pop("key", KEY)) | options
        return self.request(f"{self.path}{name}", **headers).replace(b"GET", b"POST", 1) + sent

    async def watch(self, name: str) -> AdminClient:
        """Start to read the stream *name*, which may have a query."""
        self.send(self.request(f"{self.path}{name}", **authorization(KEY)))
        response = await self.response()
        assert response.status == 200, response
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store"
        return self

    async def event(self) -> Event:
        """Return the next event of the stream; comments are dropped."""
        while True:
            block = await self._block()
            if not block.startswith(":"):
                kind, content = block.split("\n")
                assert kind.startswith("event: ")
                frame = json.loads(content.removeprefix("data: "))
                VALIDATORS[f"{kind[7:]}-push"].validate(frame)
                return Event(kind[7:], frame)

    async def next(self, kind: str) -> Frame:
        """Return the next event of *kind*; earlier events are dropped."""
        while (event := await self.event()).kind != kind:
            pass
        return event.frame

    async def frame(self, direction: str, **parts: Any) -> Frame:
        """Return the next frame of a tap with this direction and *parts*; the others are dropped."""
        while True:
            frame = await self.next("frame")
            if frame["direction"] == direction and parts.items() <= frame.items():
                return frame

    async def _block(self) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while b"\n\n" not in self._read:
                more = await self.more_of_stream()
                if not more:
                    raise asyncio.IncompleteReadError(bytes(self._read), None)
                self._read += more
        block, _, rest = bytes(self._read).partition(b"\n\n")
        self._read[:] = rest
        return block.decode()


def authorization(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def checked(name: str, response: Response, status: int = 200) -> Frame:
    """Return the body of *response* after checking its *status* and its schema."""
    assert response.status == status, response
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers
    frame: Frame = json.loads(response.body)
    VALIDATORS[f"{name}-response" if status == 200 else "error-response"].validate(frame)
    assert status == 200 or frame["status"] == status
    return frame


async def admin_client(harness: LiveServer, **options: Any) -> AdminClient:
    """Return a connected admin client."""
    path = f"{harness.server.settings.url_prefix}/admin/"
    client = await AdminClient.connect(harness.port, tls=harness.tls, path=path, **options)
    harness.clients.append(client)
    return client


async def session_of(harness: LiveServer, name: str) -> str:
    """Return the id of the session with the username *name*."""
    sessions = (await (await admin_client(harness)).read("sessions"))["sessions"]
    (found,) = [session["id"] for session in sessions if session["name"] == name]
    assert isinstance(found, str)
    return found
