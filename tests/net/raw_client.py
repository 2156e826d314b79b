"""A client that sends exactly the given bytes, over TCP or TLS, and reads the response.

Nothing waits longer than PATIENCE_SECONDS.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import socket
import struct
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from masked_frames import CLOSE, PONG, TEXT, ServerFrame, client_frame, close, first_server_frame, text

if TYPE_CHECKING:
    import ssl

PATIENCE_SECONDS = 10
KEY = base64.b64encode(b"sixteen bytes ok")
ACCEPT = base64.b64encode(hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()

Frame = dict[str, Any]


class Response(NamedTuple):
    """An HTTP response; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class RawClient:
    """One connection. Frames are decoded from the bytes read so far before more are read."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.host = host
        self.path = path
        self._read = bytearray()
        self._is_chunked = False  # the body of the last response

    @classmethod
    async def connect(
        cls,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        path: str = "/ws",
        receive_buffer_bytes: int | None = None,
    ) -> Self:
        """Connect to 127.0.0.1; a small *receive_buffer_bytes* makes a client that soon blocks the server."""
        sock = socket.socket()
        if receive_buffer_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
            name = None if tls is None else "localhost"
            limit = receive_buffer_bytes or 65_536
            reader, writer = await asyncio.open_connection(
                sock=sock, ssl=tls, server_hostname=name, limit=limit
            )
        except BaseException:
            sock.close()
            raise
        return cls(reader, writer, f"localhost:{port}", path)

    # HTTP

    def request(self, path: str | None = None, **headers: str) -> bytes:
        """Return a GET request; ``_`` in a header name stands for ``-``."""
        lines = [f"GET {path or self.path} HTTP/1.1"]
        headers = {"Host": self.host} | headers
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def handshake_request(self, **headers: str) -> bytes:
        """Return a WebSocket handshake request; *headers* extend or override the default ones."""
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
        upgrade |= {"Sec_WebSocket_Key": KEY.decode(), "Sec_WebSocket_Version": "13"}
        return self.request(**(upgrade | headers))

    async def get(self, path: str, **headers: str) -> Response:
        """Return the response to a GET request for *path*."""
        self.send(self.request(path, **headers))
        return await self.response()

    async def response(self) -> Response:
        """Return the next HTTP response."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
            self._is_chunked = headers.get("transfer-encoding") == "chunked"
        return Response(int(status.split()[1]), headers, body)

    async def upgrade(self, **headers: str) -> Self:
        """Upgrade to a WebSocket."""
        self.send(self.handshake_request(**headers))
        response = await self.response()
        assert response.status == 101, response
        assert response.headers["sec-websocket-accept"] == ACCEPT
        return self

    async def more_of_stream(self) -> bytes:
        """Return more of the body of an endless response: a chunk, or what arrives; b"" at its end."""
        if self._is_chunked:
            try:
                size = int(await self.reader.readuntil(b"\r\n"), 16)
                chunk = await self.reader.readexactly(size + 2)
            except asyncio.IncompleteReadError:
                return b""
            assert chunk.endswith(b"\r\n")
            if size:
                return chunk[:-2]
            self._is_chunked = False
        return await self.reader.read(65_536)

    # Frames

    def send(self, sent: bytes) -> None:
        """Send exactly *sent*."""
        self.writer.write(sent)

    def send_json(self, request: Frame) -> None:
        """Send *request* as a text frame."""
        self.send(text(json.dumps(request)))

    async def receive(self) -> ServerFrame:
        """Return the next frame."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (found := first_server_frame(self._read)) is None:
                more = await self.reader.read(65_536)
                assert more, f"the connection ended with {bytes(self._read)!r} in place of a frame"
                self._read += more
        frame, length = found
        del self._read[:length]
        return frame

    async def receive_json(self) -> Frame:
        """Return the next frame, a text frame, decoded."""
        frame = await self.receive()
        assert frame.opcode == TEXT, frame
        received: Frame = json.loads(frame.payload)
        return received

    async def receive_until(self, event: str) -> Frame:
        """Return the next push of *event*; earlier frames are dropped."""
        while (received := await self.receive_json()).get("event") != event:
            pass
        return received

    async def ask(self, request: Frame) -> Frame:
        """Send *request*; return its response. Earlier pushes are dropped."""
        self.send_json(request)
        while "sender" in (response := await self.receive_json()) or "event" in response:
            pass
        return response

    async def enter(self, username: str, *rooms: str) -> Self:
        """Register as *username*, and join *rooms*."""
        assert await self.ask({"type": 1, "username": username}) == {"type": 1, "status": 200}
        for room in rooms:
            assert (await self.ask({"type": 5, "room": room}))["status"] == 200
        return self

    # Ends

    async def closing(self) -> tuple[int | None, str]:
        """Return the code and the reason of the next frame, a close frame."""
        frame = await self.receive()
        assert frame.opcode == CLOSE, frame
        return frame.code, frame.reason

    async def end(self) -> bytes:
        """Return the bytes that arrive until the server ends the connection."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while more := await self.more_of_stream():
                self._read += more
        return bytes(self._read)

    async def reply_to_close(self, code: int, reason: str) -> None:
        """Receive a close with *code* and *reason*, send one in return, and wait for the end."""
        assert await self.closing() == (code, reason)
        self.send(close(code))
        assert await self.end() == b""

    async def reply_to_pings(self, count: int) -> None:
        """Send a pong for each of the next *count* frames, which are pings."""
        for _ in range(count):
            self.send(client_frame(PONG, (await self.receive()).payload))

    def reset(self) -> None:
        """Reset the connection without a close."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def leave(self) -> None:
        """Close the socket."""
        self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()
